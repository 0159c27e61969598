"""Which process holds a run, and whether it still lives."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from rebut.errors import StoreError

BEAT = 15.0
"""Seconds between two signs of life of a process that holds runs."""

SILENT = 60.0
"""Seconds without a sign of life after which a process on another machine counts as gone."""


@functools.cache
def this_machine() -> str:
    """This machine since its last start, seen from this process's own space of pids; tells no names."""
    told = "/".join([platform.node(), _read("/proc/sys/kernel/random/boot_id"), _pid_space()])
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def birth(pid: int) -> int:
    """When a process started, in the kernel's clock ticks; 0 if that cannot be told, -1 once it is dead."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if fields and fields[0] in "ZX":
        return -1
    return int(fields[19]) if len(fields) > 19 else 0


@dataclass(frozen=True, slots=True)
class Owner:
    """One open store of one process. `born` tells a process from a later one with the same pid."""

    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    machine: str = field(default_factory=this_machine)
    pid: int = field(default_factory=os.getpid)
    born: int = field(default_factory=lambda: birth(os.getpid()))


def lives(machine: str | None, pid: int | None, born: int | None, beat: float | None, now: float) -> bool:
    """Whether the process that holds a run is alive, as far as can be told from here."""
    if machine is None or pid is None:
        return False
    if machine == this_machine() and sys.platform != "win32":
        return _runs(pid) and birth(pid) == born
    return beat is not None and now - beat < SILENT


def not_held(run: str) -> StoreError:
    """What a process is told that writes into a run which is not its own, or not any more."""
    return StoreError(f"run {run!r} is not held by this process: it was finished, or taken up by another")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
