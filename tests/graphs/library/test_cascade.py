"""A cascade of two models: who is asked, by which sign, and what is left when one of them fails."""

from __future__ import annotations

import math
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.models.wire import Completion, TokenLogprob

from ..stage import SINGLE, Said, Stage, able, grade, noted


def stage(small: Said, strong: Said = "Answer: 9", grader: Said = "", **options: Any) -> Stage:
    return Stage({"small": small, "strong": strong, "grader": grader}, **options)


def answers(*given: int | str) -> list[str]:
    return [f"Answer: {answer}" if answer != "" else "I do not know." for answer in given]


def sure(answer: int, *probabilities: float) -> Completion:
    tokens = tuple(TokenLogprob("x", math.log(p)) for p in probabilities)
    return Completion(text=f"Answer: {answer}", logprobs=tokens)


REFUSED = ModelRefused("no", model="m", status=400)


@pytest.mark.parametrize(
    ("said", "samples", "trust", "answer"),
    [
        ((4, 4, 4), 3, 1.0, "4"),
        ((4, 4, 5), 3, 2 / 3, "4"),
        ((4, 5, 6), 3, 1 / 3, "9"),
        ((4, "4.0", 5, 6, 4), 5, 3 / 5, "4"),
        ((4, 4, 5, 6), 4, 2 / 4, "9"),
    ],
)
async def test_the_strong_model_is_asked_where_too_few_samples_agree(
    said: tuple[int | str, ...], samples: int, trust: float, answer: str
) -> None:
    play = stage(answers(*said))
    result = await play.play("cascade", params={"samples": samples})
    assert result.state["trust"] == pytest.approx(trust) and result.answer == answer
    assert play.order == ["small"] * samples + (["strong"] if answer == "9" else [])


async def test_a_sample_without_an_answer_counts_as_one_that_does_not_agree() -> None:
    play = stage([*answers(4), "so?", "so?"])
    result = await play.play("cascade")
    assert result.state["trust"] == pytest.approx(1 / 3) and result.answer == "9"


async def test_confidence_is_that_of_the_winners_tokens() -> None:
    # exp of the mean log-probability: sqrt(0.9 * 0.4) = 0.6, and 0.8; the loser's 0.99 does not count
    small = [sure(4, 0.9, 0.4), sure(5, 0.99), sure(4, 0.8)]
    play = stage(small)
    result = await play.play("cascade", params={"signal": "confidence", "sure": 0.69})
    assert result.state["trust"] == pytest.approx(0.7) and result.answer == "4"
    assert {request.logprobs for request in play.asked("small")} == {0}
    again = stage(small)
    assert (await again.play("cascade", params={"signal": "confidence", "sure": 0.71})).answer == "9"


async def test_a_model_without_probabilities_always_asks_the_strong_one() -> None:
    play = stage("Answer: 4", can=able(logprobs=False))
    result = await play.play("cascade", params={"signal": "confidence", "sure": 0.1})
    assert result.state["trust"] == 0 and result.answer == "9"


@pytest.mark.parametrize(("given", "answer"), [(6, "4"), (5, "9")])
async def test_one_grade_of_the_winner_decides(given: int, answer: str) -> None:
    play = stage(answers(5, 4, 4), grader=grade(given))
    result = await play.play("cascade", params={"signal": "grade"})
    assert result.answer == answer and result.state["trust"] == pytest.approx(given / 10)
    assert play.order[:4] == ["small"] * 3 + ["grader"]
    assert "Answer: 4" in play.prompts("grader")[0] and "Answer: 5" not in play.prompts("grader")[0]


async def test_a_grade_that_cannot_be_read_is_no_trust() -> None:
    play = stage(answers(4, 4, 4), grader="fine")
    result = await play.play("cascade", params={"signal": "grade"})
    assert result.answer == "9" and result.state["trust"] == 0
    assert play.order == ["small"] * 3 + ["grader"] * 2 + ["strong"]


async def test_nothing_is_graded_where_there_is_no_answer() -> None:
    play = stage("I do not know.", grader=grade(9))
    assert (await play.play("cascade", params={"signal": "grade", "samples": 1})).answer == "9"
    assert "grader" not in play.order


async def test_several_strong_samples_are_voted_over() -> None:
    play = stage(answers(4, 5, 6), answers(9, 8, 8))
    assert (await play.play("cascade", params={"strong_samples": 3})).answer == "8"
    assert {request.temperature for request in play.asked("strong")} == {0.7}


async def test_where_the_strong_model_fails_the_small_ones_answer_stands() -> None:
    result = await stage(answers(4, 5, 5), REFUSED).play("cascade", params={"sure": 0.9})
    assert result.answer == "5" and noted(result, "failed", "escalate")
    result = await stage(answers(4, 5, 5), "no idea").play("cascade", params={"sure": 0.9})
    assert result.answer == "5"


async def test_where_the_small_model_fails_the_strong_one_answers() -> None:
    result = await stage(REFUSED).play("cascade")
    assert result.answer == "9" and len(noted(result, "failed", "draw")) == 3


async def test_where_both_fail_the_run_fails() -> None:
    with pytest.raises(ModelRefused):
        await stage(REFUSED, REFUSED).play("cascade")


async def test_at_the_end_of_the_budget_the_small_ones_answer_is_given() -> None:
    play = stage(answers(4, 5, 5), can=SINGLE)
    result = await play.play("cascade", params={"sure": 0.9}, budget="calls=3")
    assert (result.answer, result.stop_reason) == ("5", "budget")
    short = await stage(answers(4, 5, 5)).play("cascade", budget="calls=1")
    assert (short.answer, short.stop_reason) == ("4", "budget")


@pytest.mark.parametrize(
    ("params", "calls", "path"),
    [({}, 3 + 1, 2), ({"signal": "grade"}, 3 + 2 + 1, 4), ({"samples": 7, "strong_samples": 4}, 11, 2)],
)
def test_the_worst_case_asks_both(params: dict[str, Any], calls: int, path: int) -> None:
    plan = rebut.load("cascade").plan(params)
    assert (plan.calls, plan.path) == (calls, path)
