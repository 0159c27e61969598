"""Iterative deepening (Chen et al., arXiv:2502.05449), from a scripted solver that is cut off."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.errors import ModelUnavailable, SettingsError
from rebut.models.script import Line
from rebut.models.wire import Request

from ..stage import NATIVE, SINGLE, Stage, able

TRIGGER = "Wait, maybe I made a mistake."


def cut(text: str) -> Line:
    return Line(text=text, finish="length")


def begun(request: Request) -> str:
    last = request.messages[-1]
    return last.content if last.role == "assistant" else ""


def stage(*lines: Any, **can: bool) -> Stage:
    return Stage({"solver": list(lines)}, can=able(**can) if can else SINGLE)


async def test_the_budgets_grow_geometrically_and_the_trigger_is_put_in() -> None:
    play = stage(cut("one"), cut(" two"), cut(" three"), cut(" four\nAnswer: 4"))
    result = await play.play("iterative-deepening", params={"samples": 1, "first": 100, "growth": 3})
    assert [r.max_tokens for r in play.asked("solver")] == [100, 200, 600, 1800]
    starts = [begun(r) for r in play.asked("solver")]
    assert starts[0] == ""
    assert [start.count(TRIGGER) for start in starts[1:]] == [1, 2, 3]
    assert starts[2].startswith(starts[1] + " two")
    assert result.answer == "4"
    assert result.state["chains"][0].text.startswith("one\n\nWait")


async def test_a_solution_that_came_to_its_end_is_left_alone() -> None:
    play = stage("Answer: 4", cut("hm"), "Answer: 4", " so 5.\nAnswer: 5")
    result = await play.play("iterative-deepening", params={"samples": 3})
    assert [begun(r)[:2] for r in play.asked("solver")] == ["", "", "", "hm"]
    assert result.answer == "4" and result.state["ballot"].voters == 3
    assert [c.index for c in result.state["chains"]] == [0, 1, 2]


async def test_no_sentence_is_put_behind_a_stated_answer() -> None:
    play = stage(cut(r"So it is \boxed{4}, as"), " I said.")
    await play.play("iterative-deepening", params={"samples": 1})
    assert begun(play.asked("solver")[1]) == r"So it is \boxed{4}, as"


async def test_the_looks_back_are_bounded_and_may_be_none() -> None:
    play = stage(*[cut("more ")] * 9)
    await play.play("iterative-deepening", params={"samples": 1, "looks": 2})
    assert play.calls == 3
    play = stage(cut("Answer: 4"))
    assert (await play.play("iterative-deepening", params={"samples": 1, "looks": 0})).answer == "4"


async def test_a_look_back_that_fails_leaves_the_solution_as_it_was() -> None:
    play = stage(cut("Answer: 4 "), *[ModelUnavailable("gone")] * 3)
    result = await play.play("iterative-deepening", params={"samples": 1, "looks": 1})
    assert result.answer == "4"


async def test_the_samples_begin_together_where_the_model_can() -> None:
    play = Stage({"solver": [cut("a"), cut("b"), "Answer: 4", "Answer: 5"]}, can=NATIVE)
    await play.play("iterative-deepening", params={"samples": 2, "looks": 1})
    assert [(r.n, begun(r)[:1]) for r in play.asked("solver")] == [(2, ""), (1, "a"), (1, "b")]


async def test_a_model_that_cannot_go_on_from_a_beginning_is_refused() -> None:
    play = stage("Answer: 4", prefill=False)
    with pytest.raises(SettingsError, match=r"node 'deepen'.*cannot continue a reply that was begun"):
        await play.play("iterative-deepening")
    assert play.calls == 0


async def test_the_plan_bounds_calls_by_the_looks() -> None:
    plan = stage("x").workflow("iterative-deepening").plan({"samples": 3, "looks": 4})
    assert (plan.calls, plan.path) == (3 * 5, 5)
