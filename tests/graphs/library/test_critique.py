"""Critique in the loop (Xi et al., arXiv:2411.16579), from scripted solvers, critics and refiners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.models.script import Line
from rebut.models.wire import Request

from ..stage import NATIVE, SINGLE, Stage, critique, noted, text_of

YES = critique(True, "")


def solution(answer: Any) -> str:
    return f" think.\nStep 2: conclude. Answer: {answer}"


def answer_of(request: Request) -> str:
    return text_of(request).split("Answer: ")[1].split()[0].strip(".")


def critic(wrong: Mapping[str, str]) -> Callable[[Request], str]:
    """Finds fault with solutions by their answers."""

    def say(request: Request) -> str:
        answer = answer_of(request)
        return critique(False, wrong[answer]) if answer in wrong else YES

    return say


def refiner(made: Mapping[str, Any]) -> Callable[[Request], Any]:
    return lambda request: said if isinstance(said := made[answer_of(request)], Line) else solution(said)


def stage(answers: list[Any], judge: Any, made: Any = None, can: Any = SINGLE) -> Stage:
    refined = refiner(made) if isinstance(made, Mapping) else [solution(m) for m in made or ()]
    return Stage({"solver": [solution(a) for a in answers], "critic": judge, "refiner": refined}, can=can)


@pytest.mark.parametrize("can", [SINGLE, NATIVE])
async def test_in_parallel_each_solution_is_refined_once_where_the_critic_finds_fault(can: Any) -> None:
    play = stage([1, 2, 4, 1], critic({"1": "step 2 is wrong", "2": "no"}), {"1": 4, "2": 5}, can)
    result = await play.play("critique")
    assert result.answer == "4"
    assert [c.answer for c in result.state["chains"]] == ["4", "5", "4", "4"]
    assert (play.order.count("critic"), play.order.count("refiner")) == (4, 3)
    assert all(("step 2 is wrong" in p) == ("Answer: 1" in p) for p in play.prompts("refiner"))


async def test_what_the_critic_accepts_is_left_alone() -> None:
    play = stage([1, 1, 4, 1], YES)
    result = await play.play("critique")
    assert result.answer == "1" and "refiner" not in play.order
    assert play.calls == 8


async def test_all_versions_may_vote() -> None:
    # first versions 1 1 2 3, refined 2 2 2 -: alone 2 2 2 3, together 1 1 2 3 2 2 2
    for count, weights in (("last", {"2": 3, "3": 1}), ("all", {"2": 4, "1": 2, "3": 1})):
        play = stage([1, 1, 2, 3], critic({"1": "no", "2": "no"}), {"1": 2, "2": 2})
        result = await play.play("critique", params={"count": count})
        assert {t.answer: t.weight for t in result.state["ballot"].tallies} == weights


async def test_in_sequence_one_solution_is_refined_until_the_critic_accepts_it() -> None:
    play = stage([1], critic({"1": "no", "2": "no"}), [2, 4])
    result = await play.play("critique", params={"mode": "sequential"})
    assert result.answer == "4"
    assert play.order == ["solver", "critic", "refiner", "critic", "refiner", "critic"]
    assert "Answer: 2" in play.prompts("refiner")[1] and "Answer: 1" not in play.prompts("refiner")[1]


@pytest.mark.parametrize("rounds", [1, 2, 5])
async def test_a_sequence_costs_one_solution_and_two_calls_a_round(rounds: int) -> None:
    play = stage([0], critique(False, "no"), list(range(1, rounds + 1)))
    result = await play.play("critique", params={"mode": "sequential", "rounds": rounds})
    assert (result.answer, play.calls) == (str(rounds), 1 + 2 * rounds)


async def test_a_vote_over_a_sequence_may_keep_what_refinement_lost() -> None:
    play = stage([4], critique(False, "no"), [4, 7])
    params = {"mode": "sequential", "rounds": 2, "count": "all"}
    assert (await play.play("critique", params=params)).answer == "4"


async def test_a_critique_that_cannot_be_read_leaves_its_solution() -> None:
    play = stage(
        [1, 2], lambda request: "fine" if answer_of(request) == "1" else critique(False, "no"), {"2": 1}
    )
    result = await play.play("critique", params={"samples": 2})
    assert result.answer == "1" and result.state["critiques"][0] is None
    assert play.order.count("refiner") == 1 and noted(result, "abstained", "criticise")


async def test_a_version_without_an_answer_takes_no_place() -> None:
    for mode in ("parallel", "sequential"):
        play = Stage(
            {"solver": solution(4), "critic": critique(False, "no"), "refiner": " hm.\nAnswer: <number>"}
        )
        result = await play.play("critique", params={"mode": mode, "samples": 1, "rounds": 1})
        assert result.answer == "4"


@pytest.mark.parametrize("who", ["critic", "refiner"])
async def test_calls_that_fail_leave_the_solutions(who: str) -> None:
    failure = ModelRefused("no", model="stage/x", status=400)
    play = stage([1, 4, 4], critique(False, "no"))
    play = Stage({**play.said, who: failure})
    for mode in ("parallel", "sequential"):
        said = {**play.said, "solver": solution(4)}
        result = await Stage(said).play("critique", params={"mode": mode, "samples": 3})
        assert result.answer == "4" and noted(result, "failed")


@pytest.mark.parametrize(("calls", "answer"), [(3, "1"), (5, "1"), (6, "1"), (9, "4")])
async def test_a_spent_budget_leaves_the_vote_so_far(calls: int, answer: str) -> None:
    play = stage([1, 1, 2], critique(False, "no"), [4, 4, 4])
    result = await play.play("critique", params={"samples": 3}, budget=f"calls={calls}")
    assert result.answer == answer
    assert (result.stop_reason == "budget") == (calls < 9)


async def test_nobody_has_an_answer() -> None:
    play = Stage({"solver": " hm.\nAnswer: <number>", "critic": YES, "refiner": []})
    assert (await play.play("critique")).answer is None


def test_the_worst_case_is_counted_by_hand() -> None:
    def calls(**params: Any) -> tuple[int, int, int]:
        plan = rebut.load("critique", params=params).plan()
        return plan.calls, plan.calls_typical, plan.path

    assert calls(samples=6) == (6 * 4, 6 * 3, 4)
    assert calls(mode="sequential", rounds=5) == (1 + 5 * 3, 1 + 5 * 2, 16)
