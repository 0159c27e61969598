"""What is removed, what stays, and that a removal beside writers loses nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.memory.choosing import Choice
from rebut.memory.collect import Freed, collect, plan
from rebut.memory.dialect import address
from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunStart, Status
from rebut.models.wire import Message
from rebut.testing.databases import Database

from .test_crash import WRITER

Start = Callable[..., RunStart]
Called = Callable[..., RecordedCall]


async def ended(
    store: Store, start: RunStart, calls: list[RecordedCall], status: Status = "finished"
) -> None:
    journal = await store.begin(start)
    for call in calls:
        await journal.record(call.site, call.request, call.outcome)
    await store.finish(start.run, status=status)


def removed(url: str, choice: Choice | None = None, **more: Any) -> Freed:
    where = address(url)
    return collect(where, plan(where, choice or Choice(), **more))


def texts(where: Database) -> int:
    return int(where.one("SELECT count(*) FROM content"))


async def test_removed_runs_take_along_the_texts_that_no_other_refers_to(
    where: Database, store: Store, start: Start, called: Called
) -> None:
    await ended(store, start("old", started=1.0), [called("a/1", "only old"), called("a/2", "shared")])
    await ended(store, start("new", started=9.0), [called("a/2", "shared"), called("a/3", "only new")])
    await store.close()
    before = texts(where)
    found = plan(address(where.url), Choice(until=5.0))
    assert ([run.id for run in found.runs], found.calls, found.texts) == (["old"], 2, 4)
    freed = collect(address(where.url), found)
    assert (freed.runs, freed.calls, freed.texts, freed.shrunk) == (1, 2, 4, True)
    assert texts(where) == before - 4
    async with Store.open(where.url) as again:
        assert [info.id for info in await again.runs()] == ["new"]
        assert [said.text for said in await again.said("new")] == ["shared", "only new"]
        assert len(await again.calls("new")) == 2
    for table in ("call", "message", "event"):
        assert where.one(f"SELECT count(*) FROM {table} WHERE run = 'old'") == 0


async def test_a_plan_changes_nothing(where: Database, store: Store, start: Start, called: Called) -> None:
    await ended(store, start("r"), [called("a/1")])
    before = texts(where)
    assert len(plan(address(where.url), Choice()).runs) == 1
    assert (await store.run("r")).status == "finished"
    assert texts(where) == before


async def test_an_image_in_a_request_stays_with_it(
    where: Database, store: Store, start: Start, called: Called
) -> None:
    call = called("a/1")
    from dataclasses import replace

    seen = replace(
        call.request, messages=(Message("user", "what is this?", ("data:image/png;base64,AAAA",)),)
    )
    await ended(store, start("r"), [replace(call, request=seen)])
    await store.close()
    assert removed(where.url).runs == 1
    assert texts(where) == 0
    async with Store.open(where.url) as again:
        await ended(again, start("r"), [replace(call, request=seen)])
    assert removed(where.url, any_run=False).texts == 0
    async with Store.open(where.url) as again:
        assert (await again.calls("r"))[0].request == seen


async def test_runs_under_way_stay_and_interrupted_ones_go_when_meant(
    where: Database, store: Store, start: Start, called: Called
) -> None:
    await store.begin(start("alive"))
    async with Store.open(where.url) as gone:
        journal = await gone.begin(start("dead"))
        await journal.record(called("a/1").site, called("a/1").request, called("a/1").outcome)
    failed = frozenset[Status]({"failed", "interrupted"})
    freed = removed(where.url, Choice(statuses=failed))
    assert (freed.runs, freed.shrunk) == (1, False)
    found = plan(address(where.url), Choice())
    assert (found.runs, found.alive) == ((), 1)
    assert (await store.run("alive")).status == "running"


async def test_a_run_stays_while_a_fork_of_a_fork_of_it_stays(
    where: Database, store: Store, start: Start
) -> None:
    from dataclasses import replace

    for name, parent, began in (("a", None, 1.0), ("b", "a", 2.0), ("c", "b", 9.0), ("d", "a", 3.0)):
        await ended(store, replace(start(name, started=began), parent=parent), [])
    found = plan(address(where.url), Choice(until=5.0))
    assert ([run.id for run in found.runs], found.parents) == (["d"], 2)
    assert len(plan(address(where.url), Choice()).runs) == 4


async def test_the_latest_of_the_chosen_are_kept(where: Database, store: Store, start: Start) -> None:
    for number in range(5):
        await ended(
            store, start(f"r{number}", started=float(number)), [], "failed" if number % 2 else "finished"
        )
    found = plan(address(where.url), Choice(statuses=frozenset({"finished"})), keep=2)
    assert ([run.id for run in found.runs], found.kept) == (["r0"], 2)


async def test_a_run_that_is_taken_up_between_plan_and_removal_stays(
    where: Database, store: Store, start: Start, called: Called
) -> None:
    await ended(store, start("r"), [called("a/1", error="ModelBusy")], "failed")
    await ended(store, start("parent"), [])
    found = plan(address(where.url), Choice())
    from dataclasses import replace

    await store.reopen("r")
    await store.begin(replace(start("fork"), parent="parent"))
    freed = await asyncio.to_thread(collect, address(where.url), found)
    assert (freed.runs, freed.changed) == (0, 2)
    assert {info.id for info in await store.runs()} == {"r", "parent", "fork"}


async def test_a_text_that_an_open_store_wrote_before_it_was_removed_is_written_again(
    where: Database, store: Store, start: Start, called: Called
) -> None:
    await ended(store, start("one"), [called("a/1", "shared")])
    assert removed(where.url).texts > 0
    await ended(store, start("two"), [called("a/1", "shared")])
    assert [said.text for said in await store.said("two")] == ["shared"]
    assert len(await store.calls("two")) == 1


async def test_a_text_that_is_referred_to_after_it_was_found_unused_stays(
    where: Database, store: Store, start: Start, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rebut.memory import collect as module

    said = {name: called("a/1", f"for {name}") for name in ("under way", "taken up", "new")}
    for name, call in said.items():
        await ended(store, start(f"old {name}"), [call])
    journal = await store.begin(start("under way"))
    await ended(store, start("taken up"), [], "failed")
    loop, unused = asyncio.get_running_loop(), module._unused

    async def refer() -> None:
        call = said["under way"]
        await journal.record(call.site, call.request, call.outcome)
        call, again = said["taken up"], (await store.reopen("taken up"))[1]
        await again.record(call.site, call.request, call.outcome)
        await store.finish("taken up", status="finished")
        await ended(store, start("new"), [said["new"]])

    def then_refer(*args: Any) -> Any:
        found = unused(*args)
        if args[3] == frozenset():
            asyncio.run_coroutine_threadsafe(refer(), loop).result()
        return found

    found = plan(address(where.url), Choice(runs=tuple(f"old {name}" for name in said)))
    monkeypatch.setattr(module, "_unused", then_refer)
    freed = await asyncio.to_thread(collect, address(where.url), found)
    assert (found.texts, freed.runs, freed.texts) == (8, 3, 0)
    for run, call in said.items():
        assert (await store.calls(run))[0].outcome == call.outcome


async def test_texts_are_looked_at_in_parts_where_there_are_many(
    where: Database, store: Store, start: Start, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rebut.memory.collect.IN_MEMORY", 3)
    monkeypatch.setattr("rebut.memory.collect.TEXTS_AT_ONCE", 2)
    monkeypatch.setattr("rebut.memory.collect.RUNS_AT_ONCE", 2)
    for number in range(6):
        await ended(store, start(f"r{number}"), [called(f"a/{n}", f"{number} {n}") for n in range(3)])
    before = texts(where)
    found = plan(address(where.url), Choice(runs=("r0", "r3", "r5")))
    freed = collect(address(where.url), found)
    assert freed.runs == 3 and freed.texts == found.texts > 9
    assert texts(where) == before - freed.texts
    for run in ("r1", "r2", "r4"):
        assert len(await store.calls(run)) == 3


def test_where_there_is_no_store_none_is_made(path: Any) -> None:
    with pytest.raises(InputError, match="there is no store at"):
        plan(address(path), Choice())
    assert not path.exists()


async def test_what_is_left_of_a_run_that_is_not_there_goes(
    where: Database, store: Store, start: Start, called: Called
) -> None:
    await ended(store, start("r"), [called("a/1")])
    await store.close()
    where.rows("DELETE FROM run")
    assert removed(where.url, any_run=False).texts > 0
    assert texts(where) == 0
    assert where.one("SELECT count(*) FROM call") == 0


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.lists(st.integers(0, 3), min_size=1, max_size=3)),
        st.tuples(st.just("gc"), st.integers(0, 3)),
        st.tuples(st.just("pause"), st.integers(0, 2)),
    ),
    min_size=2,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_concurrent_runs_and_removals_lose_nothing(
    operations: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory, called: Called
) -> None:
    path = tmp_path_factory.mktemp("gc") / "s.db"

    async def one(store: Store, name: str, said: list[int]) -> None:
        journal = await store.begin(RunStart(run=name, workflow="w", started=time.time()))
        for place, which in enumerate(said):
            call = called(f"a/{place}", f"text {which}", asked=f"ask {which}")
            await journal.record(call.site, call.request, call.outcome)
        await store.finish(name, status="finished")

    async def all_() -> None:
        async with Store.open(path) as store, asyncio.TaskGroup() as group:
            for number, (what, much) in enumerate(operations):
                if what == "run":
                    group.create_task(one(store, f"r{number}", much))
                elif what == "gc":
                    group.create_task(asyncio.to_thread(removed, str(path), Choice(), keep=much))
                else:
                    await asyncio.sleep(much / 100)
        async with Store.open(path) as store:
            for info in await store.runs(limit=100):
                kept = await store.calls(info.id)
                wanted = dict(enumerate(operations))[int(info.id[1:])][1]
                assert [c.outcome.response.completions[0].text for c in kept if c.outcome.response] == [
                    f"text {n}" for n in wanted
                ]
            assert removed(str(path), any_run=False).texts == 0

    asyncio.run(all_())


@pytest.mark.slow
async def test_removals_beside_writing_processes_lose_nothing(where: Database) -> None:
    await Store.open(where.url).close()
    program = WRITER.replace('f"{run} {number}"', 'f"{number % 7}"').replace(
        'f"{run} {number} " * 50', 'f"{number % 5} " * 50'
    )
    assert program != WRITER
    writers = [
        subprocess.Popen(  # noqa: ASYNC220 - they run beside this test
            [sys.executable, "-c", program, where.url, name, "20", "60"], stdout=subprocess.DEVNULL
        )
        for name in ("ada", "bel", "cyd")
    ]
    gone = 0
    while any(writer.poll() is None for writer in writers):
        gone += (await asyncio.to_thread(removed, where.url, Choice(), keep=20)).runs
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    async with Store.open(where.url) as store:
        left = await store.runs(limit=100)
        assert len(left) + gone == 60
        for info in left:
            assert len(await store.calls(info.id)) == 60
    assert gone > 0
