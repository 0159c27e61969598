"""Pairwise judging in both orders (Zheng et al., arXiv:2306.05685), from scripted judges."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rebut.models.wire import Request

from ..stage import Stage, noted

RANK = {"6": 0, "5": 1, "4": 2}
"""What the fair judge prefers, best first."""


def shown(request: Request) -> tuple[str, str]:
    text = request.messages[1].content
    first, second = re.findall(r"Answer ([A-B]):\n\n<quote>\nAnswer: (\d)", text)
    return first[1], second[1]


def fair(request: Request) -> str:
    first, second = shown(request)
    return "A" if RANK[first] < RANK[second] else "B"


def stage(judge: Any, answers: tuple[str, ...] = ("4", "4", "5", "6")) -> Stage:
    return Stage({"solver": [f"Answer: {a}" for a in answers], "judge": judge})


async def test_the_answer_that_wins_most_pairs_is_taken_and_each_pair_is_judged_twice() -> None:
    play = stage(fair)
    result = await play.play("pairwise")
    assert result.answer == "6"
    assert result.state["points"] == [0, 1, 2]
    assert sorted(shown(r) for r in play.asked("judge")) == sorted(
        (a, b) for a in "456" for b in "456" if a != b
    )


async def test_a_judge_for_the_first_place_gives_ties_and_so_the_most_frequent_answer() -> None:
    result = await stage("A").play("pairwise")
    assert result.state["rulings"] == ["tie"] * 3
    assert result.state["points"] == [1, 1, 1]
    assert result.answer == "4"


async def test_a_tie_in_one_order_counts_under_the_lenient_policy_alone() -> None:
    def shy(request: Request) -> str:
        return "C" if shown(request)[0] < shown(request)[1] else fair(request)

    assert (await stage(shy).play("pairwise")).state["points"] == [1, 1, 1]
    lenient = await stage(shy).play("pairwise", params={"policy": "lenient"})
    assert (lenient.state["points"], lenient.answer) == ([0, 1, 2], "6")


async def test_a_pair_with_a_missing_verdict_counts_for_nobody() -> None:
    def moody(request: Request) -> str:
        return "hm" if shown(request) == ("6", "5") else fair(request)

    result = await stage(moody).play("pairwise")
    assert result.state["rulings"].count(None) == 1
    assert result.state["points"] == [0, 1, 1]
    assert noted(result, "abstained", "swapped")


@pytest.mark.parametrize(("distinct", "judged"), [(True, 0), (False, 6)])
async def test_equal_answers_are_compared_only_where_that_is_asked_for(distinct: bool, judged: int) -> None:
    play = stage("C", ("4", "4.0", "4.00"))
    result = await play.play("pairwise", params={"samples": 3, "distinct": distinct})
    assert result.answer == "4"
    assert play.order.count("judge") == judged


async def test_the_plan_counts_each_ordered_pair_and_a_second_try() -> None:
    plan = stage(fair).workflow("pairwise").plan({"samples": 5})
    assert plan.calls_typical == 5 + 2 * 10
    assert plan.calls == 5 + 2 * 2 * 10
