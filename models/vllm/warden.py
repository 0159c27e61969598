"""Runs a server for as long as somebody uses it. A program of its own, on the standard library alone.

    python warden.py USERS LOG KEEP COMMAND...

Whoever uses the server holds a shared lock on the file USERS. The kernel drops the lock of a process that
ends, however it ends; when nobody holds one, the server and all that it started are ended. KEEP is 1 for a
server that stays. What the server says goes to LOG. The server dies with its warden, where the kernel can see
to that.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

_EVERY = 0.25  # seconds between two looks
_GRACE = 10.0  # seconds that the server has to end
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def main(arguments: list[str]) -> int:
    """Start the server and wait for its end, or for that of its last user."""
    users, log, keep, *command = arguments
    signal.signal(signal.SIGTERM, _asked)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(log, "ab", buffering=0) as out, open(users, "ab") as lock:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),
        )
        try:
            while server.poll() is None and not (keep != "1" and _unused(lock.fileno())):
                time.sleep(_EVERY)
        except _Asked:
            pass
        finally:
            end(server)
    return 0


class _Asked(Exception):
    """The warden was told to end."""


def _asked(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Asked


def _unused(lock: int) -> bool:
    """Whether nobody holds the lock; it is then ours, and new users wait until all is over."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _dying_with(parent: int) -> Callable[[], None] | None:
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None

    def before() -> None:
        prctl(_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return before


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server and all processes of its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(_GRACE)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
