"""What a run tells about itself while it goes on and when it has ended."""

from __future__ import annotations

import rebut
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
