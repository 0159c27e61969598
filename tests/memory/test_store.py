from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from rebut.errors import InputError, StoreError
from rebut.events import NodeFinished, NodeStarted
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.models.journal import CallSite, Outcome
from rebut.models.wire import Completion, Message, Request, Response, TokenLogprob
from rebut.records import Usage
from rebut.testing.databases import Database

Start = Callable[..., RunStart]
Record = Callable[..., Coroutine[None, None, None]]


async def test_a_run_is_listed_from_its_beginning_to_its_end(store: Store, start: Start) -> None:
    await store.begin(start())
    assert (await store.run("run-1")).status == "running"
    usage = Usage(calls=3, requests=2, prompt=9, completion=8, cached=7, reasoning=6, usd=None, seconds=5)
    await store.finish(
        "run-1",
        status="finished",
        answer={"yes": 1},
        stop_reason="answered",
        detail="d",
        usage=usage,
        seconds=4,
    )
    (info,) = await store.runs()
    assert info.start == replace(start(), snapshot={})
    assert (info.status, info.result.answer, info.result.stop_reason) == ("finished", {"yes": 1}, "answered")
    assert (info.result.usage, info.result.seconds, info.result.detail) == (usage, 4, "d")


async def test_runs_come_latest_first_and_can_be_narrowed(store: Store, start: Start) -> None:
    for number, workflow in enumerate(["debate", "refine", "debate"]):
        await store.begin(start(f"run-{number}", workflow, started=float(number)))
    await store.finish("run-0", status="failed")
    assert [info.id for info in await store.runs()] == ["run-2", "run-1", "run-0"]
    assert [info.id for info in await store.runs(limit=1)] == ["run-2"]
    assert [info.id for info in await store.runs(workflow="debate")] == ["run-2", "run-0"]
    assert [info.id for info in await store.runs(status="failed")] == ["run-0"]
    assert [info.id for info in await store.runs(status="running", limit=1)] == ["run-2"]


async def test_a_run_is_found_by_a_beginning_of_its_id_that_no_other_has(store: Store, start: Start) -> None:
    for run in ("abc1", "abd2", "ab"):
        await store.begin(start(run))
    assert (await store.run("abd")).id == "abd2"
    assert (await store.run("ab")).id == "ab"
    with pytest.raises(
        InputError, match=r"run 'a' is not the only one that begins so \(possible: ab, abc1, abd2\)"
    ):
        await store.run("a")
    with pytest.raises(InputError, match=r"no run 'abd3' \(did you mean 'abd2'\?\)"):
        await store.run("abd3")
    for none in ("", "%", "AB"):
        with pytest.raises(InputError, match="no run"):
            await store.run(none)


async def test_a_call_comes_back_as_it_was_made(store: Store, start: Start) -> None:
    journal = await store.begin(start())
    request = Request(
        model="openai/m",
        messages=(Message("system", "be\nbrief"), Message("user", "Größe? 🦊 \x00")),
        n=2,
        temperature=0.5,
        stop=("\n",),
        seed=5,
        schema={"type": "object"},
        extra={"top_k": 3},
    )
    response = Response(
        completions=(
            Completion(text="", finish="length", logprobs=(TokenLogprob("a", -0.5, (("b", -1.0),)),)),
            Completion(text="漢字", reasoning="hm"),
        ),
        usage=Usage(calls=2, requests=1, prompt=4, completion=6, usd=None, seconds=0.25),
        model="m-2026",
        seconds=0.25,
        id="x",
    )
    site = CallSite(path="a/1[2]#3~1", node="a", visit=1, agent="ada", role="solver")
    outcome = Outcome(response=response, attempts=3, at=1.25)
    await journal.record(site, request, outcome)
    (call,) = await store.calls("run-1")
    assert (call.seq, call.site, call.request, call.outcome, call.used) == (1, site, request, outcome, True)
    assert [said.text for said in await store.said("run-1")] == ["", "漢字"]


async def test_a_failed_call_keeps_its_reason_and_says_nothing(
    store: Store, start: Start, record: Record
) -> None:
    journal = await store.begin(start())
    await record(journal, "a/1", "overloaded", error="ModelBusy")
    (call,) = await store.calls("run-1")
    assert (call.outcome.error, call.outcome.message, call.outcome.status) == ("ModelBusy", "overloaded", 503)
    assert call.outcome.response is None
    assert await store.said("run-1") == []


async def test_events_are_written_with_the_end_of_the_run_at_the_latest(
    store: Store, where: Database, start: Start
) -> None:
    journal = await store.begin(start())
    started = NodeStarted(run="run-1", seq=0, node="a", visit=1)
    finished = NodeFinished(run="run-1", seq=1, t=2.0, node="a", visit=1, wrote={"said": ["x"]}, to=("b",))
    journal.event(started)
    journal.event(finished)
    await store.finish("run-1", status="finished")
    assert await store.events("run-1") == [started, finished]
    assert where.rows("SELECT seq, node, visit, wrote, at FROM step") == [(1, "a", 1, '{"said":["x"]}', 2.0)]


async def test_a_text_that_comes_again_is_kept_once(
    store: Store, where: Database, start: Start, record: Record
) -> None:
    for run in ("run-1", "run-2"):
        journal = await store.begin(start(run))
        await record(journal, "a/1", "the same words")
    assert where.rows("SELECT count(*) FROM content WHERE body = 'the same words'") == [(1,)]
    assert where.rows("SELECT count(*) FROM call") == [(2,)]


async def test_the_views_answer_who_said_what_and_who_spent_how_much(
    store: Store, where: Database, start: Start, record: Record
) -> None:
    journal = await store.begin(start())
    for number in (1, 2):
        await record(journal, f"affirm/{number}", f"argument {number}")
    said = where.rows("SELECT run, seq, agent, node, text FROM said ORDER BY seq")
    assert said == [("run-1", n, "ada", "affirm", f"argument {n}") for n in (1, 2)]
    spend = where.rows("SELECT agent, model, calls, tokens, usd FROM spend")
    assert spend == [("ada", "scripted/m", 2, 30, 0.5)]


async def test_a_run_cannot_begin_twice(store: Store, where: Database, start: Start) -> None:
    await store.begin(start())
    with pytest.raises(InputError, match=f"run 'run-1' is in store {where.shown} already"):
        await store.begin(start())
    await store.finish("run-1", status="finished")
    with pytest.raises(InputError, match="already"):
        await store.begin(start())
    await store.begin(start("run-2"))


async def test_a_run_ends_once(store: Store, start: Start) -> None:
    await store.begin(start())
    await store.finish("run-1", status="finished")
    with pytest.raises(StoreError, match="run 'run-1' is not held by this process"):
        await store.finish("run-1", status="failed")


async def test_a_closed_store_takes_nothing_more(where: Database, start: Start, record: Record) -> None:
    store = Store.open(where.url)
    journal = await store.begin(start())
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match=f"store {where.shown} is closed"):
        await record(journal, "a/1")


async def test_what_is_not_json_is_refused_before_anything_is_written(store: Store, start: Start) -> None:
    with pytest.raises(InputError, match="the input cannot be kept as JSON"):
        await store.begin(replace(start(), input={"question": object()}))
    assert await store.runs() == []
    await store.begin(start())


async def test_a_seed_that_no_column_holds_is_refused(store: Store, start: Start) -> None:
    with pytest.raises(InputError, match="seed 9223372036854775808 is too large"):
        await store.begin(replace(start(), seed=2**63))


async def test_nothing_is_stored_but_what_was_given(
    path: Path, start: Start, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-keep-me")
    async with Store.open(path) as store:
        await record(await store.begin(start()), "a/1")
        await asyncio.sleep(0)
        kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for secret in ("sk-do-not-keep-me", platform.node(), str(Path.home())):
        assert secret.encode() not in kept
    assert b"ask a/1" in kept


async def test_text_that_is_not_unicode_fails_its_own_call_only(
    store: Store, start: Start, record: Record
) -> None:
    journal = await store.begin(start())
    with pytest.raises(StoreError, match="call 'a/1' of run 'run-1' cannot be kept"):
        await record(journal, "a/1", "half of a pair: \ud83d")
    await record(journal, "a/2")
    assert [call.site.path for call in await store.calls("run-1")] == ["a/2"]
