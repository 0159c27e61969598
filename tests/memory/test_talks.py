"""What was said in many runs, read at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rebut.memory import talks
from rebut.memory.store import Store

Make = Callable[..., Any]


async def kept(store: Store, start: Make, called: Make, *runs: str) -> None:
    for run in runs:
        journal = await store.begin(start(run))
        for seq, said in enumerate((f"first of {run}", "second"), 1):
            call = called(f"n/{seq}", said, seq=seq)
            await journal.record(call.site, call.request, call.outcome)
        await store.finish(run, status="finished")


async def test_each_run_has_its_calls_in_their_order(store: Store, start: Make, called: Make) -> None:
    await kept(store, start, called, "s.b", "s.a", "s.c")
    found = await store.talks(["s.a", "s.b", "s.none"])
    assert set(found) == {"s.a", "s.b"}
    assert [[w.text for w in turn.said] for turn in found["s.a"]] == [["first of s.a"], ["second"]]
    first = found["s.b"][0]
    assert (first.node, first.agent, first.role, first.tokens, first.usd) == ("n", "ada", "solver", 15, 0.25)


async def test_long_words_come_in_part_with_their_length(store: Store, start: Make, called: Make) -> None:
    journal = await store.begin(start("s.a"))
    call = called("n/1", "žluťoučký 🐎" * 100)
    await journal.record(call.site, call.request, call.outcome)
    await store.finish("s.a", status="finished")
    ((turn,),) = (await store.talks(["s.a"], most=11)).values()
    assert turn.said == (talks.Words("žluťoučký 🐎", 1100),)


async def test_a_call_that_failed_has_its_reason_and_no_words(
    store: Store, start: Make, called: Make
) -> None:
    journal = await store.begin(start("s.a"))
    call = called("n/1", "the server is away", error="ModelBusy")
    await journal.record(call.site, call.request, call.outcome)
    await store.finish("s.a", status="failed")
    ((turn,),) = (await store.talks(["s.a"])).values()
    assert (turn.error, turn.message, turn.said) == ("ModelBusy", "the server is away", ())


async def test_more_runs_than_one_statement_takes(
    store: Store, start: Make, called: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr(talks, "CHUNK", 2)
    runs = [f"s.{n}" for n in range(5)]
    await kept(store, start, called, *runs)
    found = await store.talks(runs)
    assert sorted(found) == runs and all(len(turns) == 2 for turns in found.values())
    assert await store.talks([]) == {}
