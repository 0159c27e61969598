"""FOBAR (Jiang et al., arXiv:2308.07758), from scripted solvers and verifiers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rebut.errors import ModelRefused
from rebut.models.wire import Request

from ..stage import Stage, noted

BAKER = "A baker makes 3 trays of 12 rolls and sells 20. How many are left?"
HIDDEN = ("3", "12", "20")
Guess = Callable[[str, str], Any]
"""What is guessed for a hidden number when an answer is claimed."""


def asked_for(request: Request) -> tuple[str, str]:
    """The number that is hidden from the verifier, and the claimed answer."""
    text = request.messages[-1].content
    riddle = text.partition("hidden behind x:\n")[2].partition("\n")[0]
    hole = next(
        i for i, word in enumerate(BAKER.split()) if word.strip(".") not in riddle.replace(".", "").split()
    )
    claim = re.search(r"<quote>\n(\S+)\n", text)
    assert claim is not None
    return BAKER.split()[hole].strip("."), claim[1]


def stage(answers: list[int], guess: Guess | str) -> Stage:
    def verifier(request: Request) -> Any:
        said = guess if isinstance(guess, str) else guess(*asked_for(request))
        return said if isinstance(said, Exception) else f"So x is that.\nAnswer: {said}"

    return Stage({"solver": [f"Answer: {a}" for a in answers], "verifier": verifier})


def finds(*right: tuple[str, str]) -> Guess:
    """Finds the hidden number for these pairs of answer and number; says 99 elsewhere."""
    return lambda hidden, claim: hidden if (claim, hidden) in right else 99


async def play(answers: list[int], guess: Guess | str, **params: Any) -> tuple[Stage, Any]:
    on = stage(answers, guess)
    return on, await on.play("fobar", BAKER, params={"forward": len(answers), "backward": 1, **params})


def weights(result: Any) -> Mapping[str, float]:
    return {t.answer: t.weight for t in result.state["final"].tallies}


ONE_OF_FOUR = finds(("36", "12"), ("16", "3"), ("16", "12"), ("16", "20"))


async def test_the_answer_that_leads_back_to_the_numbers_beats_the_majority() -> None:
    # 36 has 3 of 5 samples and 1 of the 4 numbers found: sqrt(0.6 * 0.25); 16 sqrt(0.4 * 0.75)
    on, result = await play([36, 36, 16, 36, 16], ONE_OF_FOUR)
    assert result.answer == "16"
    assert weights(result) == pytest.approx({"36": 0.15**0.5, "16": 0.3**0.5}, rel=1e-6)
    assert on.order == ["solver"] * 5 + ["verifier"] * 6


async def test_epsilon_enters_as_in_the_formula() -> None:
    # Pb is (1 + 1/2) / (4 + 2/2) and (3 + 1/2) / (4 + 2/2)
    _, result = await play([36, 36, 16, 36, 16], ONE_OF_FOUR, epsilon=0.5)
    assert result.state["p_backward"] == pytest.approx([0.3, 0.7])
    assert weights(result) == pytest.approx({"36": (0.6 * 0.3) ** 0.5, "16": (0.4 * 0.7) ** 0.5})


@pytest.mark.parametrize(
    ("alpha", "answer", "weight"), [(1, "36", 0.6), (0, "16", 0.75), (0.9, "36", 0.6**0.9 * 0.25**0.1)]
)
async def test_alpha_weighs_the_samples_against_the_numbers_found(
    alpha: float, answer: str, weight: float
) -> None:
    _, result = await play([36, 36, 16, 36, 16], ONE_OF_FOUR, alpha=alpha)
    assert result.answer == answer
    assert weights(result)[answer] == pytest.approx(weight, rel=1e-6)


@pytest.mark.parametrize("guess", ["99", "who knows", ""])
async def test_when_no_number_is_found_the_majority_stays(guess: str) -> None:
    _, result = await play([36, 16, 36], guess)
    assert result.answer == "36"
    assert result.state["p_backward"] == pytest.approx([0.5, 0.5])


async def test_numbers_are_compared_by_value() -> None:
    words = {"3": "3.0 trays", "12": "12", "20": "$20.00"}
    _, result = await play([36, 16], lambda hidden, claim: words[hidden] if claim == "16" else 99)
    assert (result.state["found"], result.answer) == ([0, 3], "16")


async def test_every_number_is_hidden_once_for_every_answer_and_attempt() -> None:
    on, _ = await play([36, 16, 36], "99", backward=2)
    asked = sorted(asked_for(request) for request in on.asked("verifier"))
    assert asked == sorted((hidden, claim) for hidden in HIDDEN for claim in ("36", "16") for _ in range(2))
    assert len({request.seed for request in on.asked("verifier")}) == 12


async def test_the_verifier_sees_the_hole_and_the_answer_and_not_the_number() -> None:
    on, _ = await play([36, 16], "99", numbers=1)
    first, second = on.prompts("verifier")
    assert "A baker makes x trays of 12 rolls and sells 20. How many are left?" in first
    assert "<quote>\n36\n</quote>" in first and "<quote>\n16\n</quote>" in second
    assert "3 trays" not in first and "does x stand for?" in first


async def test_the_unknown_is_named_as_nothing_else_in_the_question() -> None:
    on = stage([1, 2], "99")
    await on.play("fobar", "If x + 3 = 4, what is x?", params={"forward": 2, "numbers": 1})
    assert "hidden behind y:\nIf x + y = 4, what is x?" in on.prompts("verifier")[0]


@pytest.mark.parametrize(
    ("answers", "question", "params"),
    [
        ([16, 16, 16], BAKER, {}),  # all agree
        ([36, 16, 36], "How many are left of a dozen?", {}),  # nothing to hide
        ([36, 16, 36], BAKER, {"sure": 0.6}),  # enough agree
        ([36, 16, 36], BAKER, {"candidates": 1}),
    ],
)
async def test_nothing_is_checked_where_nothing_can_be_told_apart(
    answers: list[int], question: str, params: dict[str, Any]
) -> None:
    on = stage(answers, "99")
    result = await on.play("fobar", question, params={"forward": 3, **params})
    assert (result.answer, on.calls) == (str(answers[0]), 3)


async def test_only_the_most_frequent_answers_are_checked() -> None:
    on, result = await play([1, 2, 2, 3, 3, 3], finds(("1", "3"), ("1", "12"), ("1", "20")), candidates=2)
    assert {asked_for(request)[1] for request in on.asked("verifier")} == {"3", "2"}
    assert result.answer == "3"


async def test_failed_attempts_count_as_numbers_that_were_not_found() -> None:
    def guess(hidden: str, claim: str) -> Any:
        return hidden if hidden == "3" and claim == "16" else ModelRefused("no", model="m", status=400)

    _, result = await play([36, 16], guess)
    assert (result.answer, result.state["found"]) == ("16", [0, 1])
    assert len(noted(result, "failed", "check")) == 5


async def test_without_any_answer_there_is_nothing_to_check() -> None:
    on = Stage({"solver": ["hm", "I cannot tell"], "verifier": "Answer: 3"})
    result = await on.play("fobar", BAKER, params={"forward": 2})
    assert (result.answer, result.stop_reason, on.calls) == (None, "answered", 2)


async def test_a_budget_that_ends_among_the_checks_weighs_what_was_found() -> None:
    on = stage([36, 16, 36], finds(("16", "3")))
    result = await on.play("fobar", BAKER, params={"forward": 3, "backward": 1}, budget="calls=5")
    assert (result.stop_reason, on.calls, result.answer) == ("budget", 5, "16")
    early = await stage([36, 16, 36], "99").play("fobar", BAKER, params={"forward": 3}, budget="calls=3")
    assert (early.stop_reason, early.answer) == ("budget", "36")
