"""Processes that die, and processes that share a store."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from rebut.memory.store import Store
from rebut.testing.databases import Database, InFile

WRITER = """
import asyncio, sys
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.models.journal import CallSite, Outcome
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage

path, name, runs, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

async def one(store, run):
    journal = await store.begin(RunStart(run=run, workflow="w"))
    for number in range(calls):
        site = CallSite(path=f"a/{number}", node="a", visit=number, agent="ada", role="solver")
        response = Response(completions=(Completion(text=f"{run} {number} " * 50),), usage=Usage(calls=1))
        request = Request(model="m", messages=(Message("user", f"{run} {number}"),))
        await journal.record(site, request, Outcome(response=response))
        print(run, number, flush=True)
    await store.finish(run, status="finished", stop_reason="answered")

async def main():
    async with Store.open(path) as store:
        await asyncio.gather(*(one(store, f"{name}-{n}") for n in range(runs)))

asyncio.run(main())
"""


def _start(where: Database, name: str, runs: int, calls: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, where.url, name, str(runs), str(calls)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def _kill_after(process: subprocess.Popen[str], lines: int) -> set[tuple[str, str]]:
    """Kill the process amid its writing; returns what it said was recorded."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest = process.communicate()[0].splitlines(keepends=True)
    return {(run, number) for run, number in (line.split() for line in [*said, *rest] if line.endswith("\n"))}


def _kept(where: Database) -> set[tuple[str, str]]:
    if isinstance(where, InFile):
        assert where.one("PRAGMA integrity_check") == "ok"
    assert where.one("SELECT count(*) FROM call WHERE request NOT IN (SELECT hash FROM content)") == 0
    return set(where.rows("SELECT run, substr(path, 3) FROM call"))


async def test_what_was_recorded_survives_kill_9_and_the_run_can_be_resumed(where: Database) -> None:
    recorded = _kill_after(_start(where, "run", 5, 100_000), 300)
    kept = _kept(where)
    assert recorded <= kept
    assert len(recorded) >= 300
    async with Store.open(where.url) as store:
        assert {info.status for info in await store.runs()} == {"interrupted"}
        _, journal = await store.reopen("run-3")
        calls = await store.calls("run-3")
        assert [call.seq for call in calls] == list(range(1, len(calls) + 1))
        first = await journal.recall(calls[0].site, calls[0].request)
        assert first == calls[0].outcome


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("sqlite", marks=pytest.mark.slow),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ],
    indirect=True,
)
@pytest.mark.timeout(600)
async def test_a_storm_of_crashes_loses_nothing_and_breaks_nothing(where: Database) -> None:
    recorded: set[tuple[str, str]] = set()
    for storm in range(20):
        recorded |= _kill_after(_start(where, f"storm{storm}", 20, 100_000), 20 + 97 * storm % 400)
    assert recorded <= _kept(where)


def test_two_processes_write_to_one_store_at_once(where: Database) -> None:
    processes = [_start(where, name, 10, 20) for name in ("ada", "bel")]
    for process in processes:
        assert len(process.communicate()[0].splitlines()) == 200
        assert process.returncode == 0
    assert len(_kept(where)) == 400


async def test_a_live_run_of_another_process_is_running_until_it_dies(where: Database) -> None:
    process = _start(where, "run", 1, 100_000)
    assert process.stdout is not None
    process.stdout.readline()
    async with Store.open(where.url) as store:
        assert (await store.run("run-0")).status == "running"
        process.kill()
        for _ in range(500):  # dead but not waited for: a zombie holds nothing
            if (await store.run("run-0")).status == "interrupted":
                break
            await asyncio.sleep(0.01)
        assert (await store.run("run-0")).status == "interrupted"
        process.communicate()
