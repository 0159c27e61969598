"""SELF's online refinement with its filter (Lu et al., arXiv:2310.00533), from scripted agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.models.wire import Request

from ..stage import Stage, critique, noted, text_of


def answer_of(request: Request) -> str:
    return text_of(request).split("Answer: ")[1].split()[0]


def reviewer(good: Mapping[str, Any]) -> Callable[[Request], str]:
    """Judges responses by their answers; those that are not named are bad."""

    def say(request: Request) -> str:
        ruling = good.get(answer_of(request), False)
        return ruling if isinstance(ruling, str) else critique(ruling, f"not {answer_of(request)}")

    return say


def stage(answers: list[Any], good: Any, made: Mapping[str, Any] | None = None) -> Stage:
    said = [f"Path {i}. Answer: {a}" for i, a in enumerate(answers)]  # equal requests would be asked once
    refined = made or {}
    tries = count()
    return Stage(
        {
            "solver": said,
            "reviewer": reviewer(good) if isinstance(good, Mapping) else good,
            "refiner": lambda request: f"Try {next(tries)}. Answer: {refined[answer_of(request)]}",
        }
    )


async def test_only_what_is_judged_good_votes() -> None:
    # 1 1 2 3: the ones become 4 (good), 2 is good, 3 becomes 5 (bad)
    play = stage([1, 1, 2, 3], {"2": True, "4": True}, {"1": 4, "3": 5})
    result = await play.play("self", params={"samples": 4})
    assert result.answer == "4"
    assert [s.answer for s in result.state["kept"]] == ["2", "4", "4"]
    assert play.order.count("reviewer") == 4 + 3 and play.order.count("refiner") == 3


async def test_what_is_judged_good_at_once_is_not_touched() -> None:
    play = stage([4, 4, 4], {"4": True})
    assert (await play.play("self")).answer == "4"
    assert play.calls == 6


async def test_the_refiner_sees_the_feedback_on_its_own_response() -> None:
    play = stage([1, 2], {"4": True}, {"1": 4, "2": 4})
    await play.play("self", params={"samples": 2})
    assert all(
        ("not 1" in p, "not 2" in p) == ("Answer: 1" in p, "Answer: 2" in p) for p in play.prompts("refiner")
    )


async def test_a_good_refinement_is_a_row_to_train_on() -> None:
    play = stage([1, 2, 4], {"4": True}, {"1": 4, "2": 5})
    result = await play.play("self")
    row = {"response": "Path 0. Answer: 1", "feedback": "not 1", "refined": "Try 0. Answer: 4"}
    assert result.state["refinements"] == [row]


@pytest.mark.parametrize(("unsure", "answer"), [("keep", "1"), ("abstain", None)])
async def test_where_nothing_is_judged_good_the_vote_stands_or_there_is_no_answer(
    unsure: str, answer: str | None
) -> None:
    play = stage([1, 1, 2], {}, {"1": 3, "2": 3})
    result = await play.play("self", params={"unsure": unsure})
    assert result.answer == answer and result.state["kept"] == []
    assert bool(noted(result, "fallback")) == (unsure == "keep")


async def test_a_judgement_that_cannot_be_read_neither_keeps_nor_refines() -> None:
    play = stage([1, 1, 4], {"1": "looks fine", "4": True})
    result = await play.play("self")
    assert result.answer == "4" and "refiner" not in play.order
    assert noted(result, "abstained", "judge")


async def test_a_second_judgement_that_cannot_be_read_does_not_keep() -> None:
    play = stage([1, 1, 2], {"3": "looks fine", "2": True}, {"1": 3})
    assert (await play.play("self")).answer == "2"


async def test_judgements_that_fail_leave_the_vote() -> None:
    play = stage([1, 1, 2], ModelRefused("no", model="stage/reviewer", status=400))
    result = await play.play("self")
    assert result.answer == "1" and noted(result, "failed", "judge")


@pytest.mark.parametrize(("calls", "answer"), [(3, "1"), (6, "2"), (8, "2"), (10, "4")])
async def test_a_spent_budget_leaves_what_was_judged_good_so_far(calls: int, answer: str) -> None:
    play = stage([1, 1, 2], {"2": True, "4": True}, {"1": 4})
    result = await play.play("self", budget=f"calls={calls}")
    assert result.answer == answer
    assert (result.stop_reason == "budget") == (calls < 10)


def test_the_worst_case_is_counted_by_hand() -> None:
    plan = rebut.load("self", params={"samples": 5}).plan()
    assert (plan.calls, plan.calls_typical, plan.path) == (5 * 6, 5 * 4, 6)
