"""Adaptive width, likeness of steps and the vote over leaves, on trees that are known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import rebut
from rebut.models.wire import Request

from ..stage import SINGLE, Stage, grade, text_of

WORDS = ["apple", "bear", "cloud", "dune", "eagle", "fern", "gold", "hill", "iron", "jade", "kite", "lake"]


def solution(request: Request) -> str:
    found = re.search(r"<quote>\n(.*?)\n</quote>", text_of(request), re.DOTALL)
    return found[1] if found else ""


class Steps:
    """Proposes a step of its own at each call; one that ends with the answer where `last` says so."""

    def __init__(self, answer: Callable[[str], str | None] = lambda begun: None) -> None:
        self.asked, self.answer = 0, answer

    def __call__(self, request: Request) -> str:
        word = WORDS[self.asked % len(WORDS)]
        self.asked += 1
        said = self.answer(f"{solution(request)} {word}")
        return word if said is None else f"{word} Answer: {said}"


ONE: dict[str, Any] = {"simulations": 1, "first": 3, "width": 1, "depth": 3, "widest": 6}


def judge(by: Callable[[str], int]) -> Callable[[Request], str]:
    return lambda request: grade(by(solution(request)))


async def test_a_place_whose_values_are_alike_is_not_widened() -> None:
    stage = Stage({"solver": Steps(), "grader": judge(lambda text: 5)}, can=SINGLE)
    result = await stage.play("alpha-search", params={**ONE, "simulations": 2})
    found = result.state["found"]
    at_root = [twig for twig in found.tree if twig.parent == 0]
    assert len(at_root) == 3 and found.expanded == 2


@pytest.mark.parametrize(("factor", "children"), [(8.0, 5), (6.0, 4), (4.0, 3), (40.0, 6)])
async def test_a_place_gets_more_children_the_further_one_is_from_the_mean(
    factor: float, children: int
) -> None:
    # values 1, 0 and 0 with looks ahead of the same: the mean is 1/3, the furthest is 2/3 away
    stage = Stage(
        {"solver": Steps(), "grader": judge(lambda text: 10 * text.startswith("apple"))}, can=SINGLE
    )
    result = await stage.play("alpha-search", params={**ONE, "factor": factor, "simulations": 2, "depth": 1})
    assert len([twig for twig in result.state["found"].tree if twig.parent == 0]) == children


async def test_a_step_that_is_nearly_like_a_sibling_is_left_out() -> None:
    said = ["Add two and two now.", "Add two and two then.", "Count apples.", *WORDS]
    stage = Stage({"solver": said, "grader": grade(5)}, can=SINGLE)
    result = await stage.play("alpha-search", params=ONE)  # 5 of 6 words and marks are the same: 0.83
    assert [twig.unit for twig in result.state["found"].tree if twig.parent == 0] == [said[0], said[2]]
    stage = Stage({"solver": said, "grader": grade(5)}, can=SINGLE)
    result = await stage.play("alpha-search", params={**ONE, "alike": 0.84})
    assert [twig.unit for twig in result.state["found"].tree if twig.parent == 0] == said[:3]


async def test_the_look_ahead_counts_as_much_as_the_step() -> None:
    def by(text: str) -> int:
        return 8 if len(text.split()) == 1 else 2

    stage = Stage({"solver": Steps(), "grader": judge(by)}, can=SINGLE)
    result = await stage.play("alpha-search", params={**ONE, "first": 1})
    [_, child] = result.state["found"].tree
    assert child.value == pytest.approx(0.5 * 0.8 + 0.5 * 0.2)


async def test_solutions_vote_with_their_values() -> None:
    # three complete solutions: 7 with 0.9, and 8 with 0.5 twice
    answers = {"apple": "7", "bear": "8", "cloud": "8"}
    steps = Steps(lambda text: answers[text.split()[-1]])
    stage = Stage({"solver": steps, "grader": judge(lambda text: 9 if "7" in text else 5)}, can=SINGLE)
    result = await stage.play("alpha-search", params=ONE)
    assert result.answer == "8" and len(result.state["found"].leaves) == 3


async def test_at_the_end_of_the_budget_the_best_so_far_is_given() -> None:
    stage = Stage({"solver": Steps(lambda text: "7"), "grader": grade(6)}, can=SINGLE)
    result = await stage.play("alpha-search", params={**ONE, "simulations": 9}, budget="calls=5")
    assert (result.answer, result.stop_reason) == ("7", "budget")


async def test_a_grader_that_cannot_be_read_closes_the_tree() -> None:
    stage = Stage({"solver": Steps(lambda text: "7"), "grader": "fine"}, can=SINGLE)
    with pytest.raises(rebut.errors.QuorumMissed):
        await stage.play("alpha-search", params=ONE)


def test_the_worst_case_widens_every_place_as_far_as_it_goes() -> None:
    # each simulation: widest children, as many looks ahead, two values of each, asked twice
    plan = rebut.load("alpha-search").plan({**ONE, "simulations": 5})
    assert plan.calls == 5 * 6 * (1 + 1 + 2 * 2)
    first = rebut.load("alpha-search").plan({**ONE, "simulations": 1, "first": 9})
    assert first.calls == 9 * (1 + 1 + 2 * 2)
