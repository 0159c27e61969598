"""Explore, generate, simulate (Liu et al., arXiv:2311.00687), from a scripted writer and audience."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.graphs.result import Result
from rebut.models.wire import Request

from ..stage import Stage, noted, text_of

FAILS = ModelRefused("no", model="m")
TEXTS = ("<t1>", "<t2>", "<t3>", "<t4>")


def advised(*advice: str) -> str:
    return json.dumps({"advice": advice})


def order(prompt: str) -> list[int]:
    """The numbers of the texts that a prompt shows, in its order."""
    shown = [i for i, text in enumerate(TEXTS, 1) if text in prompt]
    return sorted(shown, key=lambda i: prompt.index(TEXTS[i - 1]))


def crowd(tastes: dict[str, dict[int, int]], weights: Any = None, people: Sequence[str] = ()) -> Any:
    """An audience whose people give each text its points, wherever it stands."""

    def says(request: Request) -> Any:
        text = text_of(request)
        if "Name the" in text:
            return json.dumps({"people": list(people or tastes)})
        if "How much does" in text:
            return weights if isinstance(weights, str) else json.dumps({"weights": weights})
        [who] = [name for name in tastes if f"<quote>\n{name}\n" in text]
        points = tastes[who] and [tastes[who][i] for i in order(text)]
        return json.dumps({"reaction": "hm", "points": points}) if points else "I would rather not say."

    return says


TWO = advised("a", "b")
EVEN = {"ann": {1: 10, 2: 0, 3: 0}, "bob": {1: 0, 2: 10, 3: 0}}


async def played(said: Any, adviser: Any = TWO, writer: Any = TEXTS, **params: Any) -> Any:
    params = {"advice": 2, "audience": 2, **params}
    play = Stage({"adviser": adviser, "writer": list(writer), "crowd": said})
    result: Result = await play.play("simulated-audience", kind="text", params=params)
    return play, result


async def test_a_text_is_written_along_each_piece_of_advice_and_one_along_all() -> None:
    play, _ = await played(crowd(EVEN, [1, 2]), advised("be short", "be long"))
    prompts = play.prompts("writer")
    assert [("be short" in p, "be long" in p) for p in prompts] == [
        (True, False),
        (False, True),
        (True, True),
    ]


async def test_points_are_weighed_by_how_much_a_person_counts() -> None:
    # S(1) = 3 * 1.0, S(2) = 7 * 1.0
    _, result = await played(crowd(EVEN, [3, 7]))
    assert result.answer == "<t2>"
    assert {t.answer: t.weight for t in result.state["ballot"].tallies} == {"<t2>": 7, "<t1>": 3, "<t3>": 0}


async def test_unweighted_all_people_count_alike_and_nobody_asks_how_much() -> None:
    tastes = {"ann": {1: 10, 2: 0, 3: 0}, "bob": {1: 2, 2: 3, 3: 5}, "cyd": {1: 1, 2: 1, 3: 8}}
    play, result = await played(crowd(tastes), weighted=False, audience=3)
    weights = {t.answer: round(t.weight, 6) for t in result.state["ballot"].tallies}
    assert weights == {"<t3>": 1.3, "<t1>": 1.3, "<t2>": 0.4}
    assert not any("How much does" in p for p in play.prompts("crowd"))


async def test_whoever_gives_more_points_in_all_has_still_one_voice() -> None:
    tastes = {"ann": {1: 10, 2: 10, 3: 10}, "bob": {1: 0, 2: 1, 3: 0}}
    _, result = await played(crowd(tastes), weighted=False)
    assert result.answer == "<t2>"


async def test_each_person_reads_the_texts_beginning_with_another() -> None:
    tastes = {name: {1: 1, 2: 2, 3: 9} for name in ("ann", "bob", "cyd", "dan")}
    play, result = await played(crowd(tastes), weighted=False, audience=4)
    read = [order(p) for p in play.prompts("crowd") if "The person:" in p]
    assert read == [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]]
    assert result.answer == "<t3>"


async def test_a_person_that_likes_nothing_or_says_nothing_abstains() -> None:
    tastes: dict[str, dict[int, int]] = {"ann": {1: 0, 2: 0, 3: 0}, "bob": {}, "cyd": {1: 1, 2: 5, 3: 1}}
    _, result = await played(crowd(tastes), weighted=False, audience=3)
    ballot = result.state["ballot"]
    assert (result.answer, ballot.voters, ballot.abstained) == ("<t2>", 1, 2)
    assert noted(result, "abstained", "tally")


async def test_weights_that_cannot_be_read_make_all_count_alike() -> None:
    _, result = await played(crowd(EVEN, "hm"))
    assert result.state["ballot"].tied and result.answer == "<t1>"
    assert noted(result, "abstained", "weigh")


async def test_when_nobody_reacts_the_first_text_is_given() -> None:
    _, result = await played(crowd({"ann": {}, "bob": {}}, [1, 1]))
    assert result.answer == "<t1>" and noted(result, "fallback", "end")


async def test_without_advice_the_one_text_is_given_and_no_audience_asked() -> None:
    play, result = await played(crowd(EVEN), "hm")
    assert result.answer == "<t1>"
    assert play.order.count("writer") == 1 and not play.asked("crowd")


async def test_a_text_that_fails_stands_for_no_election() -> None:
    _, result = await played(crowd({"ann": {1: 3, 3: 5}}), audience=1, writer=["<t1>", FAILS, "<t3>"])
    assert result.answer == "<t3>"
    assert [t.text for t in result.state["texts"]] == ["<t1>", "<t3>"]


async def test_of_people_alike_one_is_asked() -> None:
    tastes = {"ann": {1: 1, 2: 2, 3: 3}, "bob": {1: 1, 2: 2, 3: 3}}
    crowded = crowd(tastes, people=["ann", "ann", "bob"])
    play, _ = await played(crowded, audience=3, weighted=False)
    assert len([p for p in play.prompts("crowd") if "The person:" in p]) == 2


@pytest.mark.parametrize(("calls", "answer"), [(1, None), (3, "<t1>"), (5, "<t1>")])
async def test_a_budget_that_ends_gives_the_first_text(calls: int, answer: str | None) -> None:
    play = Stage({"adviser": advised("a", "b"), "writer": list(TEXTS), "crowd": crowd(EVEN, [3, 7])})
    result = await play.play(
        "simulated-audience", kind="text", params={"advice": 2, "audience": 2}, budget=f"calls={calls}"
    )
    assert (result.answer, result.stop_reason) == (answer, "budget")


@pytest.mark.parametrize(
    ("params", "calls", "typical"),
    [
        # every form may be asked for twice, a text never is: advice, texts, cast, weights, people
        ({}, 2 + 4 + 2 + 2 + 3 * 2, 1 + 4 + 1 + 1 + 3),
        ({"advice": 1, "audience": 5, "weighted": False}, 2 + 2 + 2 + 5 * 2, 1 + 2 + 1 + 5),
    ],
)
def test_bounds_worked_by_hand(params: dict[str, Any], calls: int, typical: int) -> None:
    plan = rebut.load("simulated-audience").plan(params)
    assert (plan.calls, plan.calls_typical) == (calls, typical)


async def test_a_text_of_several_lines_is_given_whole() -> None:
    letters = [f"Dear Ann,\n\n{text} I am sorry.\n\nBob" for text in TEXTS]
    _, result = await played(crowd({"ann": {1: 1, 2: 5, 3: 1}}), audience=1, writer=letters)
    assert result.answer == letters[1]
