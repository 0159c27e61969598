"""RCoT (Xue et al., arXiv:2305.11499), from scripted solvers, rebuilders and comparers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.models.wire import Request

from ..stage import Stage, noted, text_of

PROBLEM = "Ana has 17 sheep. All but 9 run away. How many are left?"
SHEEP, RUN, NINE = "Ana has 17 sheep.", "All but 9 run away.", "9 sheep run away."
LEFT, AWAY = "How many sheep are left?", "How many sheep run away?"


def parts(asked: str, *conditions: str) -> str:
    return json.dumps({"conditions": conditions, "asked": asked})


def flag(key: str, value: bool) -> str:
    return json.dumps({"reason": "so", key: value})


def rebuilder(own: str, *rebuilt: str) -> Callable[[Request], str]:
    """Rebuilds problem after problem, and takes them apart: the original as `own`, then as `rebuilt`."""
    said, texts = iter(rebuilt), iter(range(100))

    def say(request: Request) -> str:
        text = text_of(request)
        if "The solution:" in text:
            return f"Rebuilt {next(texts)}"
        return own if PROBLEM in text else next(said)

    return say


def comparer(stands: Mapping[str, Any], same: bool = True) -> Callable[[Request], str]:
    """Rules on each statement as told; one that is not named stands."""

    def say(request: Request) -> str:
        text = text_of(request)
        if "The second question" in text:
            return flag("same", same)
        found = re.search(r"The statement:\n\n<quote>\n(.*)\n</quote>", text)
        assert found is not None
        ruling = stands.get(found[1], True)
        ruling = ruling.pop() if isinstance(ruling, list) else ruling
        return ruling if isinstance(ruling, str) else flag("follows", ruling)

    return say


def stage(own: str, rebuilt: str | Sequence[str], ruling: Any, revised: Any = "Answer: 9") -> Stage:
    made = [rebuilt] if isinstance(rebuilt, str) else rebuilt
    first = "17 - 9 = 8\nAnswer: 8"
    said = {"solver": first, "rebuilder": rebuilder(own, *made), "comparer": ruling, "refiner": revised}
    return Stage(said)


OWN = parts(LEFT, SHEEP, RUN)


async def test_what_was_overlooked_and_made_up_is_told_to_the_reviser() -> None:
    play = stage(OWN, parts(LEFT, SHEEP, NINE), comparer({RUN: False, NINE: False}))
    result = await play.play("rcot", PROBLEM)
    assert result.answer == "9"
    state = result.state
    assert (state["overlooked"], state["invented"], state["misread"]) == ([RUN], [NINE], "")
    prompt = play.prompts("refiner")[0]
    assert "17 - 9 = 8" in prompt and "leaves out" in prompt and "does not say" in prompt
    assert f"(1) {RUN}" in prompt and f"(1) {NINE}" in prompt and "another question" not in prompt


async def test_a_misread_question_alone_leads_to_a_revision() -> None:
    play = stage(OWN, parts(AWAY, SHEEP, RUN), comparer({}, same=False))
    result = await play.play("rcot", PROBLEM)
    assert result.answer == "9" and result.state["misread"] == AWAY
    prompt = play.prompts("refiner")[0]
    assert AWAY in prompt and LEFT in prompt and "leaves out" not in prompt and "does not say" not in prompt


async def test_a_solution_in_which_nothing_is_found_stands() -> None:
    play = stage(OWN, parts(AWAY, NINE), comparer({}), revised=[])
    result = await play.play("rcot", PROBLEM)
    assert result.answer == "8" and "refiner" not in play.order
    assert play.order.count("comparer") == 4  # two of the original, one of the rebuilt, the questions


async def test_what_both_say_in_the_same_words_needs_no_ruling() -> None:
    play = stage(OWN, OWN, [], revised=[])
    assert (await play.play("rcot", PROBLEM)).answer == "8"
    assert "comparer" not in play.order


async def test_each_condition_is_held_against_the_other_list() -> None:
    play = stage(OWN, parts(LEFT, SHEEP, NINE), comparer({}), revised=[])
    await play.play("rcot", PROBLEM)
    ours, theirs = play.prompts("comparer")
    assert f"(1) {SHEEP}\n(2) {NINE}" in ours and RUN in ours.split("The statement:")[1]
    assert f"(1) {SHEEP}\n(2) {RUN}" in theirs and NINE in theirs.split("The statement:")[1]


async def test_the_rebuilder_sees_the_solution_and_not_the_question() -> None:
    play = stage(OWN, OWN, [], revised=[])
    await play.play("rcot", PROBLEM)
    alone = [p for p in play.prompts("rebuilder") if "The solution:" in p]
    assert len(alone) == 1 and "17 - 9 = 8" in alone[0] and "All but" not in alone[0]
    assert "Rebuilt 0" in play.prompts("rebuilder")[-1]


@pytest.mark.parametrize(
    ("rulings", "counts"),
    [(["no", "no", "yes"], True), (["no", "yes", "yes"], False), (["no", "no", "hm", "hm"], True),
     (["no", "yes", "hm", "hm"], False), (["hm"] * 6, False)],
)  # fmt: skip
async def test_with_votes_a_difference_counts_if_more_than_half_of_the_rulings_find_it(
    rulings: list[str], counts: bool
) -> None:
    # a ruling that cannot be read is asked for again, behind the others, and then abstains
    words = {"no": False, "yes": True, "hm": "hm"}
    play = stage(OWN, parts(LEFT, SHEEP), comparer({RUN: [words[r] for r in reversed(rulings)]}))
    result = await play.play("rcot", PROBLEM, params={"votes": 3})
    assert result.state["overlooked"] == ([RUN] if counts else [])
    assert result.answer == ("9" if counts else "8")
    assert {r.temperature for r in play.asked("comparer")} == {0.7}


async def test_revisions_are_compared_again_until_nothing_is_found() -> None:
    wrong, right = parts(LEFT, SHEEP, NINE), parts(LEFT, SHEEP, RUN)
    play = stage(OWN, [wrong, wrong, right], comparer({NINE: False}), ["Answer: 7", "Answer: 9"])
    result = await play.play("rcot", PROBLEM, params={"rounds": 5})
    assert (result.answer, play.order.count("refiner")) == ("9", 2)
    assert [d.answer for d in result.state["drafts"]] == ["8", "7", "9"]
    assert sum(PROBLEM in p for p in play.prompts("rebuilder")) == 1


@pytest.mark.parametrize("rounds", [1, 2, 3])
async def test_no_more_than_so_many_revisions_are_made(rounds: int) -> None:
    wrong = [parts(LEFT, SHEEP, NINE)] * rounds
    play = stage(OWN, wrong, comparer({NINE: False, RUN: False}), [f"Answer: {i}" for i in range(rounds)])
    result = await play.play("rcot", PROBLEM, params={"rounds": rounds})
    assert result.answer == str(rounds - 1)
    assert play.calls == 2 + rounds * (2 + 2 + 1)


@pytest.mark.parametrize(("own", "made"), [("no list", OWN), (OWN, "no list"), (parts(LEFT), OWN)])
async def test_a_problem_that_cannot_be_taken_apart_leaves_the_solution(own: str, made: str) -> None:
    play = stage(own, [made, made], [], revised=[])
    result = await play.play("rcot", PROBLEM)
    assert result.answer == "8" and "comparer" not in play.order
    assert noted(result, "abstained")


async def test_comparisons_that_fail_are_no_differences() -> None:
    play = stage(OWN, parts(AWAY, NINE), ModelRefused("no", model="stage/x", status=400), revised=[])
    result = await play.play("rcot", PROBLEM)
    assert result.answer == "8" and noted(result, "failed", "compare")


@pytest.mark.parametrize("calls", [2, 3, 4, 5])
async def test_a_spent_budget_leaves_the_solution(calls: int) -> None:
    play = stage(OWN, parts(LEFT, SHEEP, NINE), comparer({NINE: False}))
    result = await play.play("rcot", PROBLEM, budget=f"calls={calls}")
    assert (result.answer, result.stop_reason) == ("8", "budget")


def test_the_worst_case_is_counted_by_hand() -> None:
    plan = rebut.load("rcot", params={"conditions": 5, "votes": 3, "rounds": 2}).plan()
    # a solution and the original's parts, then each round: rebuilt, its parts, 10 + 1 points, a revision
    assert plan.calls == 1 + 2 + 2 * (1 + 2 + 2 * 33 + 1)
    assert plan.calls_typical == 2 + 2 * (2 + 33 + 1)
