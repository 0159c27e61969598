"""A run of a workflow with agents that no node asks is resumed, replayed and forked like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import rebut

from .chance import SINGLE, Chance, runtime_of

UNASKED = """
name: unasked
agents: {solver: solver, critic: reviewer}
nodes:
  first: {ask: solver, save: draft}
  second: {ask: solver, save: draft}
edges: {start: first, first: second, second: end}
answer: draft.answer
"""
CALLER = """
name: caller
agents: {spare: judge}
nodes:
  first: {call: ./unasked.yaml, save: found}
edges: {start: first, first: end}
answer: found.answer
"""


@pytest.fixture(params=["unasked", "caller"])
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> rebut.Workflow:
    """A workflow with such an agent, and one that calls it and has another."""
    (tmp_path / "unasked.yaml").write_text(UNASKED)
    (tmp_path / "caller.yaml").write_text(CALLER)
    return rebut.load(tmp_path / f"{request.param}.yaml", kind="number")


async def test_it_is_replayed_and_forked(workflow: rebut.Workflow, tmp_path: Path) -> None:
    async with runtime_of(Chance(seed=5, can=SINGLE), tmp_path / "s.db") as runtime:
        result = await workflow.with_(runtime=runtime).run("6 * 7?", seed=3)
        replay = await runtime.replay(result.run)
        assert (await replay.result()).answer == result.answer and replay.difference() is None
        last = [call.site.path for call in await runtime.store.calls(result.run)][-1]  # type: ignore[union-attr]
        fork = await runtime.fork(result.run, last, say="Answer: 7")
        assert (await fork.result()).answer == "7"
        again = await runtime.replay(fork.id)
        assert (await again.result()).answer == "7" and again.difference() is None


async def test_it_is_resumed(workflow: rebut.Workflow, tmp_path: Path) -> None:
    says = Chance(seed=5, can=SINGLE)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        run = workflow.with_(runtime=runtime).start("6 * 7?", seed=3)
        says.on_call = lambda number: run.cancel() if number == 2 else None
        with pytest.raises(asyncio.CancelledError):
            await run.result()
        says.on_call = None
        assert (await (await runtime.resume(run.id)).result()).stop_reason == "answered"


async def test_its_snapshot_keeps_no_prompt_that_is_not_used(tmp_path: Path) -> None:
    workflow = rebut.loads(UNASKED, kind="number")
    async with runtime_of(Chance(seed=5, can=SINGLE), tmp_path / "s.db") as runtime:
        result = await workflow.with_(runtime=runtime).run("6 * 7?", seed=3)
        cassette = await runtime.store.cassette(result.run)  # type: ignore[union-attr]
        assert list(cassette.start.snapshot["roles"]) == ["solver/default"]
