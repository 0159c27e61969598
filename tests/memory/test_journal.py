from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from rebut.errors import InputError, JournalDrift, StoreError
from rebut.events import NodeFinished, NodeStarted, Noted, RunFinished
from rebut.memory.journal import Journal
from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunStart, Status
from rebut.models.journal import Outcome
from rebut.testing.databases import Database

Start = Callable[..., RunStart]
Called = Callable[..., RecordedCall]
Record = Callable[..., Coroutine[None, None, None]]


async def test_a_new_run_has_nothing_to_recall(store: Store, start: Start, called: Called) -> None:
    journal = await store.begin(start())
    call = called("a/1")
    assert not journal.recalling
    assert await journal.recall(call.site, call.request) is None


async def test_an_interrupted_run_goes_on_behind_its_last_answered_call(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    await _interrupted(where, start(), record, ["a/1", "b/1"])
    async with Store.open(where.url) as store:
        assert (await store.run("run-1")).status == "interrupted"
        began, journal = await store.reopen("run")
        assert began == start()
        assert await _recalled(journal, called("a/1")) == "yes"
        assert await _recalled(journal, called("b/1")) == "yes"
        assert not journal.recalling
        await record(journal, "c/1")
        await store.finish("run-1", status="finished", answer="yes", stop_reason="answered")
        assert [(call.seq, call.site.path) for call in await store.calls("run-1")] == [
            (1, "a/1"),
            (2, "b/1"),
            (3, "c/1"),
        ]
        assert (await store.run("run-1")).status == "finished"


async def test_failures_at_the_end_are_asked_again_and_earlier_ones_are_not(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start())
        await record(journal, "a/1", "no luck", error="ModelBusy")
        await record(journal, "a/2")
        await record(journal, "a/3", "no luck", error="ModelTimeout")
        await store.finish("run-1", status="failed")
        _, journal = await store.reopen("run-1")
        first = called("a/1")
        outcome = await journal.recall(first.site, first.request)
        assert outcome is not None and outcome.error == "ModelBusy"
        assert await _recalled(journal, called("a/2")) == "yes"
        assert not journal.recalling
        await record(journal, "a/3", "now it works")
        assert [said.text for said in await store.said("run-1")] == ["yes", "now it works"]
        assert [call.seq for call in await store.calls("run-1")] == [1, 2, 3]


async def test_of_a_failed_run_the_calls_that_failed_beside_its_last_are_asked_again(
    store: Store, start: Start, called: Called, record: Record
) -> None:
    journal = await store.begin(start())
    await record(journal, "a/1[0]", "no luck", error="ModelBusy")
    await record(journal, "b/1[0]", "no luck", error="ModelBusy")
    await record(journal, "b/1[1]")
    await store.finish("run-1", status="failed")
    _, journal = await store.reopen("run-1")
    first = called("a/1[0]", error="ModelBusy")
    outcome = await journal.recall(first.site, first.request)
    assert outcome is not None and outcome.error == "ModelBusy"
    assert await _recalled(journal, called("b/1[1]")) == "yes"
    assert not journal.recalling
    await record(journal, "b/1[0]", "now it works")
    await store.finish("run-1", status="finished")
    kept = [(call.site.path, call.outcome.error) for call in await store.calls("run-1")]
    assert kept == [("a/1[0]", "ModelBusy"), ("b/1[1]", None), ("b/1[0]", None)]


@pytest.mark.parametrize(
    ("failing", "budget", "status"),
    [("a/1:0", {}, "failed"), ("a/1[0]", {"tokens": 9}, "failed"), ("a/1[0]", {}, "cancelled")],
    ids=["a call that others follow from", "room that others wait for", "a run without an error"],
)
async def test_a_failure_that_others_may_hang_on_is_recalled(
    failing: str,
    budget: dict[str, int],
    status: Status,
    store: Store,
    start: Start,
    called: Called,
    record: Record,
) -> None:
    journal = await store.begin(replace(start(), budget=budget))
    await record(journal, failing, "no luck", error="ModelBusy")
    later = called("a/1:1", seq=9)  # asked after the other had failed
    await journal.record(later.site, later.request, later.outcome)
    await store.finish("run-1", status=status)
    _, journal = await store.reopen("run-1")
    assert [call.site.path for call in await store.calls("run-1")] == [failing, "a/1:1"]
    assert journal._recall.left == 2


async def test_the_events_of_a_resumed_run_replace_those_of_its_interrupted_part(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start())
        journal.event(began := NodeStarted(run="run-1", seq=0, node="a", visit=1))
        await record(journal, "a/1", "no luck", error="ModelBusy")
        journal.event(Noted(run="run-1", seq=1, node="a", what="failed", text="no luck"))
        journal.event(NodeFinished(run="run-1", seq=2, node="a", visit=1, wrote={"said": None}))
        journal.event(RunFinished(run="run-1", seq=3, answer=None, stop_reason="failed"))
        await store.finish("run-1", status="failed")
        _, journal = await store.reopen("run-1")
        journal.event(began)
        await record(journal, "a/1")
        journal.event(over := RunFinished(run="run-1", seq=1, t=3.0, answer="yes", stop_reason="answered"))
        await store.finish("run-1", status="finished")
        assert await store.events("run-1") == [began, over]
    assert where.one("SELECT count(*) FROM step") == 0


async def test_while_a_resumed_run_recalls_nothing_in_the_store_changes(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    await _interrupted(where, start(), record, ["a/1", "a/2"], events=True)
    before = _events(where)
    async with Store.open(where.url) as store:
        _, journal = await store.reopen("run-1")
        journal.event(NodeStarted(run="run-1", seq=0, node="another", visit=1))
        with pytest.raises(JournalDrift):
            await _recalled(journal, called("a/1", asked="something else"))
        await store.finish("run-1", status="failed", detail="drifted")
        assert [call.site.path for call in await store.calls("run-1")] == ["a/1", "a/2"]
        assert _events(where) == before
        _, journal = await store.reopen("run-1")
        assert journal.recalling


async def test_a_run_that_was_all_recalled_ends_with_its_events_whole(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    await _interrupted(where, start(), record, ["a/1"])
    async with Store.open(where.url) as store:
        _, journal = await store.reopen("run-1")
        events = [NodeStarted(run="run-1", seq=n, node="a", visit=1) for n in range(3)]
        journal.event(events[0])
        await _recalled(journal, called("a/1"))
        journal.event(events[1])
        journal.event(events[2])
        await store.finish("run-1", status="finished")
        assert await store.events("run-1") == events


async def test_an_answered_run_is_not_resumed(store: Store, start: Start) -> None:
    await store.begin(start())
    await store.finish("run-1", status="finished", stop_reason="answered")
    with pytest.raises(InputError, match="run 'run-1' is finished: there is nothing to resume"):
        await store.reopen("run-1")


async def test_a_run_that_goes_on_is_not_resumed(store: Store, where: Database, start: Start) -> None:
    await store.begin(start())
    async with Store.open(where.url) as other:
        for opened in (store, other):
            with pytest.raises(StoreError, match=r"run 'run-1' is being run by process \d+"):
                await opened.reopen("run-1")


async def test_only_one_of_many_takes_up_an_interrupted_run(
    where: Database, start: Start, record: Record
) -> None:
    await _interrupted(where, start(), record, ["a/1"])
    stores = [Store.open(where.url) for _ in range(4)]
    taken = await asyncio.gather(*(store.reopen("run-1") for store in stores), return_exceptions=True)
    assert sum(isinstance(one, tuple) for one in taken) == 1
    assert all(isinstance(one, tuple | StoreError) for one in taken)
    for store in stores:
        await store.close()


async def test_a_resume_that_cannot_be_written_leaves_the_record_for_the_next(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    await _interrupted(where, start(), record, ["a/1"], events=True)
    before = _events(where)
    async with Store.open(where.with_(timeout=0.05)) as store:
        _, journal = await store.reopen("run-1")
        await _recalled(journal, called("a/1"))
        with where.locked(), pytest.raises(StoreError, match="locked"):
            await record(journal, "b/1")
        with pytest.raises(StoreError, match="locked"):
            await record(journal, "b/2")
        await store.finish("run-1", status="failed")
        assert _events(where) == before
        _, journal = await store.reopen("run-1")
        await _recalled(journal, called("a/1"))
        await record(journal, "b/1")
        assert [call.site.path for call in await store.calls("run-1")] == ["a/1", "b/1"]


async def test_a_claim_is_let_go_when_the_record_cannot_be_read(
    where: Database, start: Start, record: Record
) -> None:
    await _interrupted(where, start(), record, ["a/1"])
    where.rows("DELETE FROM content WHERE body = 'ask a/1'")
    async with Store.open(where.url) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match=r"content \w{32} of call 'a/1' of run 'run-1' is missing"):
                await store.reopen("run-1")


async def test_a_beginning_that_was_cancelled_leaves_a_run_that_nobody_holds(
    where: Database, start: Start
) -> None:
    async with Store.open(where.url) as store:
        task = asyncio.create_task(store.begin(start()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with Store.open(where.url) as store:
        assert [info.status for info in await store.runs()] == ["interrupted"]


async def test_the_same_path_is_recorded_once(store: Store, start: Start, record: Record) -> None:
    journal = await store.begin(start())
    await record(journal, "a/1")
    with pytest.raises(StoreError, match="call 'a/1' of run 'run-1' is recorded twice"):
        await record(journal, "a/1")


async def test_a_call_whose_asker_was_cancelled_is_kept_and_marked(
    where: Database, start: Start, called: Called, record: Record
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start())
        task = asyncio.create_task(record(journal, "a/1"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await record(journal, "b/1")
        assert [(call.site.path, call.used) for call in await store.calls("run-1")] == [
            ("a/1", False),
            ("b/1", True),
        ]
    async with Store.open(where.url) as store:
        _, journal = await store.reopen("run-1")
        assert await _recalled(journal, called("a/1")) == "yes"
        await _recalled(journal, called("b/1"))
        await store.finish("run-1", status="finished")
        assert [call.used for call in await store.calls("run-1")] == [True, True]


async def _interrupted(
    where: Database, start: RunStart, record: Record, calls: list[str], *, events: bool = False
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start)
        for seq, call in enumerate(calls):
            if events:
                journal.event(NodeStarted(run=start.run, seq=seq, node=call, visit=1))
            await record(journal, call)


async def _recalled(journal: Journal, call: RecordedCall) -> str:
    outcome: Outcome | None = await journal.recall(call.site, call.request)
    assert outcome is not None and outcome.response is not None
    return outcome.response.completions[0].text


def _events(where: Database) -> object:
    return where.rows("SELECT payload FROM event ORDER BY run, seq")
