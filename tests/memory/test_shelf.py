"""Replies that other runs may take, on either database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.models.journal import CallSite, Outcome
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage
from rebut.testing.databases import Database

REQUEST = Request(model="scripted/x", messages=(Message("user", "Plan sums."),))
SITE = CallSite(path="make/1", node="make", visit=1, agent="maker", role="planner")
Start = Callable[[str], RunStart]


def answered(text: str, model: str = "") -> Outcome:
    usage = Usage(calls=1, requests=1, prompt=9, completion=3, usd=0.5, seconds=2.0)
    response = Response(completions=(Completion(text=text),), usage=usage, model=model, seconds=2.0)
    return Outcome(response=response, at=1.0)


async def keep(store: Store, run: RunStart, text: str, model: str = "") -> None:
    """A run that was given a reply, perhaps by another model, and lets others take it."""
    journal = await store.begin(run)
    await journal.record(SITE, REQUEST, answered(text, model))
    journal.keep(SITE, REQUEST)
    await store.finish(run.run, status="finished")


async def taken(store: Store, run: RunStart) -> str | None:
    """What a new run may take."""
    response = await (await store.begin(run)).known(SITE, REQUEST)
    await store.finish(run.run, status="finished")
    if response is None:
        return None
    assert (response.usage, response.seconds) == (Usage(), 0.0), "what is taken costs nothing"
    return response.completions[0].text


async def test_the_first_reply_that_was_kept_is_taken(where: Database, start: Start) -> None:
    async with Store.open(where.url) as store:
        assert await taken(store, start("a")) is None
        await keep(store, start("b"), "Count.")
        await keep(store, start("c"), "Add.")
        assert await taken(store, start("d")) == "Count."
    async with Store.open(where.url) as again:
        assert await taken(again, start("e")) == "Count."


async def test_a_reply_whose_run_is_gone_is_replaced_by_the_next(where: Database, start: Start) -> None:
    async with Store.open(where.url) as store:
        await keep(store, start("a"), "Count.")
        where.rows("DELETE FROM call WHERE run = 'a'")
        assert await taken(store, start("b")) is None
        await keep(store, start("c"), "Add.")
        assert await taken(store, start("d")) == "Add."


async def test_a_reply_of_a_model_that_stood_in_is_not_kept(where: Database, start: Start) -> None:
    async with Store.open(where.url) as store:
        await keep(store, start("a"), "Guess.", model="scripted/smaller")
        assert await taken(store, start("b")) is None
        await keep(store, start("c"), "Add.", model="scripted/x")
        assert await taken(store, start("d")) == "Add."


@pytest.mark.parametrize(("model", "attempts"), [("scripted/smaller", 1), ("scripted/smaller", 0), ("", 0)])
async def test_a_recorded_reply_that_is_not_the_models_own_is_not_kept(
    where: Database, start: Start, model: str, attempts: int
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start("a"))
        await journal.record(SITE, REQUEST, replace(answered("Guess.", model), attempts=attempts))
        await store.finish("a", status="failed")
        _, journal = await store.reopen("a")
        assert await journal.recall(SITE, REQUEST) is not None
        journal.keep(SITE, REQUEST)
        await store.finish("a", status="finished")
    assert where.one("SELECT count(*) FROM reply") == 0


async def test_a_reply_that_should_not_have_been_kept_is_not_taken_and_gives_way(
    where: Database, start: Start
) -> None:
    async with Store.open(where.url) as store:
        await keep(store, start("a"), "Guess.")
        where.rows("UPDATE call SET attempts = 0 WHERE run = 'a'")
        assert await taken(store, start("b")) is None
        await keep(store, start("c"), "Add.")
        assert await taken(store, start("d")) == "Add."


async def test_many_runs_that_keep_one_reply_at_once_do_not_disturb_each_other(
    where: Database, start: Start
) -> None:
    async with Store.open(where.url) as one, Store.open(where.url) as other:
        pairs = [(one, f"a{i}") for i in range(10)] + [(other, f"b{i}") for i in range(10)]
        await asyncio.gather(*(keep(store, start(run), run) for store, run in pairs))
        assert await taken(one, start("x")) == await taken(other, start("y")) is not None
