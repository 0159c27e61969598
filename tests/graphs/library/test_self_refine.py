"""Self-Refine (Madaan et al., arXiv:2303.17651), from scripted drafts and reviews."""

from __future__ import annotations

import pytest

from ..stage import Stage, critique, noted

NO, YES = critique(False, "the sum is wrong"), critique(True, "")


def drafts(*answers: int) -> list[str]:
    return [f"Answer: {a}" for a in answers]


async def test_a_draft_that_is_accepted_at_once_costs_two_calls() -> None:
    play = Stage({"solver": "Answer: 4", "reviewer": YES, "refiner": []})
    assert (await play.play("self-refine")).answer == "4"
    assert play.order == ["solver", "reviewer"]


async def test_refining_stops_when_the_reviewer_accepts() -> None:
    play = Stage({"solver": "Answer: 1", "reviewer": [NO, YES], "refiner": drafts(2)})
    result = await play.play("self-refine")
    assert result.answer == "2"
    assert play.order == ["solver", "reviewer", "refiner", "reviewer"]


@pytest.mark.parametrize("rounds", [1, 2, 5])
async def test_at_most_one_draft_and_two_calls_a_round_and_the_last_draft_is_returned(rounds: int) -> None:
    play = Stage({"solver": "Answer: 0", "reviewer": NO, "refiner": drafts(*range(1, rounds + 1))})
    result = await play.play("self-refine", params={"rounds": rounds})
    assert play.calls == 1 + 2 * rounds
    assert result.answer == str(rounds)
    assert [d.answer for d in result.state["drafts"]] == [str(i) for i in range(rounds + 1)]


async def test_the_refiner_sees_the_last_draft_and_its_review() -> None:
    play = Stage({"solver": "Answer: 1", "reviewer": [NO, critique(False, "still wrong"), YES],
                  "refiner": drafts(2, 3)})  # fmt: skip
    await play.play("self-refine")
    first, second = play.prompts("refiner")
    assert "Answer: 1" in first and "the sum is wrong" in first
    assert "Answer: 2" in second and "still wrong" in second and "the sum is wrong" not in second


async def test_a_review_that_cannot_be_read_is_neither_praise_nor_blame_and_keeps_the_draft() -> None:
    play = Stage({"solver": "Answer: 1", "reviewer": "looks fine to me", "refiner": []})
    result = await play.play("self-refine")
    assert result.answer == "1"
    assert play.order == ["solver", "reviewer", "reviewer"]
    assert noted(result, "abstained", "review")
    assert result.state["critique"] is None


async def test_a_refusal_without_a_reason_is_asked_again() -> None:
    play = Stage({"solver": "Answer: 1", "reviewer": [critique(False, ""), NO, YES], "refiner": drafts(2)})
    assert (await play.play("self-refine")).answer == "2"


@pytest.mark.parametrize(("calls", "answer"), [(1, "0"), (2, "0"), (3, "1"), (4, "1")])
async def test_a_spent_budget_leaves_the_last_draft(calls: int, answer: str) -> None:
    play = Stage({"solver": "Answer: 0", "reviewer": NO, "refiner": drafts(1, 2, 3)})
    result = await play.play("self-refine", budget=f"calls={calls}")
    assert (result.answer, result.stop_reason) == (answer, "budget")
    assert play.calls == calls


async def test_a_last_draft_without_an_answer_does_not_borrow_an_older_one() -> None:
    play = Stage({"solver": "Answer: 1", "reviewer": NO, "refiner": "I am lost"})
    result = await play.play("self-refine", params={"rounds": 1})
    assert result.answer is None
