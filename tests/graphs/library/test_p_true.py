"""P(True) (Kadavath et al., arXiv:2207.05221), from scripted solvers and judges."""

from __future__ import annotations

import re
from dataclasses import replace
from math import log
from typing import Any

import pytest

from rebut.models.script import Line
from rebut.models.wire import Inside, Request

from ..stage import SINGLE, Stage, noted

TRUE = {"4": 0.2, "5": 0.6, "6": 0.3}


def proposed(request: Request) -> str:
    found = re.search(r"proposed answer:\n\n<quote>\n(\S+)\n", request.messages[-1].content)
    assert found is not None
    return found[1]


def judge(request: Request) -> Line:
    """Says A with twice the probability that the answer is true has, and something else with the rest."""
    p = TRUE[proposed(request)] * 0.8
    turned = "(A) False" in request.messages[-1].content
    a, b = (0.8 - p, p) if turned else (p, 0.8 - p)
    top = {" A": log(a), " B": log(b), "I": log(0.2)}
    return Line(text="B", logprobs=((" B", log(b), top),))


def stage(judge: Any = judge, **can: Any) -> Stage:
    answers = ["Answer: 4", "Answer: 5", "Answer: 4", "no idea\nat all", "Answer: 6"]
    return Stage({"solver": answers, "judge": judge}, can=replace(SINGLE, **can))


async def test_the_answer_of_highest_probability_wins_and_is_the_confidence() -> None:
    play = stage()
    result = await play.play("p-true")
    assert result.answer == "5"
    assert dict(zip(result.state["proposals"], result.state["p_true"], strict=True)) == pytest.approx(TRUE)
    assert result.state["confidence"] == pytest.approx(0.6)
    assert [c.mass for c in result.state["checks"]] == pytest.approx([0.2] * 3)
    assert play.order == ["solver"] * 5 + ["judge"] * 3


async def test_votes_may_be_weighed_by_the_probability() -> None:
    # 4 has two votes of 0.2, 5 one of 0.6, 6 one of 0.3
    result = await stage().play("p-true", params={"rule": "weighted"})
    assert [(t.answer, round(t.weight, 6)) for t in result.state["final"].tallies] == [
        ("5", 0.6), ("4", 0.4), ("6", 0.3),
    ]  # fmt: skip


async def test_the_leading_answer_alone_may_be_judged() -> None:
    play = stage()
    result = await play.play("p-true", params={"candidates": "leading"})
    assert (result.answer, result.state["confidence"]) == ("4", pytest.approx(0.2))
    assert play.order.count("judge") == 1


async def test_the_judge_sees_question_ideas_and_proposal_and_the_first_tokens_are_asked_for() -> None:
    play = stage()
    await play.play("p-true")
    assert all("4\n5\n4\n6" in prompt and "What is 2 + 2?" in prompt for prompt in play.prompts("judge"))
    request = play.asked("judge")[0]
    assert (request.logprobs, request.probe, request.schema, request.temperature) == (20, None, None, 0)
    assert {r.temperature for r in play.asked("solver")} == {1.0}


async def test_the_exact_probabilities_are_taken_where_the_model_tells_them() -> None:
    line = Line(text="", inside=Inside(labels=(log(0.3), log(0.1))))
    play = stage(line, labels=True)
    result = await play.play("p-true")
    assert result.state["p_true"] == pytest.approx([0.75] * 3)
    probe = play.asked("judge")[0].probe
    assert probe is not None and probe.labels == ("A", "B")
    assert (play.asked("judge")[0].max_tokens, play.asked("judge")[0].logprobs) == (1, None)


async def test_a_judge_that_favours_a_letter_is_evened_out_by_the_swap() -> None:
    first = Line(text="A", logprobs=(("A", log(0.9), {"A": log(0.9), "B": log(0.1)}),))
    play = stage(first)
    assert (await play.play("p-true")).state["p_true"] == pytest.approx([0.9] * 3)
    play = stage(first)
    result = await play.play("p-true", params={"swap": True})
    assert result.state["p_true"] == pytest.approx([0.5] * 3)
    assert play.order.count("judge") == 6
    fair = await stage().play("p-true", params={"swap": True})
    assert fair.state["p_true"] == pytest.approx([0.2, 0.6, 0.3])


async def test_without_probabilities_the_share_of_replies_counts() -> None:
    said = iter(["A", "B", "A", "A"] * 3)
    play = stage(lambda request: next(said), logprobs=False)
    result = await play.play("p-true", params={"asks": 4, "samples": 3})
    assert result.state["p_true"] == [0.75, 0.75]
    assert {r.temperature for r in play.asked("judge")} == {1}


async def test_a_judge_that_answers_neither_is_asked_again_and_abstains() -> None:
    def silent(request: Request) -> str:
        return "I cannot tell" if "proposed answer:\n\n<quote>\n5" in request.messages[1].content else "A"

    play = stage(silent, logprobs=False)
    result = await play.play("p-true")
    assert result.answer == "4"
    assert result.state["p_true"] == [1.0, None, 1.0]
    assert play.order.count("judge") == 4
    assert noted(result, "abstained", "check") == ["abstained: it must be A or B, and nothing else"]
    assert "it must be A or B" in play.prompts("judge")[-1]


async def test_a_judge_that_never_answers_leaves_the_majority() -> None:
    result = await stage("hm", logprobs=False).play("p-true")
    assert result.answer == "4" and noted(result, "fallback")
    assert result.state["confidence"] is None


async def test_samples_without_answers_are_not_judged() -> None:
    play = Stage({"solver": "no idea\nat all", "judge": "A"})
    result = await play.play("p-true")
    assert result.answer is None and play.order.count("judge") == 0
