"""Whatever the timing of the calls, a replay and a resume hand outcomes over in the recorded order."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rebut.memory.cassette import CassetteJournal
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.models.journal import CallSite, Outcome, RunJournal
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage

NUMBERS = count()


@dataclass(frozen=True)
class Step:
    """A call that takes `ticks` turns of the loop and `wait` seconds; then another task may be cancelled."""

    ticks: int
    wait: float
    cancels: int | None


Program = list[list[Step]]
"""The steps of each task."""

steps = st.builds(
    Step,
    ticks=st.integers(0, 6),
    wait=st.sampled_from([0, 0, 0, 0.001, 0.003]),
    cancels=st.one_of(st.none(), st.none(), st.none(), st.integers(0, 4)),
)
programs = st.lists(st.lists(steps, min_size=1, max_size=4), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        opened = Store.open(Path(folder) / "runs.db", drift_after=1.0)
        yield opened
        asyncio.run(opened.close())


relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(program=programs)
def test_a_replay_hands_over_in_the_recorded_order(store: Store, program: Program) -> None:
    async def both() -> tuple[list[str], list[str]]:
        run, recorded = await _recorded(store, program)
        replay = CassetteJournal(await store.cassette(run), drift_after=1.0)
        return recorded, await _perform(replay, program, live=False)

    recorded, replayed = asyncio.run(both())
    assert replayed == recorded


@relaxed
@given(program=programs, part=st.floats(0, 1))
def test_a_resume_repeats_what_was_recorded_and_then_goes_on(
    store: Store, program: Program, part: float
) -> None:
    async def both() -> tuple[list[str], list[str]]:
        run, recorded = await _recorded(store, program)
        whole = await store.cassette(run)
        kept = tuple(call for call in whole.calls if call.used)[: round(len(recorded) * part)]
        short = replace(whole, start=replace(whole.start, run=f"{run}-cut"), calls=kept)
        path = store.path.with_name("cut.jsonl")
        from rebut.memory import cassette

        cassette.write(path, replace(short, result=replace(short.result, status="interrupted")))
        _, journal = await store.reopen(await store.import_(path))
        resumed = await _perform(journal, program, live=True)
        await store.finish(short.start.run, status="finished")
        again = CassetteJournal(await store.cassette(short.start.run), drift_after=1.0)
        assert await _perform(again, program, live=False) == resumed
        return recorded[: len(kept)], resumed[: len(kept)]

    before, after = asyncio.run(both())
    assert after == before


async def _recorded(store: Store, program: Program) -> tuple[str, list[str]]:
    run = f"run-{next(NUMBERS)}"
    journal = await store.begin(RunStart(run=run, workflow="w"))
    order = await _perform(journal, program, live=True)
    await store.finish(run, status="finished")
    return run, order


async def _perform(journal: RunJournal, program: Program, *, live: bool) -> list[str]:
    order: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def one(number: int) -> None:
        for index, step in enumerate(program[number]):
            path = f"t{number}/{index}"
            await _call(journal, path, step, live=live)
            order.append(path)
            if step.cancels is not None and step.cancels % len(program) != number:
                tasks[step.cancels % len(program)].cancel()

    tasks.extend(asyncio.create_task(one(number)) for number in range(len(program)))
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
    return order


async def _call(journal: RunJournal, path: str, step: Step, *, live: bool) -> None:
    site = CallSite(path=path, node="t", visit=1, agent="a", role="r")
    request = Request(model="m", messages=(Message("user", path),))
    if journal.recalling and await journal.recall(site, request) is not None:
        return
    assert live, f"{path} would be made in a replay"
    for _ in range(step.ticks):
        await asyncio.sleep(0)
    if step.wait:
        await asyncio.sleep(step.wait)
    response = Response(completions=(Completion(text=path),), usage=Usage())
    await journal.record(site, request, Outcome(response=response))
