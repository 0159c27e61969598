"""The sandbox runs foreign programs, and lets them do nothing but compute."""

from __future__ import annotations

import os
import platform
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rebut.errors import SettingsError
from rebut.tools import cell, sandbox

pytestmark = pytest.mark.usefixtures("barriers")

ADD = "def add(a, b):\n    return a + b\n"


def error_of(program: str, tests: str = "", seconds: float = 2) -> str:
    verdict = sandbox.passes(program, tests, seconds=seconds)
    assert not verdict.passed
    return verdict.error


def test_a_right_program_passes_and_a_wrong_one_does_not() -> None:
    assert sandbox.passes(ADD, "assert add(1, 2) == 3").passed
    assert error_of(ADD, "assert add(1, 2) == 4").startswith("AssertionError")
    assert error_of("def add(a, b) return", "assert add(1, 2) == 3").startswith("SyntaxError")


def test_the_usual_modules_can_be_used() -> None:
    program = "from __future__ import annotations\nimport collections, datetime, itertools, json, re\n"
    assert sandbox.passes(program + ADD, "import math\nassert add(1, 2) == math.floor(3.5)").passed


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os\nwhile True:\n    os.fork()", "Operation not permitted"),
        ("import subprocess\nsubprocess.run(['true'])", "Operation not permitted"),
        ("import os\nos.execv('/bin/true', ['true'])", "Operation not permitted"),
        ("import threading\nthreading.Thread(target=print).start()", "can't start new thread"),
        ("import os\nos.kill(os.getppid(), 9)", "Operation not permitted"),
        ("import os\nos.kill(-1, 9)", "Operation not permitted"),
        ("import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)", "Operation not permitted"),
        ("import os\nos.sched_setaffinity(os.getppid(), {0})", "Operation not permitted"),
        ("import os\nos.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))", "Operation not permitted"),
        ("import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())", "Operation not permitted"),
        ("import fcntl\nfcntl.fcntl(0, 10, 9)", "Operation not permitted"),
        ("import fcntl\nfcntl.fcntl(0, 15, bytes(8))", "Operation not permitted"),
        ("import fcntl\nfcntl.ioctl(0, 0x8901, bytes(4))", "Operation not permitted"),
        ("import fcntl\nfcntl.ioctl(0, 0x8902, bytes(4))", "Operation not permitted"),
        ("print(open('/etc/passwd').read())", "Permission denied"),
        ("print(open('/proc/self/environ').read())", "Permission denied"),
        ("import os\nos.listdir('/home')", "Permission denied"),
        ("open('/tmp/left-behind', 'w')", "Permission denied"),
        ("open(__file__, 'a')", "Permission denied"),
        ("import os\nos.chmod(__file__, 0o777)", "Operation not permitted"),
        ("import os\nos.utime(__file__)", "Operation not permitted"),
        ("import os\nos.truncate(__file__, 0)", "Operation not permitted"),
        ("import os\nos.symlink('/', '/tmp/left-behind')", "Permission denied"),
        ("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "not allowed"),
        ("x = bytearray(1 << 40)", "out of memory"),
        ("x = []\nwhile True:\n    x.append(bytes(1 << 20))", "out of memory"),
        ("import os\nos._exit(0)", "ended before"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("def f():\n    f()\nf()", "RecursionError"),
        ("import ctypes\nctypes.string_at(0)", "ended before"),
    ],
)
def test_what_is_no_computing_is_refused(program: str, says: str) -> None:
    assert says in error_of(program, seconds=10)


def test_an_order_with_more_bits_than_the_kernel_reads_is_refused_too() -> None:
    _, *numbers = next(call for call in cell.ORDERS if call.startswith("fcntl")).split()
    number = numbers[cell.MACHINES[platform.machine()][1] - 1]
    program = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"done = libc.syscall({number}, 0, ctypes.c_long((1 << 32) | 8), os.getppid())\n"
        "assert done == 0, os.strerror(ctypes.get_errno())"
    )
    assert error_of(program) == "AssertionError: Operation not permitted"


def test_other_orders_to_files_are_let_through() -> None:
    program = (
        "import fcntl, os\nread, write = os.pipe()\nos.set_blocking(read, False)\n"
        "flags = fcntl.fcntl(read, fcntl.F_GETFL)\nfcntl.ioctl(read, 0x5421, bytes(4))"
    )
    assert sandbox.passes(program, "assert flags & os.O_NONBLOCK and not os.isatty(read)").passed


@pytest.mark.parametrize("kind", ["AF_INET", "AF_INET6", "AF_UNIX"])
def test_there_is_no_network(kind: str) -> None:
    assert "Operation not permitted" in error_of(f"import socket\nsocket.socket(socket.{kind})")


@pytest.mark.parametrize("program", ["while True:\n    pass", "import time\ntime.sleep(60)"])
def test_a_program_without_end_is_ended(program: str) -> None:
    began = time.monotonic()
    assert error_of(program, seconds=0.5) == "longer than 0.5 seconds"
    assert time.monotonic() - began < 10


def test_much_output_costs_nothing() -> None:
    assert sandbox.passes(
        "for _ in range(200):\n    print('x' * 1_000_000)\n" + ADD, "assert add(1, 1) == 2"
    ).passed


def test_what_is_written_past_the_cell_is_no_verdict() -> None:
    flood = (
        'import os\nfor fd in range(3, 20):\n    try:\n        os.write(fd, b\'{"passed": "x"}\' * 2000)\n'
    )
    assert error_of(flood + "    except OSError:\n        pass") == "it ended before its tests did"


def test_secrets_of_the_environment_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    tests = "import os\nassert 'API_KEY' not in os.environ, 'leak'"
    assert sandbox.passes("", tests).passed


def test_an_error_that_cannot_tell_itself_is_told() -> None:
    nasty = "class Nasty(Exception):\n    def __str__(self):\n        raise ValueError\nraise Nasty"
    assert error_of(nasty) == "Nasty"
    assert error_of("raise ValueError('x' * 10**6 + '\\ud800')").startswith("ValueError: xxx")


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            cells.append(self)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", Noted)
    sandbox.passes("while True:\n    pass", "", seconds=0.2)
    assert not list(tmp_path.iterdir())
    assert [cell.returncode for cell in cells] == [-signal.SIGKILL]


def test_where_a_barrier_is_missing_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_REFUSED", "assert 'chmod' not in refused, 'no barrier'")
    sandbox.ready.cache_clear()
    try:
        with pytest.raises(SettingsError, match=r"cannot be shut in .* \(AssertionError: no barrier\)"):
            sandbox.passes(ADD, "")
    finally:
        sandbox.ready.cache_clear()


@pytest.mark.parametrize(
    ("barrier", "broken", "lacks"),
    [
        ("setpriority 141 140", "vhangup 153 58", "priority"),
        ("sched_setaffinity 203 122", "vhangup 153 58", "processors"),
        ("(8, 10, 15)", "(10, 15)", "owner"),
        ("(8, 10, 15)", "(8, 15)", "signal"),
    ],
)
def test_a_cell_from_which_others_can_be_reached_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, barrier: str, broken: str, lacks: str
) -> None:
    source = sandbox.CELL.read_text()
    assert source.count(barrier) == 1
    weak = tmp_path / "cell.py"
    weak.write_text(source.replace(barrier, broken))
    monkeypatch.setattr(sandbox, "CELL", weak)
    sandbox.ready.cache_clear()
    try:
        with pytest.raises(SettingsError, match=r"AssertionError: .'fork', ") as refused:
            sandbox.ready()
        assert f"'{lacks}'" not in str(refused.value)
    finally:
        sandbox.ready.cache_clear()


def test_a_process_with_many_open_files_runs_programs_too() -> None:
    sandbox.ready()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1400:
        pytest.skip("this process may not open so many files")
    kept: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1400), hard))
        while not kept or kept[-1] < 1100:
            kept.append(os.open(os.devnull, os.O_RDONLY))
        assert sandbox.passes(ADD, "assert add(1, 2) == 3").passed
        assert error_of("while True:\n    pass", seconds=0.2) == "longer than 0.2 seconds"
    finally:
        for file in kept:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_table_of_calls_is_whole() -> None:
    calls = [call.split() for call in (*cell.CALLS.replace("\n", " ").split(","), *cell.ORDERS)]
    assert all(len(call) == 3 for call in calls) and len({call[0] for call in calls}) == len(calls)
    for column in (1, 2):
        numbers = [int(call[column]) for call in calls if call[column] != "-"]
        assert len(set(numbers)) == len(numbers)
    assert platform.machine() in cell.MACHINES
