"""Which questions are hard, what they are given to, and what answers where that fails."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.graphs.workflow import Workflow

from ..stage import Said, Stage, grade, noted

REFUSED = ModelRefused("no", model="m", status=400)


@cache
def route() -> Workflow:
    """Read once: it reads every method that it may call."""
    return rebut.load("route-by-difficulty")


def flow(stage: Stage, **params: Any) -> Workflow:
    """With voices of its own for the solver of the method."""
    loaded = stage.workflow(route()).with_(params=params)
    below = {name: f"stage/{name}" for name in loaded.voices({}, "none/1") if name.startswith("hard.")}
    return loaded.with_(models=below)


def stage(said: Said, hard: Said = "Answer: 9", assessor: Said = "") -> Stage:
    return Stage({"solver": said, "hard.solver": hard, "hard.member": hard, "assessor": assessor})


def answers(*given: int | str) -> list[str]:
    return [f"Answer: {answer}" if answer != "" else "I do not know." for answer in given]


@pytest.mark.parametrize(
    ("said", "ease", "answer"),
    [
        ((4, 4, 4), 1.0, "4"),
        ((4, 4, 4, 5), 3 / 4 - 1 / 4, "4"),
        ((4, 4, 5), 2 / 3 - 1 / 3, "9"),
        ((4, 5, 4, 5), 0.0, "9"),
        ((4, 4, 5, 6, 4), 3 / 5 - 1 / 5, "9"),
    ],
)
async def test_a_question_is_hard_where_the_leader_is_not_far_enough_ahead(
    said: tuple[int, ...], ease: float, answer: str
) -> None:
    play = stage(answers(*said))
    result = await flow(play, method="self-consistency", samples=len(said)).run("2 + 2?")
    assert result.state["ease"] == pytest.approx(ease) and result.answer == answer
    assert play.order == ["solver"] * len(said) + (["hard.solver"] * 5 if answer == "9" else [])


async def test_samples_without_an_answer_make_a_question_harder() -> None:
    said = ["Answer: 4", "so?", "so?"]
    result = await flow(stage(said), method="self-consistency").run("2 + 2?")
    assert result.state["ease"] == pytest.approx(1 / 3) and result.answer == "9"


async def test_the_method_is_the_one_that_is_named_with_its_own_defaults() -> None:
    play = stage(answers(4, 5, 6))
    result = await flow(play, method="society").run("2 + 2?")
    [worked] = result.state["worked"]
    assert (worked.workflow, worked.answer, worked.call) == ("society", "9", "hard/1")
    assert flow(play, method="society").plan().calls == 3 + rebut.load("society").plan().calls


@pytest.mark.parametrize(
    ("given", "order"), [(5, ["assessor", "solver"]), (4, ["assessor", *["hard.solver"] * 5])]
)
async def test_a_grade_of_the_question_decides_before_it_is_solved(given: int, order: list[str]) -> None:
    play = stage("Answer: 4", assessor=grade(given))
    result = await flow(play, method="self-consistency", signal="asked").run("2 + 2?")
    assert play.order == order and result.answer == ("4" if given == 5 else "9")


async def test_a_question_that_cannot_be_graded_is_hard() -> None:
    play = stage("Answer: 4", assessor="easy!")
    result = await flow(play, method="self-consistency", signal="asked").run("2 + 2?")
    assert result.answer == "9" and play.order[:2] == ["assessor"] * 2


async def test_an_easy_question_without_an_answer_is_hard_after_all() -> None:
    play = stage("I do not know.", assessor=grade(9))
    result = await flow(play, method="self-consistency", signal="asked").run("2 + 2?")
    assert result.answer == "9" and play.order[:2] == ["assessor", "solver"]


async def test_where_the_method_fails_the_vote_answers() -> None:
    result = await flow(stage(answers(4, 5, 5), REFUSED), method="self-consistency").run("2 + 2?")
    assert result.answer == "5" and noted(result, "failed", "hard")
    result = await flow(stage(answers(4, 5, 5), "so?"), method="self-consistency").run("2 + 2?")
    assert result.answer == "5" and result.state["worked"][0].answer is None


async def test_where_there_is_no_vote_either_the_run_fails() -> None:
    with pytest.raises(ModelRefused):
        await flow(stage("so?", REFUSED), method="self-consistency").run("2 + 2?")


async def test_at_the_end_of_the_budget_the_best_so_far_is_given() -> None:
    result = await flow(stage(answers(4, 5, 5)), method="self-consistency").run("2 + 2?", budget="calls=3")
    assert (result.answer, result.stop_reason) == ("5", "budget")
    result = await flow(stage(answers(4, 4)), method="self-consistency").run("2 + 2?", budget="calls=2")
    assert (result.answer, result.stop_reason) == ("4", "budget")
    within = await flow(stage(answers(4, 5, 6)), method="self-consistency").run("2 + 2?", budget="calls=5")
    assert (within.answer, within.stop_reason) == ("9", "budget")


@pytest.mark.parametrize(
    "method",
    [
        "self-refine",
        "self-consistency",
        "best-of-n",
        "debate",
        "society",
        "magicore",
        "tree-of-thought",
        "mcts",
    ],
)
def test_the_worst_case_is_that_of_the_samples_and_the_method(method: str) -> None:
    loaded, alone = route(), rebut.load(method).plan()
    assert loaded.plan({"method": method}).calls == 3 + alone.calls
    assert loaded.plan({"method": method, "signal": "asked"}).calls == 2 + 1 + alone.calls
    assert loaded.plan({"method": method}).path == 1 + alone.path
