"""A server of vLLM on this machine: started, found again, shared between processes, and ended."""

from __future__ import annotations

import atexit
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rebut.errors import ModelUnavailable

from .failures import not_started, tail
from .guard import birth

Progress = Callable[[str], None]
"""Takes the last line of a server's log while it starts."""

NAME = "model"
"""What every server calls its model."""

_EVERY = 0.25
_PATIENCE = 1800.0
_LINES = 12


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs.

    Attributes:
        warden: the id of the process that watches over it (see `warden.py`), and when that began.
    """

    port: int
    key: str
    warden: int
    born: str

    @property
    def alive(self) -> bool:
        """Whether its warden runs; the warden ends with it."""
        return bool(self.born) and birth(self.warden) == self.born

    def healthy(self, seconds: float = 2.0) -> bool:
        """Whether it answers; blocks for at most `seconds`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", "/health", headers={"Authorization": f"Bearer {self.key}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class House:
    """One server, for all users in this process; other processes may use it too."""

    def __init__(self, folder: Path, model: str, command: list[str], port: int, keep: bool) -> None:
        """
        Args:
            folder: where states, locks and logs of servers are.
            command: that starts the server, without its port.
        """
        text = "\0".join([sys.executable, str(port), str(keep), *command])
        name = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        self.model, self.users = model, 0
        self.log, self._state = folder / f"{name}.log", folder / f"{name}.json"
        self._locks = folder / f"{name}.users", folder / f"{name}.start"
        self._command, self._port, self._keep = command, port, keep
        self._opening = threading.Lock()
        self._lock: IO[bytes] | None = None
        self._closing = threading.Event()
        self.server: Server | None = None

    @property
    def alive(self) -> bool:
        """Whether its server runs, as far as can be seen without asking it."""
        return self.server is not None and self.server.alive

    def open(self, progress: Progress | None = None) -> Server:
        """Find the server or start it; blocks, maybe for minutes.

        Raises:
            ModelUnavailable: it does not start; the end of its log is quoted.
        """
        with self._opening:
            if self.server is None or not self.server.alive:
                self._leave()
                self.server = self._enter(progress)
            return self.server

    def close(self) -> None:
        """Leave the server; the last user ends it, unless it is to be kept. Blocks until it is gone."""
        self._closing.set()
        with self._opening:
            self._closing.clear()
            server, self.server = self.server, None
            if server is not None and not self._keep and self._alone():
                self._end(server)
            self._leave()

    def _enter(self, progress: Progress | None) -> Server:
        import fcntl

        self._locks[0].parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._locks[0].open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_SH)  # waits for the end of a server that nobody used
            with _alone_with(self._locks[1]):
                return self._found() or self._started(progress)
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
        _take_leave()

    def _alone(self) -> bool:
        """Whether no other process uses the server."""
        import fcntl

        try:
            fcntl.flock(self._lock or -1, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _found(self) -> Server | None:
        """The server of an earlier user, if it runs and answers."""
        try:
            server = Server(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        if server.alive and server.healthy(30.0):
            return server
        self._end(server)
        return None

    def _started(self, progress: Progress | None) -> Server:
        port, key = self._port or _free_port(), secrets.token_urlsafe(32)
        self.log.unlink(missing_ok=True)
        warden = Path(__file__).with_name("warden.py")
        keep, places = "1" if self._keep else "0", (str(self._locks[0]), str(self.log))
        child = subprocess.Popen(
            [sys.executable, "-I", str(warden), *places, keep, *self._command, "--port", str(port)],
            env={**_defaults(), **os.environ, "VLLM_API_KEY": key},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wardens.append(child)
        server = Server(port, key, child.pid, birth(child.pid))
        try:
            self._wait(server, child, progress)
        except BaseException:
            self._end(server)
            raise
        self._write(server)
        return server

    def _wait(self, server: Server, child: subprocess.Popen[bytes], progress: Progress | None) -> None:
        until, said = time.monotonic() + _PATIENCE, ""
        while not server.healthy():
            if child.poll() is not None:
                raise self._failed("it ended")
            if self._closing.is_set() or time.monotonic() > until:
                raise self._failed("nobody waits for it any more")
            line = (tail(self.log).splitlines() or [""])[-1]
            if progress is not None and line != said:
                progress(said := line)
            time.sleep(_EVERY)

    def _failed(self, why: str) -> ModelUnavailable:
        """The error for a server that does not start, with what it said last."""
        logged = tail(self.log)
        cause = not_started(RuntimeError(f"See root cause: {why}"), self.model, self.log)
        last = "\n".join(line[:300] for line in logged.splitlines()[-_LINES:])
        return ModelUnavailable(f"{cause}\n{last}" if last else str(cause), model=self.model)

    def _write(self, server: Server) -> None:
        """Tell others where the server is; the file holds its key."""
        new = self._state.with_suffix(".new")
        new.unlink(missing_ok=True)
        facts = {"port": server.port, "key": server.key, "warden": server.warden, "born": server.born}
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(facts, file)
        new.replace(self._state)

    def _end(self, server: Server) -> None:
        """End the server through its warden; blocks until both are gone."""
        self._state.unlink(missing_ok=True)
        if server.alive:
            with suppress(ProcessLookupError):
                os.kill(server.warden, signal.SIGTERM)
        until = time.monotonic() + 20
        while server.alive and time.monotonic() < until:
            _take_leave()
            time.sleep(0.02)


def _defaults() -> dict[str, str]:
    """What the environment may overrule."""
    return {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "1",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def _alone_with(path: Path) -> Generator[None]:
    """One process at a time."""
    import fcntl

    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _take_leave() -> None:
    """Of wardens that have ended."""
    _wardens[:] = [child for child in _wardens if child.poll() is None]


_wardens: list[subprocess.Popen[bytes]] = []
_houses: dict[tuple[Any, ...], House] = {}
_lock = threading.Lock()


def move_in(folder: Path, model: str, command: list[str], port: int, keep: bool) -> House:
    """The process's one house for a command; leave it with `move_out`."""
    key = (folder, tuple(command), port, keep)
    with _lock:
        house = _houses.setdefault(key, House(folder, model, command, port, keep))
        house.users += 1
        return house


def move_out(house: House) -> None:
    """Close the house after its last user; blocks."""
    with _lock:
        house.users -= 1
        if house.users > 0:
            return
        for key in [key for key, other in _houses.items() if other is house]:
            del _houses[key]
    house.close()


@atexit.register
def _close_all() -> None:
    for house in list(_houses.values()):
        house.close()
