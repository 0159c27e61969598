"""The inside of the sandbox: a process that shuts itself in, then runs a program and its tests.

Run as a script, it reads a JSON object from its standard input (``program`` and ``tests``, paths of files;
``key``; limits) and writes one JSON object to its standard output. It needs the standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import runpy
import struct
import sys
from collections.abc import Iterable, Mapping
from typing import Any

# Calls of the system that a program under test has no use for, with their numbers on x86_64 and aarch64.
CALLS = """
fork 57 -, vfork 58 -, clone 56 220, execve 59 221, execveat 322 281, ptrace 101 117, kill 62 129,
tkill 200 130, tgkill 234 131, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
pidfd_send_signal 424 424, pidfd_open 434 434, pidfd_getfd 438 438, process_vm_readv 310 270,
process_vm_writev 311 271, kcmp 312 272, process_madvise 440 440, socket 41 198, socketpair 53 199,
bind 49 200, listen 50 201, connect 42 203, accept 43 202, accept4 288 242, sendto 44 206,
sendmsg 46 211, recvfrom 45 207, recvmsg 47 212, sendmmsg 307 269, recvmmsg 299 243,
io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427, shmget 29 194,
semget 64 190, msgget 68 186, mq_open 240 180, memfd_create 319 279, memfd_secret 447 447,
userfaultfd 323 282, chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -,
lchown 94 -, fchown 93 55, fchownat 260 54, utime 132 -, utimes 235 -, futimesat 261 -,
utimensat 280 88, truncate 76 45, setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14,
lremovexattr 198 15, fremovexattr 199 16, setxattrat 463 463, removexattrat 466 466,
file_setattr 469 469, name_to_handle_at 303 264, open_by_handle_at 304 265, setrlimit 160 164,
prlimit64 302 261, unshare 272 97, setns 308 268, mount 165 40, umount2 166 39, pivot_root 155 41,
chroot 161 51, open_tree 428 428, move_mount 429 429, fsopen 430 430, fsconfig 431 431,
fsmount 432 432, fspick 433 433, mount_setattr 442 442, add_key 248 217, request_key 249 218,
keyctl 250 219, bpf 321 280, perf_event_open 298 241, seccomp 317 277, kexec_load 246 104,
kexec_file_load 320 294, init_module 175 105, finit_module 313 273, delete_module 176 106,
reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89, quotactl 179 60, quotactl_fd 443 443,
sethostname 170 161, setdomainname 171 162, settimeofday 164 170, clock_settime 227 112,
adjtimex 159 171, clock_adjtime 305 266, iopl 172 -, ioperm 173 -, setpriority 141 140,
ioprio_set 251 30, sched_setaffinity 203 122, sched_setscheduler 144 119, sched_setparam 142 118,
sched_setattr 314 274, migrate_pages 256 238, move_pages 279 239
"""
# Calls of which only some orders (the second argument) are refused: those by which the kernel would send
# signals to another process. F_SETOWN, F_SETSIG, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP.
ORDERS: Mapping[str, tuple[int, ...]] = {"fcntl 72 25": (8, 10, 15), "ioctl 16 29": (0x8901, 0x8902)}
MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2)}
"""How the kernel calls a machine, and the column of its numbers."""
CLONE3 = 435
ENOSYS, EPERM = 38, 1
X32 = 0x40000000

_READ, _LIST = 1 << 2, 1 << 3
_ALL_OF_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


def main() -> None:
    """Shut in, run, and say how it went."""
    said = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    for own in (0, 1, 2):
        os.dup2(null, own)
    os.chdir("/")
    try:
        shut_in([said["folder"]], memory=said["memory"], seconds=said["seconds"])
    except OSError as error:
        _say(answers, {"open": f"{error.strerror or error}"})
        return
    _say(answers, run(said["program"], said["tests"], said["key"]))
    os._exit(0)


def _say(to: int, outcome: Mapping[str, Any]) -> None:
    os.write(to, json.dumps(outcome).encode())


def run(program: str, tests: str, key: str) -> dict[str, Any]:
    """Run a program, then the tests with its names; the key is given back if nothing was raised."""
    try:
        names = runpy.run_path(program, run_name="program")
        runpy.run_path(tests, init_globals=names, run_name="tests")
    except MemoryError:
        return {"error": "out of memory"}
    except BaseException as error:
        return {"error": _told(error)}
    return {"passed": key}


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300].encode("utf-8", "replace").decode()
    except BaseException:  # its own text is the program's, and may raise
        return type(error).__name__[:100]


def shut_in(readable: Iterable[str], *, memory: int, seconds: int) -> None:
    """From here on: no new processes, no network, no writing, reading only what Python needs.

    Raises:
        OSError: the system lacks one of the barriers.
    """
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    _held(libc.prctl(38, 1, 0, 0, 0), "no new privileges")
    _close_files(libc, [*readable, sys.base_prefix, *_SYSTEM, *_DEVICES])
    _refuse_calls(libc)


def _held(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _close_files(libc: Any, readable: Iterable[str]) -> None:
    """Landlock: nothing may be written, and nothing read but these paths."""
    version = _held(libc.syscall(444, None, 0, 1), "Landlock")
    network, scope = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    wanted = struct.pack("=QQQ", _ALL_OF_FILES[min(version, 5)], network, scope)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _held(libc.syscall(444, wanted, size, 0), "Landlock")
    for path in readable:
        if not os.path.exists(path):
            continue
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = _READ | (_LIST if os.path.isdir(path) else 0)
        _held(libc.syscall(445, rules, 1, struct.pack("=Qi", allowed, beneath), 0), "Landlock")
        os.close(beneath)
    _held(libc.syscall(446, rules, 0), "Landlock")
    os.close(rules)


class _Step(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def _refuse_calls(libc: Any) -> None:
    """Seccomp: what is refused fails with EPERM; on another machine's calls the process ends."""
    known = MACHINES.get(platform.machine())
    if known is None:
        raise OSError(ENOSYS, f"system calls of {platform.machine()} are not known")
    kind, column = known
    numbers = [call.split()[column] for call in CALLS.replace("\n", " ").split(",")]
    load, equal, above, give = 0x20, 0x15, 0x35, 0x06
    refuse, kill, allow = 0x00050000, 0x80000000, 0x7FFF0000
    steps = [(load, 0, 0, 4), (equal, 1, 0, kind), (give, 0, 0, kill), (load, 0, 0, 0)]
    steps += [(above, 0, 1, X32), (give, 0, 0, kill)]
    steps += [(equal, 0, 1, CLONE3), (give, 0, 0, refuse | ENOSYS)]
    for number in numbers:
        if number != "-":
            steps += [(equal, 0, 1, int(number)), (give, 0, 0, refuse | EPERM)]
    for call, orders in ORDERS.items():
        # the kernel reads an order from the lower half of the argument, which stands first in memory
        steps += [(equal, 0, 2 * len(orders) + 2, int(call.split()[column])), (load, 0, 0, 24)]
        for order in orders:
            steps += [(equal, 0, 1, order), (give, 0, 0, refuse | EPERM)]
        steps.append((give, 0, 0, allow))
    steps.append((give, 0, 0, allow))
    program = (_Step * len(steps))(*(_Step(*step) for step in steps))
    rules = _Filter(len(steps), program)
    _held(libc.prctl(22, 2, ctypes.byref(rules), 0, 0), "seccomp")


if __name__ == "__main__":
    main()
