"""No process of an engine outlives the process that started it, however that one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_GRACE = 3.0  # seconds for a process that was told to end


class Guard:
    """Watches over the processes of one engine: those started since `before`, and those they started."""

    def __init__(self, before: set[int | None]) -> None:
        """
        Args:
            before: ids of the child processes that are not the engine's (see `children`).
        """
        own = sorted(pid for pid in children() - before if pid is not None)
        self._born = {pid: birth(pid) for pid in family(own)}
        self._watch: subprocess.Popen[bytes] | None = None
        if self._born and os.name == "posix":
            # Reads until the other end of the pipe is gone, which the kernel sees to however we die.
            script = 'read _; kill -9 "$@" 2>/dev/null'
            self._watch = subprocess.Popen(
                ["/bin/sh", "-c", script, "rebut-guard", *map(str, self.pids)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def pids(self) -> list[int]:
        """The processes, those that were started first in front."""
        return list(self._born)

    def end(self) -> None:
        """Kill what is left of the engine and lift the guard: its ids may be other processes' from now on."""
        for child in multiprocessing.active_children():
            if child.pid in self._born:
                child.join(_GRACE)
        for pid, born in self._born.items():
            if born and birth(pid) == born:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + _GRACE
        while any(b and birth(pid) == b for pid, b in self._born.items()) and time.monotonic() < until:
            multiprocessing.active_children()  # takes leave of those that are dead
            time.sleep(0.02)
        self._lift()

    def _lift(self) -> None:
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            if self._watch.stdin is not None:
                with suppress(OSError):
                    self._watch.stdin.close()
            self._watch = None


def children() -> set[int | None]:
    """Ids of the processes that this one started through `multiprocessing`."""
    return {child.pid for child in multiprocessing.active_children()}


def family(pids: Iterable[int]) -> list[int]:
    """The processes and all that descend from them, parents first; without `/proc` the processes alone."""
    found = list(pids)
    parents = {int(p.name): _parent(int(p.name)) for p in Path("/proc").glob("[0-9]*")}
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid and child not in found]
    return found


def _stat(pid: int) -> list[str]:
    """The fields of a process behind its name; none where it is dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] == "Z" else fields


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def birth(pid: int) -> str:
    """When a process began, by the kernel's clock: an id may be given again, this pair is not."""
    fields = _stat(pid)
    return fields[19] if fields else ""
