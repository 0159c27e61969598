"""Two hundred runs at once in four processes on one store, one of them killed: no call lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rebut.testing.databases import Database

from ...graphs.crash.server import CountingServer

HERE = Path(__file__).parent
RUNS, WORKERS = 200, 4


def begun(where: Database, url: str, number: int) -> subprocess.Popen[str]:
    words = [where.url, url, str(number), str(WORKERS), str(RUNS)]
    command = [sys.executable, str(HERE / "worker.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def recorded(where: Database) -> set[str]:
    """The keys of all calls whose outcome the journal holds."""
    return {f"{run}:{path}" for run, path in where.rows("SELECT run, path FROM call")}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("sqlite", marks=pytest.mark.slow),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ],
    indirect=True,
)
def test_a_process_that_is_killed_amid_two_hundred_runs_costs_no_call(where: Database) -> None:
    with CountingServer(0.05) as server, ExitStack() as stack:
        workers = [begun(where, server.url, number) for number in range(WORKERS)]
        for worker in workers:
            stack.callback(worker.communicate)
            stack.callback(worker.kill)
        await_calls(server, 350, workers)
        workers[0].send_signal(signal.SIGKILL)
        said = workers[0].communicate()[0]
        before = recorded(where)  # first these: what is recorded was asked for before
        seen = server.started.copy()
        said += "".join(worker.communicate(timeout=600)[0] for worker in workers[1:])
        stack.pop_all()
        again = set(server.started - seen)
    assert [worker.returncode for worker in workers] == [-signal.SIGKILL, 0, 0, 0], said
    assert said == "", "nothing was logged, neither locks nor lost connections"
    assert len(before) > 50, "killed too early to prove anything"
    assert not before & again, "a call that the journal held was made again"
    asked_twice = {key for key, times in server.started.items() if times > 1}
    assert all(int(key.partition(":")[0].removeprefix("crowd-")) % WORKERS == 0 for key in asked_twice)
    assert recorded(where) == set(server.finished), "every answer is in the journal, and nothing else"
    nothing_is_missing(where)


def await_calls(server: Any, wanted: int, workers: Sequence[subprocess.Popen[str]]) -> None:
    ends = time.monotonic() + 120
    while sum(server.started.values()) < wanted and time.monotonic() < ends:
        ended = [worker for worker in workers if worker.poll() is not None]
        assert not ended, ended[0].communicate()[0]
        time.sleep(0.002)


def nothing_is_missing(where: Database) -> None:
    assert where.rows("SELECT status, count(*) FROM run GROUP BY status") == [("finished", RUNS)]
    assert where.one("SELECT count(*) FROM run WHERE owner IS NOT NULL") == 0
    gaps = "SELECT run FROM call GROUP BY run HAVING max(seq) <> count(*) OR min(seq) <> 1"
    assert where.rows(gaps) == [], "each run's calls are numbered without a gap"
    counted = "SELECT id FROM run WHERE calls <> (SELECT count(*) FROM call WHERE call.run = run.id)"
    assert where.rows(counted) == [], "each run's usage counts its calls"
    assert where.one("SELECT count(*) FROM call WHERE response NOT IN (SELECT hash FROM content)") == 0
