"""Interrupted runs go on where they were: nothing that was answered is asked again."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

import rebut
from rebut.errors import InputError, ModelRefused, QuorumMissed, RebutError, StoreError
from rebut.events import Event
from rebut.models.journal import CALL_KEY
from rebut.models.wire import Request, Response, Sink

from .chance import NATIVE, SINGLE, Chance, runtime_of

FLOWS: list[tuple[str, dict[str, Any], bool]] = [
    ("debate", {}, True),
    ("magicore", {"k": 3, "router": "always_hard"}, True),
    ("society", {"agents": 3, "rounds": 2}, True),
    ("self-refine", {}, False),
    ("tree-of-thought", {"depth": 2, "width": 2}, True),
    ("mcts", {"simulations": 2, "width": 2, "depth": 2}, False),
    ("adaptive-consistency", {"samples": 9, "wave": 3}, False),
]
MARKED = [pytest.param(*flow, marks=pytest.mark.slow) if flow[0] == "magicore" else flow for flow in FLOWS]
"""The one with the most calls takes the longest."""


def model(single: bool, **options: Any) -> Chance:
    can = SINGLE if single else NATIVE
    return Chance(seed=5, answers=4, misfits=0.15, settled=0.05, pace=0.001, can=can, **options)


def shape(events: list[Event]) -> list[tuple[Any, ...]]:
    """What the events tell apart from ids and times, in an order that timing does not change."""
    told: list[tuple[Any, ...]] = []
    for event in events:
        fields = event.as_dict()
        for name in ("run", "seq", "t", "seconds", "usage", "usd"):
            fields.pop(name, None)
        for name in ("prompt_tokens", "completion_tokens"):  # equal requests in flight at once are paid once
            fields.pop(name, None)
        told.append((event.kind, orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)))
    return sorted(told)


async def _interrupted(workflow: rebut.Workflow, says: Chance, store: Path, k: int) -> str | None:
    """The id of a run that was cancelled at its k-th call; None when it makes fewer."""
    async with runtime_of(says, store) as runtime:
        run = workflow.with_(runtime=runtime).start("6 * 7?", seed=3)
        says.on_call = lambda number: run.cancel() if number == k else None
        try:
            await run.result()
        except asyncio.CancelledError:
            return run.id
        return None


@pytest.mark.parametrize(("name", "params", "single"), MARKED, ids=[name for name, _, _ in FLOWS])
async def test_a_run_cancelled_at_any_call_resumes_to_the_same_end(
    name: str, params: dict[str, Any], single: bool, tmp_path: Path
) -> None:
    workflow = rebut.load(name, params=params, kind="number")
    async with runtime_of(model(single), tmp_path / "s.db") as runtime:
        whole = await workflow.with_(runtime=runtime).run("6 * 7?", seed=3)
        assert runtime.store is not None
        told = shape(await runtime.store.events(whole.run))
    k = 0
    for k in range(1, 40):
        says = model(single)
        interrupted = await _interrupted(workflow, says, tmp_path / "s.db", k)
        if interrupted is None:
            break
        answered = dict(says.answered)
        says.on_call = None
        async with runtime_of(says, tmp_path / "s.db") as runtime:
            assert runtime.store is not None
            kept = {c.site.path for c in await runtime.store.calls(interrupted) if c.outcome.response}
            result = await (await runtime.resume(interrupted)).result()
            events = await runtime.store.events(interrupted)
        assert all(says.answered[path] == answered[path] for path in kept), "a recorded call was asked again"
        if name != "adaptive-consistency":  # who comes first decides there when it stops
            assert result.answer == whole.answer
            assert shape(events) == told
        assert (await _replayed(says, tmp_path / "s.db", interrupted)) is None
    assert k > 3


async def _replayed(says: Chance, store: Path, run: str) -> str | None:
    async with runtime_of(says, store) as runtime:
        replay = await runtime.replay(run)
        await replay.result()
        return replay.difference()


async def test_the_same_runtime_resumes_a_run_that_it_cancelled(tmp_path: Path) -> None:
    says = model(True)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        run = rebut.load("self-refine", kind="number", runtime=runtime).start("6 * 7?", seed=3)
        says.on_call = lambda number: run.cancel() if number == 3 else None
        with pytest.raises(asyncio.CancelledError):
            await run.result()
        says.on_call = None
        result = await (await runtime.resume(run.id)).result()
        assert result.stop_reason == "answered" and result.run == run.id


async def test_a_failed_run_asks_only_the_failed_call_again(tmp_path: Path) -> None:
    says = model(True)
    says.misfits = 0.0

    def refuse(number: int) -> None:
        if number >= 3:
            raise ModelRefused("the key was revoked", model="chance/1", status=401)

    says.on_call = refuse
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        workflow = rebut.load("self-refine", kind="number", runtime=runtime)
        with pytest.raises(ModelRefused) as failed:
            await workflow.run("6 * 7?", seed=3)
        asked = dict(says.asked)
        says.on_call = None
        result = await (await runtime.resume(failed.value.run)).result()
    again = [path for path, count in says.asked.items() if count > asked.get(path, 0) and path in asked]
    assert again == ["refine/1"] and result.stop_reason == "answered"


async def test_a_run_that_was_answered_cannot_be_resumed_and_asks_nothing(tmp_path: Path) -> None:
    says = model(True)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        done = await rebut.load("self-refine", kind="number", runtime=runtime).run("6 * 7?")
        asked = says.asked.total()
        with pytest.raises(InputError, match=r"answered|finished|resume"):
            await runtime.resume(done.run)
        assert says.asked.total() == asked


async def test_a_run_under_way_is_resumed_by_nobody_else(tmp_path: Path) -> None:
    says = Chance(pace=300, timing=0)
    async with runtime_of(says, tmp_path / "s.db") as runtime, runtime_of(says, tmp_path / "s.db") as other:
        run = rebut.load("self-refine", kind="number", runtime=runtime).start("6 * 7?")
        await asyncio.sleep(0.1)
        for one in (runtime, other):
            with pytest.raises(StoreError, match="run"):
                await one.resume(run.id)
        await run.aclose()
        first = await other.resume(run.id)
        with pytest.raises(StoreError):
            await runtime.resume(run.id)
        await first.aclose()


async def test_a_closed_runtime_has_cancelled_its_runs_and_they_can_be_resumed(tmp_path: Path) -> None:
    says = Chance(pace=2, can=SINGLE)
    runs: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with runtime_of(says, tmp_path / "s.db") as runtime:
            workflow = rebut.load("magicore", kind="number", runtime=runtime)

            async def fails() -> None:
                await asyncio.sleep(0.1)
                raise ZeroDivisionError

            await asyncio.gather(*[workflow.run(f"{i}?") for i in range(20)], fails())
    assert says.now == 0 and says.cancelled > 0
    async with runtime_of(Chance(can=SINGLE), tmp_path / "s.db") as later:
        assert later.store is not None
        kept = await later.store.runs()
        runs = [info.id for info in kept if info.status == "cancelled"]
        assert len(runs) == 20
        assert (await (await later.resume(runs[0])).result()).stop_reason == "answered"


async def test_a_closed_runtime_begins_nothing(tmp_path: Path) -> None:
    async with runtime_of(Chance(), tmp_path / "s.db") as runtime:
        workflow = rebut.load("self-refine", kind="number", runtime=runtime)
    with pytest.raises(RebutError, match="this runtime is closed"):
        await workflow.run("6 * 7?")


async def test_a_run_cancelled_twice_while_it_ends_is_written_once(tmp_path: Path) -> None:
    async with runtime_of(Chance(pace=300, timing=0), tmp_path / "s.db") as runtime:
        run = rebut.load("self-refine", kind="number", runtime=runtime).start("6 * 7?")
        await anext(aiter(run))  # it has begun
        for _ in range(4):
            run.cancel()
            await asyncio.sleep(0)
        await run.aclose()
        assert runtime.store is not None
    async with runtime_of(Chance(), tmp_path / "s.db") as later:
        assert later.store is not None
        ends = [e for e in await later.store.events(run.id) if e.kind == "run.finished"]
        assert len(ends) == 1 and (await later.store.run(run.id)).status == "cancelled"


async def test_a_resume_that_is_called_off_leaves_the_run_to_the_next(tmp_path: Path) -> None:
    says = model(True)
    run = await _interrupted(rebut.load("debate"), says, tmp_path / "s.db", 2)
    assert run is not None
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        for turns in range(4):
            called_off = asyncio.create_task(runtime.resume(run))
            for _ in range(turns):
                await asyncio.sleep(0)
            called_off.cancel()
            with pytest.raises(asyncio.CancelledError):
                await called_off
        assert (await (await runtime.resume(run)).result()).stop_reason == "answered"


async def test_a_run_whose_snapshot_cannot_be_read_is_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = model(True)
    run = await _interrupted(rebut.load("debate"), says, tmp_path / "s.db", 2)
    assert run is not None
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        with monkeypatch.context() as broken:
            broken.setattr("rebut.graphs.runtime.workflow_of", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await runtime.resume(run)
        assert (await (await runtime.resume(run)).result()).stop_reason == "answered"


async def test_a_second_run_of_the_same_id_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    says = model(True)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        workflow = rebut.load("debate").with_(runtime=runtime)
        second = asyncio.Event()
        says.on_call = lambda number: second.set() if number == 2 else None
        first = runtime.begin(workflow, {"question": "6 * 7?"}, run="mine", seed=3)
        first.start()
        await second.wait()
        with pytest.raises(InputError, match="'mine' is in store"):
            await runtime.begin(workflow, {"question": "6 * 7?"}, run="mine").result()
        assert (await first.result()).stop_reason == "answered"
        assert runtime.store is not None and (await runtime.store.run("mine")).status == "finished"


REVIEWED = """
name: reviewed
agents: {solver: solver, reviewer: reviewer}
nodes:
  draw: {sample: solver, n: 3, save: drafts}
  review: {ask: reviewer, for_each: drafts, as: draft, save: critiques, quorum: 2}
  tally: {vote: drafts, save: ballot}
edges: {start: draw, draw: review, review: tally, tally: end}
answer: ballot.answer
"""


@pytest.mark.parametrize("late", [0, 1, 2])
async def test_after_a_missed_quorum_only_what_failed_is_asked_again(late: int, tmp_path: Path) -> None:
    says = Reviewed(late)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        with pytest.raises(QuorumMissed, match="1 of 3 stood, 2 needed") as missed:
            await rebut.loads(REVIEWED, kind="number", runtime=runtime).run("6 * 7?", seed=3)
        says.broken = False
        asked = Counter(says.asked)
        result = await (await runtime.resume(missed.value.run)).result()
        again = says.asked - asked
    assert sorted(again) == [f"review/1[{i}]" for i in range(3) if i != late]
    assert len([one for one in result.state["critiques"] if one is not None]) == 3
    assert await _replayed(says, tmp_path / "s.db", missed.value.run) is None


async def test_a_quorum_that_is_missed_again_can_be_resumed_again(tmp_path: Path) -> None:
    says = Reviewed(late=0)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        with pytest.raises(QuorumMissed) as missed:
            await rebut.loads(REVIEWED, kind="number", runtime=runtime).run("6 * 7?", seed=3)
        with pytest.raises(QuorumMissed):
            await (await runtime.resume(missed.value.run)).result()
        says.broken = False
        assert (await (await runtime.resume(missed.value.run)).result()).stop_reason == "answered"
    assert says.answered["review/1[0]"] == 1
    assert await _replayed(says, tmp_path / "s.db", missed.value.run) is None


class Reviewed(Chance):
    """While it is broken it refuses all reviews but one, whose reply comes in after the others failed."""

    def __init__(self, late: int) -> None:
        super().__init__(seed=5, can=SINGLE)
        self.late, self.broken = f"review/1[{late}]", True

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        path = (CALL_KEY.get() or "").partition(":")[2]
        if self.broken and path == self.late:
            await asyncio.sleep(0.05)
        elif self.broken and path.startswith("review"):
            self.asked[path] += 1
            raise ModelRefused("not now", model="chance/1", status=400)
        return await super().complete(request, sink)
