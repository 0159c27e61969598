"""A PostgreSQL server of the tests' own, from the programs that are installed on this machine."""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

INSTALL = (
    "no PostgreSQL is installed here (initdb was not found): install Debian's package postgresql, "
    "or set PG_BIN to the folder with initdb and postgres"
)

SETTINGS = {
    "fsync": "off",  # the files are thrown away
    "listen_addresses": "127.0.0.1",
    "max_connections": "120",
    "autovacuum": "off",
    "deadlock_timeout": "200ms",
}


def programs() -> Path:
    """The folder with initdb and postgres.

    Raises:
        FileNotFoundError: there is none.
    """
    if given := os.environ.get("PG_BIN"):
        folders = [Path(given)]
    else:
        found = shutil.which("initdb")
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        folders = [*([Path(found).resolve().parent] if found else []), *reversed(debian)]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise FileNotFoundError(INSTALL)


class Cluster:
    """A server on a free port of the loopback address, with a role ``rebut`` that owns its databases.

    It sorts texts as people do (ICU, English), so that nothing is right only because a database sorts bytes.
    """

    _server: subprocess.Popen[Any] | None

    def __init__(self, **settings: str) -> None:
        self._settings = {**SETTINGS, **settings}
        self._programs = programs()
        self._as = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="rebut-postgres-"))
        self.password = secrets.token_urlsafe(12)
        self.port = 0
        self._server = None

    def __enter__(self) -> Self:
        try:
            self._init()
            self.start()
            self.run("postgres", f"CREATE ROLE rebut LOGIN PASSWORD '{self.password}'")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server, and throw its files away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server, after `stop` on the same port; returns once it takes connections.

        It ends with the thread that starts it, where the system can see to that: start it in the main one.
        """
        self.port = self.port or _free_port()
        options = {**self._settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        if pdeathsig := shutil.which("setpriv"):  # it must not outlive tests that are killed
            command = [pdeathsig, "--pdeathsig", "INT", *command]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **self._as
            )
        self._await()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its connections, SIGQUIT ends it as a crash would."""
        if self._server is not None:
            self._server.send_signal(how)
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait(30)
            self._server = None

    def url(self, database: str, **options: str) -> str:
        """The URL of a store in a database."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        where = f"postgresql://rebut:{self.password}@127.0.0.1:{self.port}/{database}"
        return f"{where}?{query}" if query else where

    def create(self, database: str, *, template: str = "template1", options: str = "") -> None:
        """Make a database that the role ``rebut`` owns."""
        self.run("postgres", f'CREATE DATABASE "{database}" OWNER rebut TEMPLATE {template} {options}')

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected."""
        self.run("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def run(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        """Do something as the server's administrator; what it gives back."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def connect(self, database: str) -> Any:
        """A connection of psycopg as the server's administrator, each statement its own transaction."""
        psycopg: Any = importlib.import_module("psycopg")
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def _init(self) -> None:
        (self.folder / "data").mkdir()
        if "user" in self._as:
            for path in (self.folder, self.folder / "data"):
                os.chown(path, self._as["user"], self._as["group"])
        command = [str(self._programs / "initdb"), "-D", str(self.folder / "data"), "--username=postgres"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as)
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")

    def _await(self) -> None:
        ends = time.monotonic() + 60
        assert self._server is not None
        while self._server.poll() is None and time.monotonic() < ends:
            try:
                self.run("postgres", "SELECT 1")
                return
            except importlib.import_module("psycopg").OperationalError:
                time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {(self.folder / 'log').read_text()[-2000:]}")


def _unprivileged() -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.name == "nt" or os.getuid() != 0:
        return {}
    pwd = importlib.import_module("pwd")
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
