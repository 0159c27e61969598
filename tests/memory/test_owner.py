from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rebut.memory.owner import SILENT, Owner, birth, lives, this_machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pids cannot be asked after there")


def test_this_process_lives() -> None:
    me = Owner()
    assert lives(me.machine, me.pid, me.born, beat=0.0, now=1e9)


def test_a_process_that_ended_does_not() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not lives(this_machine(), process.pid, 1, beat=1e9, now=1e9)


def test_a_later_process_with_the_same_pid_is_another() -> None:
    assert not lives(this_machine(), os.getpid(), birth(os.getpid()) + 1, beat=1e9, now=1e9)


def test_a_process_that_died_and_was_not_waited_for_does_not_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = birth(process.pid)
    assert lives(this_machine(), process.pid, born, beat=None, now=0)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not lives(this_machine(), process.pid, born, beat=None, now=0)
    process.communicate()


def test_a_process_elsewhere_lives_as_long_as_it_gives_signs() -> None:
    assert lives("elsewhere", 1, 1, beat=1000.0, now=1000.0 + SILENT - 1)
    assert not lives("elsewhere", 1, 1, beat=1000.0, now=1000.0 + SILENT)
    assert not lives("elsewhere", 1, 1, beat=None, now=0.0)


def test_a_run_that_nobody_holds_is_not_alive() -> None:
    assert not lives(None, None, None, None, 0.0)
