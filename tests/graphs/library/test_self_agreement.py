"""Self-Agreement (Lin et al., arXiv:2311.08154), from scripted solvers and judges."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.errors import ModelRefused

from ..stage import Stage, noted

PATHS = ["It comes to 4.", "Two and two: 4!", "I get 5", "so 5 it is", "that makes 4"]


def stage(judge: Any, *paths: Any) -> Stage:
    return Stage({"solver": list(paths) or PATHS, "judge": judge})


async def test_the_answer_of_the_last_call_is_taken_though_counting_says_otherwise() -> None:
    play = stage("Three say four... no, five. Answer: 5")
    result = await play.play("self-agreement")
    assert (result.answer, result.state["ballot"].answer) == ("5", "4")
    assert play.order == ["solver"] * 5 + ["judge"]


async def test_the_solver_is_asked_for_no_format_and_the_judge_reads_everything() -> None:
    play = stage("Answer: 4")
    await play.play("self-agreement")
    assert not any("Answer" in prompt for prompt in play.prompts("solver"))
    [prompt] = play.prompts("judge")
    assert all(f"Solution {i}:\n\n<quote>\n{path}\n</quote>" in prompt for i, path in enumerate(PATHS, 1))
    assert "What is 2 + 2?" in prompt and prompt.endswith("Finish with a line `Answer: <number>`.")


@pytest.mark.parametrize(("paths", "asked"), [(PATHS, False), (PATHS[1:], True), (["hm", *PATHS[3:]], True)])
async def test_asked_only_when_unsure_a_majority_of_all_is_counted(paths: list[str], asked: bool) -> None:
    play = stage("Answer: 7", *paths)
    result = await play.play("self-agreement", params={"samples": len(paths), "ask": "unsure"})
    assert (result.answer, "judge" in play.order) == (("7", True) if asked else ("4", False))


@pytest.mark.parametrize("reply", ["They do not agree.", "", ModelRefused("too long", model="m", status=400)])
async def test_without_an_answer_of_the_last_call_the_vote_stands(reply: Any) -> None:
    play = stage(reply)
    result = await play.play("self-agreement")
    assert result.answer == "4"
    assert noted(result, "fallback")
    assert play.order.count("judge") == 1


async def test_where_nothing_can_be_found_there_is_no_answer() -> None:
    result = await stage("no idea", "hm", "hm").play("self-agreement", params={"samples": 2})
    assert (result.answer, result.stop_reason) == (None, "answered")


async def test_failed_solutions_are_not_shown() -> None:
    play = stage("Answer: 4", "I say 4", ModelRefused("no", model="m", status=400), "4 for me")
    result = await play.play("self-agreement", params={"samples": 3})
    assert result.answer == "4"
    assert "Solution 2:\n\n<quote>\n4 for me" in play.prompts("judge")[0]


async def test_a_budget_that_ends_before_the_last_call_leaves_the_vote() -> None:
    result = await stage("Answer: 5").play("self-agreement", budget="calls=5")
    assert (result.answer, result.stop_reason) == ("4", "budget")
