"""Budgets hold whatever the workflow does, and what stood by then is the answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import SettingsError
from rebut.graphs.result import Result
from rebut.models.wire import Capabilities

from .chance import NATIVE, SINGLE, Chance, runtime_of


async def spent(says: Chance, name: str, budget: str, store: Path | str = "none", **params: Any) -> Result:
    async with runtime_of(says, store) as runtime:
        workflow = rebut.load(name, params=params, kind="number", budget=budget, runtime=runtime)
        return await workflow.run("6 * 7?", seed=1)


@pytest.mark.parametrize("can", [NATIVE, SINGLE], ids=["native", "single"])
@pytest.mark.parametrize("name", ["self-consistency", "adaptive-consistency"])
async def test_ten_calls_of_fifty_samples_give_the_best_so_far(
    can: Capabilities, name: str, tmp_path: Path
) -> None:
    says = Chance(can=can, answers=40)
    result = await spent(says, name, "calls=10", tmp_path / "s.db", samples=50)
    assert result.usage.calls <= says.completions <= 10, "an early stop leaves out what it cancels"
    assert result.stop_reason == "budget" and result.answer is not None
    assert "calls limit of 10" in result.detail


async def test_reasks_are_paid_from_the_same_budget() -> None:
    says = Chance(can=SINGLE, misfits=0.8)
    result = await spent(says, "magicore", "calls=20", k=8, router="always_hard")
    assert says.completions <= 20 and result.stop_reason == "budget"


@pytest.mark.parametrize("can", [NATIVE, SINGLE], ids=["native", "single"])
async def test_tokens_end_a_run_before_they_are_passed(can: Capabilities) -> None:
    result = await spent(Chance(can=can), "self-consistency", "tokens=1200", samples=50)
    assert result.stop_reason == "budget" and result.usage.tokens <= 1200
    assert result.answer is not None


async def test_money_ends_a_run_before_it_is_passed() -> None:
    says = Chance(can=SINGLE, cost=(1e-5, 2e-5))
    result = await spent(says, "self-consistency", "usd=0.02", samples=50)
    assert result.stop_reason == "budget" and result.usage.usd is not None and result.usage.usd <= 0.02
    assert result.answer is not None


async def test_money_without_a_price_is_refused_before_any_call() -> None:
    says = Chance(cost=None)
    with pytest.raises(SettingsError, match="price of 'chance/1' is not known"):
        await spent(says, "debate", "usd=1")
    assert not says.asked


@pytest.mark.parametrize("store", ["none", "kept"])
async def test_seconds_cancel_the_call_in_flight_and_what_stood_answers(store: str, tmp_path: Path) -> None:
    says = Chance(can=SINGLE)
    says.on_call = lambda number: setattr(says, "pace", 60 if number >= 3 else 0)
    began = time.perf_counter()
    where = tmp_path / "s.db" if store == "kept" else "none"
    result = await spent(says, "debate", "seconds=0.3", where, rounds=3)
    assert time.perf_counter() - began < 5
    assert result.stop_reason == "budget" and "seconds limit of 0.3" in result.detail
    assert result.answer is not None and says.now == 0 and says.cancelled >= 1


@pytest.mark.parametrize("budget", ["calls=0", "tokens=0", "seconds=0"])
async def test_a_budget_of_nothing_asks_nothing_and_answers_nothing(budget: str) -> None:
    says = Chance()
    result = await spent(says, "debate", budget)
    assert (result.answer, result.stop_reason, says.completions) == (None, "budget", 0)


@pytest.mark.parametrize("name", ["debate", "magicore", "society", "self-refine"])
async def test_a_budget_in_the_middle_gives_the_fallback(name: str) -> None:
    for calls in range(1, 9):
        says = Chance(can=SINGLE, settled=0.0)
        result = await spent(says, name, f"calls={calls}")
        assert says.completions <= calls
        if result.stop_reason == "budget" and calls >= 5:
            assert result.answer is not None


NESTED = """
name: nested
params: {n: 6}
agents: {a: solver, critic: scorer, other: reviewer}
budget: {calls: 14}
nodes:
  draw: {sample: a, n: params.n, save: samples, budget: {calls: 4}}
  look: {ask: other, for_each: samples, as: draft, quorum: 0, save: notes}
  grade: {score: samples, by: [critic], save: samples, budget: {calls: 2}}
  more: {ask: a, save: extra}
edges: {start: draw, draw: look, look: grade, grade: more, more: end}
answer: "[len(samples), len(compact(notes)), len([s for s in samples if s.score is not None])]"
fallback: len(samples)
"""


@pytest.mark.parametrize("can", [NATIVE, SINGLE], ids=["native", "single"])
async def test_budgets_of_nodes_hold_within_the_budget_of_the_run(can: Capabilities) -> None:
    says = Chance(can=can)
    async with runtime_of(says) as runtime:
        result = await rebut.loads(NESTED, runtime=runtime, kind="number").run("?", seed=1)
    looked = sum(count for path, count in says.asked.items() if path.startswith("look"))
    assert looked == 4, "the node that draws may make four calls of six"
    graded = sum(count for path, count in says.asked.items() if path.startswith("grade"))
    assert graded == 2, "the node that grades may make two calls for its four samples"
    assert result.usage.calls <= 14 and result.stop_reason == "budget"


async def test_the_tighter_of_two_budgets_of_a_run_holds() -> None:
    says = Chance(can=SINGLE)
    async with runtime_of(says) as runtime:
        result = await rebut.loads(NESTED, runtime=runtime, kind="number", budget="calls=3").run("?", seed=1)
    assert says.completions == 3 and result.stop_reason == "budget" and result.answer == 3


@pytest.mark.parametrize("tokens", [1500, 3000, 5000])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("self-consistency", {"samples": 12}),
        ("adaptive-consistency", {"samples": 12, "wave": 4}),
        ("society", {"agents": 4, "rounds": 2}),
        ("magicore", {"k": 3, "router": "always_hard"}),
        ("mixture", {}),
    ],
)
async def test_a_run_whose_calls_waited_for_room_plays_again(
    name: str, params: dict[str, Any], tokens: int, tmp_path: Path
) -> None:
    for seed in range(3):
        says = Chance(seed=seed, can=SINGLE, misfits=0.2, pace=0.004)
        async with runtime_of(says, tmp_path / f"{seed}.db") as runtime:
            budget = f"tokens={tokens}"
            flow = rebut.load(name, params=params, kind="number", budget=budget, runtime=runtime)
            result = await flow.run("6 * 7?", seed=seed)
            assert result.usage.tokens <= tokens
            replay = await runtime.replay(result.run)
            assert (await replay.result()).answer == result.answer and replay.difference() is None
