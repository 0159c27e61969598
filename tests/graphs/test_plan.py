"""Plans of the library's workflows against bounds worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

import rebut
from rebut.errors import WorkflowError

# A verdict, critique, score or list of candidates may be asked for twice; a free text never is.
WORKED: list[tuple[str, dict[str, Any], int, int, int]] = [
    # name, parameters, calls at most, calls without re-asks, one after another at most
    ("self-consistency", {"samples": 40}, 40, 40, 1),
    ("adaptive-consistency", {"samples": 40, "wave": 4}, 40, 40, 10),
    ("adaptive-consistency", {"samples": 41, "wave": 4}, 41, 41, 11),
    ("self-consistency", {"samples": 1}, 1, 1, 1),
    # samples, then answers x numbers x attempts
    ("fobar", {"forward": 5}, 5 + 3 * 3 * 2, 5 + 18, 1 + 1),
    # solutions or drafts, then a free text or several
    ("self-agreement", {"samples": 5}, 5 + 1, 5 + 1, 1 + 1),
    ("aggregate", {"drafts": 4, "finals": 3}, 4 + 3, 4 + 3, 1 + 1),
    # responses, and a pick in each order
    ("universal-consistency", {"samples": 5, "asks": 3}, 5 + 2 * 3, 5 + 3, 1 + 2),
    # n solutions, and a grade by each scorer
    ("best-of-n", {"n": 5, "scorer": "both"}, 5 + 2 * 10, 5 + 10, 1 + 2),
    # rounds x (two sides + ruling), then the list of candidates and the last ruling
    ("debate", {"rounds": 3}, 3 * (2 + 2) + 2 + 2, 3 * 3 + 2, 16),
    ("debate", {"rounds": 3, "first": "negative"}, 16, 11, 16),
    ("debate", {"rounds": 1, "adaptive": False}, 8, 5, 8),
    ("debate", {"rounds": 10}, 44, 32, 44),
    # a draft, then rounds x (review + refinement)
    ("self-refine", {"rounds": 3}, 1 + 3 * (2 + 1), 1 + 3 * 2, 10),
    ("self-refine", {"rounds": 1}, 4, 3, 4),
    ("society", {"agents": 3, "rounds": 2}, 6, 6, 2),
    ("society", {"agents": 5, "rounds": 4}, 20, 20, 4),
    ("society", {"agents": 7, "rounds": 1}, 7, 7, 1),
    # k chains and 2k grades, then iterations x (k reviews + k refinements + 2k grades)
    ("magicore", {"k": 5, "iterations": 2}, 5 + 20 + 2 * (10 + 5 + 20), 15 + 2 * 20, 1 + 2 + 2 * 5),
    ("magicore", {"k": 5, "iterations": 2, "merge": True}, 25 + 2 * 25, 15 + 2 * 15, 3 + 2 * 3),
    ("magicore", {"k": 5, "iterations": 0}, 25, 15, 3),
    ("magicore", {"k": 5, "iterations": 1, "use_prm": False}, 15 + 25, 10 + 15, 3 + 5),
]


@pytest.mark.parametrize(("name", "params", "calls", "typical", "path"), WORKED)
def test_bounds_worked_by_hand(
    name: str, params: dict[str, Any], calls: int, typical: int, path: int
) -> None:
    plan = rebut.load(name).plan(params)
    assert (plan.calls, plan.calls_typical, plan.path) == (calls, typical, path)


def test_a_plan_says_what_each_node_takes() -> None:
    rows = {row.node: row for row in rebut.load("debate", models="local/other").plan({"rounds": 3}).nodes}
    assert {name: (row.visits, row.calls, row.typical) for name, row in rows.items()} == {
        "affirm": (3, 1, 1),
        "oppose": (3, 1, 1),
        "weigh": (3, 2, 1),
        "list": (1, 2, 1),
        "settle": (1, 2, 1),
    }
    assert rows["weigh"].models == ("local/other",) and rows["weigh"].agents == ("judge",)


def test_branches_add_their_calls_but_not_their_paths() -> None:
    plan = rebut.loads(
        """
name: two
agents: {a: solver}
nodes:
  begin: {set: {ready: 1}}
  left: {ask: a, save: one}
  more: {ask: a, save: one}
  right: {sample: a, n: 7, save: two}
  meet: {set: {done: len(two)}}
edges: {start: begin, begin: [left, right], left: more, more: meet, right: meet, meet: end}
answer: done if one else 0
"""
    ).plan()
    assert (plan.calls, plan.path) == (9, 2)


DOUBLING = """
name: doubling
params: {rounds: 3}
agents: {a: solver}
nodes:
  draw: {sample: a, n: 2, save: pool}
  grow: {set: {pool: pool + pool}}
  each: {ask: a, for_each: pool, as: it, save: said}
edges:
  start: draw
  draw: grow
  grow:
    - {when: visits.grow < params.rounds, to: grow}
    - {to: each}
  each: end
answer: len(said)
"""


@pytest.mark.parametrize("rounds", [1, 2, 3, 6])
def test_a_list_that_doubles_is_followed_through_its_loop(rounds: int) -> None:
    # How often a list is written is bounded with the visits of all nodes: the bound holds, but is not tight.
    assert rebut.loads(DOUBLING).plan({"rounds": rounds}).calls >= 2 + 2 * 2**rounds


def test_a_list_that_grows_beyond_all_bounds_asks_for_at_most() -> None:
    with pytest.raises(WorkflowError, match=r"'each' cannot be bounded .* give the node an at_most"):
        rebut.loads(DOUBLING).plan({"rounds": 5000})


def test_a_models_limit_of_replies_makes_the_plan_cheaper() -> None:
    models = ("local/m", "local/m?reply=64")
    free, held = (rebut.load("self-consistency", models=model).plan() for model in models)
    assert free.calls == held.calls and free.tokens - held.tokens == free.calls * (1024 - 64)
    longer = rebut.load("self-consistency", models="local/m?reply=4096").plan()
    assert longer.tokens == free.tokens, "a role's own limit goes before"
    seats = rebut.load("society", models={"a": "local/m?reply=64", "b": "local/m?reply=128", "c": "local/m"})
    assert seats.plan().tokens == rebut.load("society", models="local/m").plan().tokens


def test_a_budget_of_the_caller_is_noted() -> None:
    plan = rebut.load("debate", budget="calls=5").plan()
    assert plan.calls == 16 and "the budget ends it after 5 calls" in plan.notes


WALK = """
name: walk
inputs: [question, notes]
params: {words: [a, b, c]}
agents: {judge: judge, a: solver}
nodes:
  argue: {sample: a, n: 2, save: arguments}
  gather: {set: {evidence: arguments}}
  list: {ask: judge, mode: candidates, save: found}
  each: {ask: a, for_each: "WALKED", as: it, AT_MOST save: said}
edges: {start: argue, argue: gather, gather: list, list: each, each: end}
answer: len(said)
"""


@pytest.mark.parametrize(
    ("walked", "calls"),
    [("params.words", 3), ("range(1, 9, 2)", 4), ("notes[:len(params.words)]", 3), ("arguments.text", 2)],
)
def test_lists_that_parameters_bound_are_counted(walked: str, calls: int) -> None:
    plan = rebut.loads(WALK.replace("WALKED", walked).replace("AT_MOST ", "")).plan()
    assert {row.node: row.calls for row in plan.nodes}["each"] == calls


@pytest.mark.parametrize(
    "walked", ["found.answers", "notes", "[w for n in notes for w in n]", "evidence * 9"]
)
def test_a_list_of_which_nobody_knows_the_length_asks_for_at_most(walked: str) -> None:
    text = WALK.replace("WALKED", walked)
    with pytest.raises(WorkflowError, match="cannot be bounded"):
        rebut.loads(text.replace("AT_MOST ", "")).plan()
    plan = rebut.loads(text.replace("AT_MOST ", "at_most: 7, ")).plan()
    assert {row.node: row.calls for row in plan.nodes}["each"] == 7
