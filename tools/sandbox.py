"""Runs a foreign Python program and tests of it in a process that can do nothing but compute.

The process reads no file but Python's own, writes none, starts no other, opens no socket, sees no variable of
the environment, and ends at its limits of time and memory (Landlock and seccomp of Linux). Where one of these
barriers is missing nothing is run at all. What it does not hold back: a program that sets out to deceive its
tests (they share a process), and flaws of the kernel or the machine: for programs of an enemy take a machine
of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rebut.errors import SettingsError

CELL = Path(__file__).with_name("cell.py")
SECONDS = 5.0
MEMORY = 512 * 1024 * 1024
_MOST_SAID = 10_000
"""Bytes that the process may say."""

# Tries each thing that must fail, and passes if all of them do.
_PROBE = """
import fcntl, os, socket
refused, parent = [], os.getppid()
def attempt(what, do, *args):
    try:
        do(*args)
    except OSError:
        refused.append(what)
attempt("fork", os.fork)
attempt("socket", socket.socket)
attempt("exec", os.execv, "/bin/true", ["true"])
attempt("kill", os.kill, parent, 0)
attempt("priority", os.setpriority, os.PRIO_PROCESS, parent, os.getpriority(os.PRIO_PROCESS, parent))
attempt("processors", os.sched_setaffinity, parent, os.sched_getaffinity(parent))
attempt("owner", fcntl.fcntl, 0, fcntl.F_SETOWN, os.getpid())
attempt("signal", fcntl.fcntl, 0, 10, 0)
attempt("read", open, "/proc/self/environ")
attempt("list", os.listdir, "/")
attempt("write", open, __file__, "a")
attempt("chmod", os.chmod, __file__, 0o600)
attempt("remove", os.remove, __file__)
"""
_REFUSED = """
assert refused == [
    "fork", "socket", "exec", "kill", "priority", "processors", "owner", "signal",
    "read", "list", "write", "chmod", "remove",
], refused
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a program did. `error` says what was raised or which limit it met; empty where it passed."""

    passed: bool
    error: str = ""


def passes(program: str, tests: str, *, seconds: float = SECONDS, memory: int = MEMORY) -> Verdict:
    """Run `program`, then `tests` with its names. It passes if nothing is raised.

    Blocks until it ends; call it in a thread.

    Args:
        seconds: of wall time, and of the processor, rounded up.
        memory: bytes of address space.

    Raises:
        SettingsError: this machine cannot shut a program in.
    """
    ready()
    return _passes(program, tests, seconds, memory)


@cache
def ready() -> None:
    """Try once in this process whether the barriers hold.

    Raises:
        SettingsError: one of them does not.
    """
    verdict = _passes(_PROBE, _REFUSED, 30, MEMORY)
    if not verdict.passed:
        raise SettingsError(
            "programs of models cannot be shut in on this machine, so none is run: needs Linux 5.13 or later "
            f"with Landlock and seccomp, on x86_64 or aarch64 ({verdict.error})"
        )


def _passes(program: str, tests: str, seconds: float, memory: int) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="rebut-") as folder:
        paths = {name: Path(folder) / f"{name}.py" for name in ("program", "tests")}
        for path, text in zip(paths.values(), (program, tests), strict=True):
            path.write_text(text, encoding="utf-8", errors="replace")
        key = secrets.token_hex(16)
        order = {name: str(path) for name, path in paths.items()} | {
            "folder": folder,
            "key": key,
            "seconds": int(seconds) + 1,
            "memory": memory,
        }
        said, late = _cell(json.dumps(order).encode(), seconds)
    return Verdict(False, f"longer than {seconds:g} seconds") if late else _verdict(said, key)


def _cell(order: bytes, seconds: float) -> tuple[bytes, bool]:
    """What the process said, and whether its time was over."""
    command = [sys.executable, "-I", "-S", "-B", str(CELL)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(order)
        process.stdin.close()
        return _read(process.stdout.fileno(), time.monotonic() + seconds)
    except BrokenPipeError:
        return b"", False
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _read(pipe: int, until: float) -> tuple[bytes, bool]:
    said, watch = b"", select.poll()  # unlike select.select, it takes descriptors above 1023
    watch.register(pipe, select.POLLIN)
    while len(said) <= _MOST_SAID:
        left = until - time.monotonic()
        if left <= 0 or not watch.poll(left * 1000):
            return said, True
        if not (part := os.read(pipe, 4096)):
            break
        said += part
    return said, False


def _verdict(said: bytes, key: str) -> Verdict:
    try:
        found = json.loads(said)
    except ValueError:
        return Verdict(False, "it ended before its tests did")
    if not isinstance(found, dict):
        return Verdict(False, "it ended before its tests did")
    if found.get("passed") == key:
        return Verdict(True)
    return Verdict(False, str(found.get("error") or found.get("open") or "it failed")[:300])
