"""The rule of selection worked by hand, and what is shown to who tries again."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

import rebut
from rebut.graphs.search.tree import Tree, TreeNode
from rebut.graphs.search.views import branch
from rebut.graphs.spec import SearchNode
from rebut.models.wire import Request

from ..stage import SINGLE, Stage, grade, text_of

ONE: dict[str, Any] = {"iterations": 4, "expansions": 3, "depth": 3, "finished": 100}


def partial(request: Request) -> str:
    found = re.search(r"so far:\n\n<quote>\n(.*?)\n</quote>", text_of(request), re.DOTALL)
    return found[1] if found else ""


class Steps:
    """Says what was not said before, and the answer in a second step."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: Request) -> str:
        self.asked += 1
        return f"step {self.asked}" + (f" Answer: {self.asked}" if partial(request) else "")


def priority(node: TreeNode, **params: float) -> float:
    search = rebut.load("swe-search").spec.nodes["search"]
    assert isinstance(search, SearchNode) and search.priority is not None
    given = {"c": 1.41, "alpha": 0.5, "beta": 1.0, "gamma": 0.1} | params
    return float(search.priority({"node": branch(node), "params": given}))


def visited(mean: float, visits: float, above: float, depth: int) -> TreeNode:
    tree = Tree()
    node = tree.root
    for _ in range(depth):
        node = tree.add(node, "x", "x")
    assert node.parent is not None
    node.mean, node.visits, node.parent.visits = mean, visits, above
    return node


def test_the_rule_is_value_exploration_and_both_terms_of_depth() -> None:
    at_first = 0.6 + 1.41 * math.sqrt(math.log(8) / 2) + 0.5 * 1 - 0.1 * 1
    assert priority(visited(0.6, 2, 8, 1)) == pytest.approx(at_first)
    deeper = 0.6 + 1.41 * math.sqrt(math.log(8) / 2) + 0.5 * math.exp(-3) - 0.1 * 2
    assert priority(visited(0.6, 2, 8, 4)) == pytest.approx(deeper)
    assert priority(visited(0.6, 2, 8, 4), alpha=0, gamma=0, c=0) == pytest.approx(0.6)
    assert priority(visited(0.0, 0, 8, 1)) == 1e9


async def test_who_tries_again_is_shown_the_tries_before_and_what_was_said_of_them() -> None:
    stage = Stage({"solver": Steps(), "grader": '{"reason": "adds wrongly", "score": 1}'}, can=SINGLE)
    await stage.play("swe-search", params={**ONE, "iterations": 5, "depth": 1})
    prompts = stage.prompts("solver")
    assert [prompt.count("tried before") for prompt in prompts] == [0, 1, 2]
    assert "step 1" in prompts[1] and "adds wrongly" in prompts[1] and "another next step" in prompts[1]
    assert "another next step" not in prompts[0] and "What was found of it" not in prompts[0]


async def test_a_place_is_tried_again_after_two_and_four_visits() -> None:
    stage = Stage({"solver": Steps(), "grader": grade(5)}, can=SINGLE)
    result = await stage.play("swe-search", params={**ONE, "iterations": 5, "depth": 1})
    tree = result.state["found"].tree
    assert [twig.parent for twig in tree] == [None, 0, 0, 0]
    few = Stage({"solver": Steps(), "grader": grade(5)}, can=SINGLE)
    result = await few.play("swe-search", params={**ONE, "iterations": 9, "depth": 1, "expansions": 2})
    assert len([t for t in result.state["found"].tree if t.parent == 0]) == 2


async def test_a_good_solution_ends_the_search() -> None:
    def judge(request: Request) -> str:
        return grade(10 if "Answer" in text_of(request) else 3)

    stage = Stage({"solver": Steps(), "grader": judge}, can=SINGLE)
    result = await stage.play("swe-search", params={**ONE, "iterations": 50})
    assert result.state["found"].reason == "stopped" and result.state["found"].iterations < 10
    assert result.answer == str(len(stage.asked("solver")))


async def test_enough_complete_solutions_end_it_too() -> None:
    stage = Stage({"solver": Steps(), "grader": grade(5)}, can=SINGLE)
    result = await stage.play("swe-search", params={**ONE, "iterations": 50, "finished": 2})
    found = result.state["found"]
    assert found.reason == "stopped" and len(found.leaves) == 2


async def test_at_the_end_of_the_budget_the_best_so_far_is_given() -> None:
    stage = Stage({"solver": Steps(), "grader": grade(5)}, can=SINGLE)
    result = await stage.play("swe-search", params={**ONE, "iterations": 50}, budget="calls=6")
    assert result.stop_reason == "budget" and result.answer is not None


def test_the_worst_case_widens_by_all_expansions() -> None:
    # `widen` is bounded by `widest` alone: each round may ask for all steps of a place, each graded twice
    plan = rebut.load("swe-search").plan({**ONE, "iterations": 5})
    assert plan.calls == 5 * 3 * (1 + 2)
