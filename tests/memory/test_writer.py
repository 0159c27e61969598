from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path

import pytest

from rebut.errors import StoreError
from rebut.events import NodeStarted
from rebut.memory import writer
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.testing.databases import Database

Start = Callable[..., RunStart]
Record = Callable[..., Coroutine[None, None, None]]


async def test_a_thousand_runs_side_by_side_share_few_transactions(
    store: Store, where: Database, start: Start, record: Record
) -> None:
    async def one(number: int) -> None:
        run = f"run-{number}"
        journal = await store.begin(start(run))
        for call in range(3):
            await record(journal, f"a/{call}", f"{number} says {call}")
        await store.finish(run, status="finished", answer="yes", stop_reason="answered")

    await asyncio.gather(*map(one, range(1000)))
    assert store.commits < 250  # of 5,000 things that were each waited for
    assert len(await store.runs(limit=2000, status="finished")) == 1000
    assert where.one("SELECT count(*) FROM call") == 3000


async def test_outcomes_are_handed_over_in_the_order_of_recording(
    store: Store, start: Start, record: Record
) -> None:
    journals = [await store.begin(start(f"run-{n}")) for n in range(3)]
    order: list[str] = []

    async def one(number: int) -> None:
        await asyncio.sleep(0.0001 * (number * 7 % 10))
        path = f"a/{number}"
        asked.append(path)
        await record(journals[number % 3], path)
        order.append(path)

    asked: list[str] = []
    await asyncio.gather(*map(one, range(200)))
    assert order == asked


async def test_an_event_is_there_soon_although_nobody_commits(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FLUSH", 0.02)
    journal = await store.begin(start())
    journal.event(event := NodeStarted(run="run-1", seq=0, node="a", visit=1))
    for _ in range(100):
        if await store.events("run-1"):
            break
        await asyncio.sleep(0.02)
    assert await store.events("run-1") == [event]


async def test_a_process_that_holds_runs_gives_signs_of_life(
    store: Store, where: Database, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BEAT", 0.0)
    monkeypatch.setattr(writer, "FLUSH", 0.01)
    await store.begin(start())
    first = where.one("SELECT beat FROM run")
    for _ in range(100):
        if where.one("SELECT beat FROM run") != first:
            break
        await asyncio.sleep(0.02)
    assert where.one("SELECT beat FROM run") > first
    await store.finish("run-1", status="finished")
    assert where.one("SELECT beat FROM run") is None


async def test_what_is_written_is_there_after_close_although_nobody_waited(
    where: Database, start: Start, record: Record
) -> None:
    store = Store.open(where.url)
    journal = await store.begin(start())
    task = asyncio.create_task(record(journal, "a/1"))
    await asyncio.sleep(0)
    journal.event(event := NodeStarted(run="run-1", seq=0, node="a", visit=1))
    await store.close()
    await task
    async with Store.open(where.url) as store:
        assert [call.site.path for call in await store.calls("run-1")] == ["a/1"]
        assert await store.events("run-1") == [event]


async def test_a_row_that_cannot_be_written_fails_alone(
    store: Store, where: Database, start: Start, record: Record
) -> None:
    journals = [await store.begin(start(f"run-{n}")) for n in range(3)]
    rest = "9,'',1,'','','',1,'',NULL,NULL,'',NULL,1" + ",0" * 8 + ",true"
    where.rows(f"INSERT INTO call VALUES ('run-1','a/1',{rest})")
    done = await asyncio.gather(*(record(j, "a/1") for j in journals), return_exceptions=True)
    assert [type(one) for one in done] == [type(None), StoreError, type(None)]
    assert [len(await store.calls(f"run-{n}")) for n in (0, 2)] == [1, 1]


async def test_a_lock_that_is_not_released_in_time_fails_all_that_wait_and_leaves_nothing(
    where: Database, start: Start, record: Record
) -> None:
    async with Store.open(where.with_(timeout=0.1)) as store:
        journals = [await store.begin(start(f"run-{n}")) for n in range(3)]
        with where.locked():
            done = await asyncio.gather(*(record(j, "a/1") for j in journals), return_exceptions=True)
        assert {str(error) for error in done} == {
            f"cannot write to store {where.name}: another process has kept it locked for 0.1 s: "
            "end that process, or try again"
        }
        assert all(isinstance(error, StoreError) for error in done)
        assert where.one("SELECT count(*) FROM call") == 0
        await record(journals[0], "b/1")
        assert [call.seq for call in await store.calls("run-0")] == [2]


async def test_a_lock_that_is_released_in_time_is_waited_for(
    where: Database, start: Start, record: Record
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start())
        with where.locked():
            task = asyncio.create_task(record(journal, "a/1"))
            await asyncio.sleep(0.1)
            assert not task.done()
        await task
        assert len(await store.calls("run-1")) == 1


async def test_events_of_a_commit_that_failed_come_with_the_next(
    where: Database, start: Start, record: Record
) -> None:
    async with Store.open(where.with_(timeout=0.1)) as store:
        journal = await store.begin(start())
        events = [NodeStarted(run="run-1", seq=n, node="a", visit=1) for n in range(3)]
        journal.event(events[0])
        with where.locked(), pytest.raises(StoreError):
            journal.event(events[1])
            await record(journal, "a/1")
        journal.event(events[2])
        await store.finish("run-1", status="failed")
        assert await store.events("run-1") == events


async def test_a_full_disk_is_named_and_what_was_there_stays(
    path: Path, start: Start, record: Record
) -> None:
    async with Store.open(path) as store:
        journal = await store.begin(start())
        await record(journal, "a/1")
        pages = _one(path, "PRAGMA page_count")
        await store._writer.submit(
            before=lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages}") and None
        )
        with pytest.raises(
            StoreError, match=r"cannot write to store .*: the disk is full: make room, then resume"
        ):
            await record(journal, "a/2", "long " * 10_000)
        assert [call.site.path for call in await store.calls("run-1")] == ["a/1"]
        await store._writer.submit(
            before=lambda c: c.exec_driver_sql("PRAGMA max_page_count = 100000") and None
        )
        await record(journal, "a/3", "long " * 10_000)
        assert [call.site.path for call in await store.calls("run-1")] == ["a/1", "a/3"]


async def test_a_file_that_was_damaged_meanwhile_fails_the_call(
    path: Path, start: Start, record: Record
) -> None:
    async with Store.open(path) as store:
        journal = await store.begin(start())
        for number in range(50):
            await record(journal, f"a/{number}", f"{number}" * 500)
        await asyncio.to_thread(_damage, path)
        with pytest.raises(StoreError, match=r"cannot (write to|read) store .*: the file is damaged"):
            for number in range(50):
                await record(journal, f"b/{number}", f"{number}" * 5000)
                await store.calls("run-1")


def test_one_store_serves_one_loop_after_another(where: Database, start: Start, record: Record) -> None:
    store = Store.open(where.url)

    async def one(run: str) -> None:
        await record(await store.begin(start(run)), "a/1")
        await store.finish(run, status="finished")

    for number in range(3):
        asyncio.run(one(f"run-{number}"))
    asyncio.run(store.close())
    assert where.one("SELECT count(*) FROM call") == 3


def test_a_loop_that_is_gone_does_not_stop_the_writer(where: Database, start: Start, record: Record) -> None:
    store = Store.open(where.url)

    async def leave_behind() -> None:
        journal = await store.begin(start())
        task = asyncio.create_task(record(journal, "a/1"))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave_behind())
    asyncio.run(store.begin(start("run-2")))
    asyncio.run(store.close())
    assert where.one("SELECT count(*) FROM run") == 2


FORKS = """
import asyncio, os, sys
from rebut.errors import StoreError
from rebut.memory.store import Store

store = Store.open(sys.argv[1])
if sys.argv[2] == "written":
    asyncio.run(store.drop_lease("run-1"))
child = os.fork()
if not child:
    try:
        asyncio.run(store.drop_lease("run-1"))
    except StoreError as error:
        print(error, flush=True)
    asyncio.run(store.close())
    print("closed", flush=True)
    os._exit(0)
os.waitpid(child, 0)
asyncio.run(store.drop_lease("run-1"))
asyncio.run(store.close())
print(store.commits, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(("before", "commits"), [("written", "2"), ("fresh", "1")])
def test_a_forked_process_is_told_to_open_a_store_of_its_own(
    where: Database, before: str, commits: str
) -> None:
    command = [sys.executable, "-c", FORKS, where.url, before]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == [
        f"store {where.name} was opened by another process: open it after the fork",
        "closed",
        commits,
    ], done.stderr


def _damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def _one(path: Path, sql: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchone()[0]
