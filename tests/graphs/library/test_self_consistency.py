"""Self-consistency (Wang et al., arXiv:2203.11171), from scripted samples."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.models.script import Line
from rebut.models.wire import Capabilities

from ..stage import NATIVE, SINGLE, Stage, noted


def said(*answers: str | int) -> list[Any]:
    return [f"Answer: {a}" if a != "" else "I cannot tell" for a in answers]


def sure(answer: int, logprob: float) -> Line:
    return Line(text=f"Answer: {answer}", logprobs=((str(answer), logprob),))


CAN = pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])


@CAN
async def test_the_answer_of_most_samples_wins(can: Capabilities) -> None:
    play = Stage({"solver": said(4, 5, 4, "4.0", 6)}, can)
    result = await play.play("self-consistency")
    assert result.answer == "4"
    assert result.state["ballot"].members == (0, 2, 3)
    assert play.calls == 5
    assert len(play.seen) == (1 if can.n else 5)


@CAN
async def test_votes_weighed_by_confidence_can_overrule_the_count(can: Capabilities) -> None:
    lines = [sure(4, -3.0), sure(4, -3.0), sure(5, -0.01)]
    params: dict[str, Any] = {"samples": 3, "weights": "confidence"}
    weighed = await Stage({"solver": lines}, can).play("self-consistency", params=params)
    counted = await Stage({"solver": lines}, can).play("self-consistency", params={"samples": 3})
    assert (weighed.answer, counted.answer) == ("5", "4")
    assert weighed.state["ballot"].rule == "weighted"


async def test_confidence_is_asked_for_only_where_it_is_used() -> None:
    for weights, logprobs in (("none", None), ("confidence", 0)):
        play = Stage({"solver": [sure(4, -0.1)]})
        await play.play("self-consistency", params={"samples": 1, "weights": weights})
        assert play.asked("solver")[0].logprobs == logprobs


async def test_without_probabilities_no_weight_is_made_up_and_the_plain_majority_stands_in() -> None:
    play = Stage({"solver": said(4, 4, 5)})
    result = await play.play("self-consistency", params={"samples": 3, "weights": "confidence"})
    assert result.state["ballot"].voters == 0
    assert result.answer == "4"
    assert noted(result, "fallback")


@pytest.mark.parametrize(("tie", "answer"), [("first", "5"), ("none", None)])
async def test_ties_go_to_the_first_or_to_nobody(tie: str, answer: str | None) -> None:
    play = Stage({"solver": said(5, 4, 4, 5)})
    result = await play.play("self-consistency", params={"samples": 4, "tie": tie})
    assert result.state["ballot"].answer == answer
    assert result.state["ballot"].tied
    assert noted(result, "tie")


async def test_an_open_tie_stays_open() -> None:
    play = Stage({"solver": said(5, 4)})
    result = await play.play("self-consistency", params={"samples": 2, "tie": "none"})
    assert result.answer is None


@CAN
async def test_one_sample_is_a_single_answer(can: Capabilities) -> None:
    play = Stage({"solver": said(7)}, can)
    assert (await play.play("self-consistency", params={"samples": 1})).answer == "7"
    assert play.calls == 1


@CAN
async def test_when_all_abstain_there_is_no_answer_and_no_crash(can: Capabilities) -> None:
    play = Stage({"solver": said("", "", "")}, can)
    result = await play.play("self-consistency", params={"samples": 3})
    assert (result.answer, result.stop_reason) == (None, "answered")
    assert result.state["ballot"].abstained == 3
    assert noted(result, "abstained", "tally")


async def test_seeds_differ_from_sample_to_sample_and_are_the_same_in_every_run() -> None:
    seeds = []
    for _ in range(2):
        play = Stage({"solver": said(1, 2, 3)})
        await play.play("self-consistency", params={"samples": 3}, seed=1)
        seeds.append([request.seed for request in play.asked("solver")])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 3
