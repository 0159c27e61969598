"""What a run tells about itself while it goes on and when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import rebut
from rebut.events import Event
from rebut.models.budget import Limits

from .chance import Chance, runtime_of


async def test_a_run_tells_its_limits_its_use_and_its_notes() -> None:
    async with runtime_of(Chance(misfits=1.0), "none") as runtime:
        workflow = rebut.load("self-consistency", params={"samples": 3}, kind="number", runtime=runtime)
        run = workflow.start("6 * 7?", budget="calls=9,seconds=60")
        assert run.limits == Limits(calls=9, seconds=60.0)
        assert (run.usage.calls, run.notes) == (0, ())
        result = await run.result()
    assert run.usage == result.usage and run.usage.calls > 0
    assert run.notes == result.notes and "abstained" in {note.what for note in run.notes}


async def test_a_run_that_is_not_a_replay_differs_from_nothing() -> None:
    async with runtime_of(Chance(), "none") as runtime:
        run = rebut.load("self-refine", kind="number", runtime=runtime).start("6 * 7?")
        await run.result()
        assert run.difference() is None


async def kinds(events: AsyncIterator[Event]) -> list[str]:
    async with asyncio.timeout(20):
        return [event.kind async for event in events]


@pytest.mark.parametrize("close", [False, True])
async def test_a_run_that_is_stopped_before_its_first_step_ends_and_costs_nothing(close: bool) -> None:
    says = Chance()
    async with runtime_of(says, "none") as runtime:
        run = rebut.load("solve", runtime=runtime).start("6 * 7?")
        if close:
            await run.aclose()
        else:
            run.cancel()
        assert await kinds(aiter(run)) == ["run.finished"]
        with pytest.raises(asyncio.CancelledError):
            await run.result()
        assert await kinds(aiter(run.watch())) == [], "nothing comes after the end"
    assert says.asked.total() == 0


async def test_a_run_that_was_cancelled_before_it_was_driven_is_never_made() -> None:
    says = Chance()
    async with runtime_of(says, "none") as runtime:
        run = runtime.begin(rebut.load("solve", runtime=runtime), {"question": "6 * 7?"})
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run.result()
    assert says.asked.total() == 0


@pytest.mark.parametrize("starts", [False, True])
async def test_a_resumed_run_that_is_closed_at_once_is_free_for_others(tmp_path: Path, starts: bool) -> None:
    says = Chance(pace=0.05)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        run = rebut.load("self-refine", kind="number", runtime=runtime).start("6 * 7?")
        says.on_call = lambda number: run.cancel() if number == 2 else None
        with pytest.raises(asyncio.CancelledError):
            await run.result()
        again = await runtime.resume(run.id)
        if starts:
            again.start()
        await again.aclose()
        assert runtime.store is not None and (await runtime.store.run(run.id)).status == "cancelled"
        assert (await (await runtime.resume(run.id)).result()).run == run.id


async def test_a_run_is_driven_once_whoever_waits_for_it() -> None:
    says = Chance(pace=0.01)
    async with runtime_of(says, "none") as runtime:
        solve = rebut.load("solve", kind="number", runtime=runtime)
        run = runtime.begin(solve, {"question": "6 * 7?"})
        driving = asyncio.create_task(run.execute())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="is driven once"):
            await run.execute()
        assert (await kinds(aiter(run))).count("run.started") == 1
        assert await run.result() is await driving
        with pytest.raises(RuntimeError, match="is driven once"):
            await run.execute()
    assert says.asked.total() == 1


TWO_LIMITS = """
name: two-limits
agents: {s: solver, r: reviewer}
nodes:
  a: {ask: s, save: x}
  b: {sample: s, n: 4, save: y, budget: {calls: 2}, quorum: 1}
  c: {ask: r, for_each: y, as: draft, save: z}
edges: {start: a, a: b, b: c, c: end}
answer: majority(y)
fallback: x.answer
"""


async def test_the_limit_that_ended_a_run_is_the_one_that_is_named() -> None:
    async with runtime_of(Chance(), "none") as runtime:
        workflow = rebut.loads(TWO_LIMITS, kind="number", runtime=runtime)
        result = await workflow.run("6 * 7?", budget="calls=3")
    assert (result.stop_reason, result.detail) == ("budget", "budget spent: calls limit of 3 (run)")
