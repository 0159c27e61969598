"""Adaptive-Consistency (Aggarwal et al., arXiv:2305.11860), from scripted samples."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.errors import InputError
from rebut.models.script import Line

from ..stage import NATIVE, Stage, noted

ONE_BY_ONE: dict[str, Any] = {"wave": 1}


def said(*answers: str | int) -> list[Any]:
    return [f"Answer: {a}" if a != "" else "I cannot tell" for a in answers]


async def drawn(*answers: str | int, **params: Any) -> int:
    play = Stage({"solver": said(*answers)})
    await play.play("adaptive-consistency", params={"samples": len(answers), "wave": 1, **params})
    return play.calls


async def test_sampling_stops_when_the_leader_is_as_good_as_certain() -> None:
    play = Stage({"solver": said(*[4] * 40)})
    result = await play.play("adaptive-consistency", params=ONE_BY_ONE)
    assert play.calls == 4  # 1 - 2^-5 = 0.97 after four of a kind, 0.94 after three
    assert (result.answer, result.state["certainty"]) == ("4", 1 - 2**-5)
    assert noted(result, "stopped_early") == ["stopped after 4 of 40 samples"]


async def test_a_native_back_end_too_is_sampled_no_further_than_needed() -> None:
    play = Stage({"solver": said(*[4] * 40)}, NATIVE)
    await play.play("adaptive-consistency", params=ONE_BY_ONE)
    assert play.calls == 4


async def test_disagreement_takes_more_samples() -> None:
    # beta: 7 of 8 is 0.98, 6 of 7 is 0.965, 5 of 6 is 0.94
    assert await drawn(4, 5, *[4] * 20) == 7


async def test_the_criteria_stop_at_different_places() -> None:
    answers = (4, 5, 6, *[4] * 30)
    # beta looks at 5 alone; against 5 and 6 at once 6 of 8 is 0.945, 7 of 9 is 0.971
    assert await drawn(*answers) == 8
    assert await drawn(*answers, criterion="dirichlet") == 9
    # 8 of 10 are the first 0.8; 1 - H / ln 3 passes 0.25 with 4 of 6 (0.21) and 5 of 7 (0.27)
    assert await drawn(*answers, criterion="majority") == 10
    assert await drawn(*answers, criterion="entropy") == 7


@pytest.mark.parametrize("criterion", ["majority", "entropy"])
async def test_one_sample_is_no_agreement(criterion: str) -> None:
    assert await drawn(4, 4, 4, 4, 4, criterion=criterion, certainty=0.05) == 2


async def test_more_certainty_takes_more_samples() -> None:
    # of one kind n samples are 1 - 2^-(n + 1) certain
    assert [await drawn(*[4] * 30, certainty=c) for c in (0.5, 0.9, 0.95, 0.99, 1)] == [1, 3, 4, 6, 16]


async def test_sampling_stops_when_the_leader_cannot_be_overtaken_and_not_before() -> None:
    play = Stage({"solver": said(4, 5, 4, 4, 5, 5, 5)})
    params = {"samples": 5, "certainty": 1, **ONE_BY_ONE}
    result = await play.play("adaptive-consistency", params=params)
    assert (play.calls, result.answer) == (4, "4")


async def test_what_is_in_flight_is_cancelled_by_an_early_stop() -> None:
    quick, slow = [Line(text="Answer: 4")] * 4, [Line(text="Answer: 5", delay=60)] * 4
    lines = [x for pair in zip(quick, slow, strict=True) for x in pair]
    play = Stage({"solver": lines})
    result = await play.play("adaptive-consistency", params={"samples": 8, "wave": 8})
    assert (result.answer, len(result.state["samples"])) == ("4", 4)
    assert result.seconds < 20
    assert result.usage.calls == 4


async def test_samples_without_an_answer_count_against_what_remains() -> None:
    play = Stage({"solver": said("", "", 4, 5)})
    params = {"samples": 4, "certainty": 1, **ONE_BY_ONE}
    result = await play.play("adaptive-consistency", params=params)
    assert play.calls == 4
    assert result.state["ballot"].abstained == 2


async def test_when_all_abstain_there_is_no_answer_and_no_crash() -> None:
    result = await Stage({"solver": said("", "", "")}).play("adaptive-consistency", params={"samples": 3})
    assert (result.answer, result.stop_reason) == (None, "answered")
    assert noted(result, "abstained", "tally")


@pytest.mark.parametrize(("tie", "answer"), [("first", "5"), ("none", None)])
async def test_a_tie_after_the_last_sample_goes_to_the_first_or_to_nobody(
    tie: str, answer: str | None
) -> None:
    play = Stage({"solver": said(5, 4)})
    result = await play.play("adaptive-consistency", params={"samples": 2, "tie": tie})
    assert (result.answer, play.calls) == (answer, 2)


async def test_a_spent_budget_leaves_the_vote_so_far() -> None:
    play = Stage({"solver": said(4, 5, 4, 6, 7)})
    result = await play.play("adaptive-consistency", params=ONE_BY_ONE, budget="calls=3")
    assert (result.answer, result.stop_reason, play.calls) == ("4", "budget", 3)


async def test_unknown_criteria_are_refused_before_a_call() -> None:
    play = Stage({"solver": said(4)})
    with pytest.raises(InputError, match="criterion"):
        await play.play("adaptive-consistency", params={"criterion": "gamma"})
    assert play.calls == 0
