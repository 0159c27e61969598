"""Best-of-n and votes weighed by grades, from scripted solvers and scorers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from rebut.errors import ModelRefused
from rebut.models.wire import Request

from ..stage import Stage, grade, grades, noted, text_of

Graded = Mapping[str, Any]


def stage(said: list[Any], outcome: Graded | None = None, steps: Graded | None = None) -> Stage:
    """Solutions, and grades by what a solution is marked with in square brackets."""

    def by(given: Graded | None, fits: Any) -> Any:
        def reply(request: Request) -> Any:
            assert given is not None, "nobody asked for this scorer"
            found = re.search(r"\[(\w+)\]", text_of(request))
            assert found is not None
            grade_ = given[found[1]]
            return grade_ if isinstance(grade_, str | Exception) else fits(grade_)

        return reply

    return Stage(
        {
            "solver": said,
            "outcome": by(outcome, grade),
            "steps": by(steps, lambda given: grades(*given)),
        }
    )


def sol(mark: str, answer: int | str) -> str:
    return f"[{mark}] Answer: {answer}"


FOUR = [sol("a", 4), sol("b", 5), sol("c", 4), sol("d", 6)]


async def test_the_best_graded_solution_wins_against_the_majority() -> None:
    play = stage(FOUR, {"a": 3, "b": 9, "c": 4, "d": 8})
    result = await play.play("best-of-n", params={"n": 4})
    assert result.answer == "5"
    assert play.order == ["solver"] * 4 + ["outcome"] * 4
    assert [s.score for s in result.state["samples"]] == [0.3, 0.9, 0.4, 0.8]


async def test_weighed_votes_sum_the_grades_of_equal_answers() -> None:
    play = stage([*FOUR, sol("e", "4.0")], {"a": 3, "b": 8, "c": 4, "d": 2, "e": 2})
    result = await play.play("best-of-n", params={"rule": "weighted"})
    assert result.answer == "4"  # 0.3 + 0.4 + 0.2 against 0.8
    weights = {t.answer: t.weight for t in result.state["ballot"].tallies}
    assert weights == pytest.approx({"4": 0.9, "5": 0.8, "6": 0.2})


@pytest.mark.parametrize(("tie", "answer"), [("votes", "4"), ("first", "6")])
async def test_of_equally_good_solutions_the_most_frequent_answer_or_the_first_wins(
    tie: str, answer: str
) -> None:
    said = [sol("x", 7), sol("a", 6), sol("b", 4), sol("c", 4), sol("y", 7), sol("z", 7)]
    play = stage(said, {"a": 9, "b": 9, "c": 9, "x": 8, "y": 8, "z": 8})
    result = await play.play("best-of-n", params={"n": 6, "tie": tie})
    assert result.answer == answer
    assert len(result.state["equals"]) == 3


@pytest.mark.parametrize(("tie", "answer"), [("votes", "4"), ("first", "6")])
async def test_equally_heavy_answers_are_told_apart_by_their_count_or_order(tie: str, answer: str) -> None:
    # 0.1 + 0.2 and 0.3 differ in floating point, and are equal
    play = stage([sol("a", 6), sol("b", 4), sol("c", 4)], {"a": 3, "b": 1, "c": 2})
    result = await play.play("best-of-n", params={"n": 3, "rule": "weighted", "tie": tie})
    assert result.answer == answer


@pytest.mark.parametrize(("how", "answer"), [("product", "5"), ("min", "4"), ("mean", "6"), ("last", "6")])
async def test_step_scores_become_one_in_the_chosen_way(how: str, answer: str) -> None:
    def three(mark: str, answer: int) -> str:
        return f" [{mark}].\nStep 2: so.\nStep 3: Answer: {answer}"

    # products 0.216, 0.25, 0.18; means 0.6, 0.67, 0.7; least 0.6, 0.5, 0.2; last 0.6, 0.5, 1
    steps = {"a": (6, 6, 6), "b": (5, 10, 5), "c": (2, 9, 10)}
    play = stage([three("a", 4), three("b", 5), three("c", 6)], steps=steps)
    result = await play.play("best-of-n", params={"n": 3, "scorer": "steps", "aggregate": how})
    assert result.answer == answer
    assert play.order == ["solver"] * 3 + ["steps"] * 3
    assert all("numbered steps" in prompt for prompt in play.prompts("solver"))


async def test_both_scorers_together_give_their_mean() -> None:
    said = [" [a].\nStep 2: Answer: 4", " [b].\nStep 2: Answer: 5"]
    play = stage(said, {"a": 10, "b": 5}, {"a": (5, 4), "b": (9, 9)})
    result = await play.play("best-of-n", params={"n": 2, "scorer": "both"})
    assert [s.score for s in result.state["samples"]] == pytest.approx([(1 + 0.2) / 2, (0.5 + 0.81) / 2])
    assert result.answer == "5"


@pytest.mark.parametrize("rule", ["best", "weighted"])
async def test_a_solution_that_could_not_be_graded_or_has_no_answer_is_left_out(rule: str) -> None:
    said = [sol("a", 4), sol("b", 5), "[c] I cannot tell", sol("d", 6)]
    graded = {"a": "who knows", "b": 2, "c": 10, "d": ModelRefused("no", model="m", status=400)}
    result = await stage(said, graded).play("best-of-n", params={"n": 4, "rule": rule})
    assert result.answer == "5"
    assert noted(result, "abstained", "grade") and noted(result, "failed", "grade")


async def test_when_nothing_was_graded_the_plain_vote_answers_and_says_so() -> None:
    play = stage(FOUR, dict.fromkeys("abcd", "I would rather not"))
    result = await play.play("best-of-n", params={"n": 4})
    assert (result.answer, result.state["chosen"]) == ("4", None)
    assert noted(result, "fallback")
    assert play.calls == 4 + 2 * 4  # a grade that does not fit is asked for once more


async def test_without_any_answer_there_is_none() -> None:
    said = ["[a] hm", "[b] hm", "[c] hm"]
    result = await stage(said, dict.fromkeys("abc", 7)).play("best-of-n", params={"n": 3})
    assert (result.answer, result.stop_reason) == (None, "answered")


@pytest.mark.parametrize("rule", ["best", "weighted"])
async def test_grades_of_nothing_leave_it_to_the_count(rule: str) -> None:
    result = await stage(FOUR, dict.fromkeys("abcd", 0)).play("best-of-n", params={"n": 4, "rule": rule})
    assert result.answer == "4"


async def test_a_budget_that_ends_among_the_grades_leaves_what_was_graded() -> None:
    play = stage(FOUR, {"a": 2, "b": 9, "c": 9, "d": 9})
    result = await play.play("best-of-n", params={"n": 4}, budget="calls=6")
    assert (result.stop_reason, result.usage.calls) == ("budget", 6)
    assert result.answer in ("4", "5")
    early = await stage(FOUR, {}).play("best-of-n", params={"n": 4}, budget="calls=4")
    assert (early.answer, early.stop_reason) == ("4", "budget")
