"""Runs killed with SIGKILL at random moments go on where they were, and pay for nothing twice."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .server import CountingServer

HERE = Path(__file__).parent
RUNS = 30


def _start(store: Path, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "worker.py"), str(store), url, str(RUNS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    answers: dict[str, Any] = json.loads(out)
    return answers


def _committed(store: Path) -> set[str]:
    """Keys of all calls whose outcome the journal holds."""
    if not store.exists():
        return set()
    with sqlite3.connect(store) as connection:
        try:
            return {f"{run}:{path}" for run, path in connection.execute("select run, path from call")}
        except sqlite3.OperationalError:
            return set()  # killed before the tables were made


def _unfinished(store: Path) -> int:
    with sqlite3.connect(store) as connection:
        try:
            count = connection.execute("select count(*) from run where status <> 'finished'")
            return int(count.fetchone()[0])
        except sqlite3.OperationalError:
            return 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_runs_killed_at_random_moments_pay_for_no_call_twice(tmp_path: Path) -> None:
    with CountingServer() as server:
        whole = _finish(_start(tmp_path / "whole.db", server.url))
        assert len(whole) == RUNS
        calls = sum(server.started.values())
        chance, store, interrupted = random.Random(7), tmp_path / "killed.db", 0
        for _ in range(10):
            before, seen = _committed(store), server.started.copy()
            process = _start(store, server.url)
            _await_calls(server, sum(seen.values()), chance.randint(5, calls // 9), process)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            interrupted += _unfinished(store)
            assert not before & set(server.started - seen), "a call that the journal held was made again"
        before, seen = _committed(store), server.started.copy()
        answers = _finish(_start(store, server.url))
        assert not before & set(server.started - seen)
    assert interrupted >= RUNS, "too few runs were interrupted for this to prove anything"
    assert answers == whole


def _await_calls(server: Any, base: int, more: int, process: subprocess.Popen[str]) -> None:
    """Wait until `more` calls were made, so that the kill falls into the middle of the work."""
    ends = time.monotonic() + 60
    while sum(server.started.values()) < base + more and time.monotonic() < ends:
        if process.poll() is not None:
            return
        time.sleep(0.002)
