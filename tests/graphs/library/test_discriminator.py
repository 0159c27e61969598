"""A discriminator: agents pick one of several answers and argue, a judge decides; from scripted agents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.graphs.result import Result

from ..stage import Stage, noted

FAILS = ModelRefused("no", model="m")


def pick(choice: int, reason: str = "so") -> str:
    return json.dumps({"reason": reason, "choice": choice})


async def ruled(
    *picks: Any, samples: Sequence[Any] = ("11", "22", "22", "33"), judge: Any = "never asked", **params: Any
) -> tuple[Stage, Result]:
    said = [s if isinstance(s, Exception) else f"<{s}> Answer: {s}" for s in samples]
    play = Stage({"solver": said, "advocate": list(picks), "judge": judge})
    return play, await play.play("discriminator", params={"samples": len(samples), "rounds": 1, **params})


def order(prompt: str) -> list[str]:
    """The answers that a prompt shows, in its order."""
    shown = [a for a in ("11", "22", "33") if f"<{a}>" in prompt]
    return sorted(shown, key=lambda a: prompt.index(f"<{a}>"))


async def test_one_sample_stands_for_each_answer_the_commonest_first() -> None:
    play, result = await ruled(pick(1), pick(1), pick(1))
    assert [r.answer for r in result.state["rivals"]] == ["22", "11", "33"]
    assert order(play.prompts("advocate")[0]) == ["22", "11", "33"]
    assert result.answer == "22"


async def test_every_agent_begins_with_another_answer_that_keeps_its_number() -> None:
    play, _ = await ruled(pick(1), pick(1), pick(1))
    prompts = play.prompts("advocate")
    assert [order(p) for p in prompts] == [["22", "11", "33"], ["11", "33", "22"], ["33", "22", "11"]]
    assert all("Answer 1:\n\n<quote>\n<22>" in p and "Answer 3:\n\n<quote>\n<33>" in p for p in prompts)


async def test_not_distinct_all_samples_stand() -> None:
    _, result = await ruled(pick(4), pick(4), pick(4), distinct=False)
    assert [r.answer for r in result.state["rivals"]] == ["11", "22", "22", "33"]
    assert result.answer == "33"


async def test_where_all_samples_agree_nobody_argues() -> None:
    play, result = await ruled(samples=["7", "7", "7.0"])
    assert (result.answer, play.order) == ("7", ["solver"] * 3)


async def test_where_all_agents_agree_they_stop_and_the_judge_is_not_asked() -> None:
    play, result = await ruled(pick(3), pick(3), pick(3), rounds=5)
    assert len(play.asked("advocate")) == 3 and not play.asked("judge")
    assert result.answer == "33"


async def test_in_the_next_round_each_hears_the_others_and_is_told_its_own() -> None:
    first = [pick(1, "<r1>"), pick(2, "<r2>"), pick(3, "<r3>")]
    play, result = await ruled(*first, pick(2), pick(2), pick(2), rounds=3)
    second = play.prompts("advocate")[3:]
    assert [[f"<r{i}>" in p for i in (1, 2, 3)] for p in second] == [
        [False, True, True],
        [True, False, True],
        [True, True, False],
    ]
    assert [f"you picked answer {i}." in p for i, p in enumerate(second, 1)] == [True] * 3
    assert not any("picked answer" in p for p in play.prompts("advocate")[:3])
    assert result.answer == "11" and len(second) == 3


async def test_the_judge_reads_all_last_arguments_and_decides_against_the_majority() -> None:
    play, result = await ruled(pick(1, "<r1>"), pick(1, "<r2>"), pick(3, "<r3>"), judge=pick(3))
    [prompt] = play.prompts("judge")
    assert all(f"Answer {n}. <r{i}>" in prompt for i, n in ((1, 1), (2, 1), (3, 3)))
    assert result.answer == "33" and result.state["ballot"].answer == "22"


async def test_by_majority_the_last_picks_are_counted() -> None:
    play, result = await ruled(pick(1), pick(3), pick(3), decide="majority")
    assert result.answer == "33" and not play.asked("judge")
    assert result.state["ballot"].tallies[0].weight == 2


async def test_a_tie_of_picks_goes_to_the_answer_that_more_samples_gave() -> None:
    _, result = await ruled(pick(3), pick(1), decide="majority", agents=2)
    assert result.answer == "22" and noted(result, "tie", "count")


async def test_a_judge_that_cannot_be_read_leaves_it_to_the_picks() -> None:
    _, result = await ruled(pick(1), pick(3), pick(3), judge="hm")
    assert result.answer == "33"


async def test_whoever_fails_keeps_its_last_pick_and_is_not_heard_before_it_has_one() -> None:
    rounds = [pick(1, "<r1>"), FAILS, pick(3, "<r3>"), FAILS, pick(3), pick(3)]
    play, result = await ruled(*rounds, rounds=2, judge=pick(1))
    assert [p.choice for p in result.state["picks"]] == [1, 3, 3]
    assert "<r1>" in play.prompts("advocate")[4] and "Before, you" not in play.prompts("advocate")[4]
    assert noted(result, "failed", "argue") and result.answer == "22"


async def test_when_nobody_picks_the_plain_vote_answers() -> None:
    _, result = await ruled(*["hm"] * 6)
    assert result.answer == "22" and result.state["ballot"].voters == 0
    assert noted(result, "abstained", "count") == ["3 of 3 cast no ballot that holds"]


async def test_a_number_that_no_answer_has_is_asked_again() -> None:
    play, result = await ruled(pick(9), pick(2), agents=1)
    assert len(play.asked("advocate")) == 2 and result.answer == "11"


@pytest.mark.parametrize(("calls", "answer"), [(4, "22"), (7, "33"), (8, "11")])
async def test_a_budget_that_ends_gives_what_is_known(calls: int, answer: str) -> None:
    said = [f"Answer: {a}" for a in ("11", "22", "22", "33")]
    play = Stage({"solver": said, "advocate": [pick(1), pick(3), pick(3)], "judge": pick(2)})
    result = await play.play("discriminator", params={"rounds": 1}, budget=f"calls={calls}")
    assert result.answer == answer


@pytest.mark.parametrize(
    ("params", "calls", "typical"),
    [
        ({"samples": 4, "agents": 3, "rounds": 2}, 4 + 2 * 3 * 2 + 2, 4 + 6 + 1),
        ({"samples": 4, "agents": 5, "rounds": 3}, 4 + 3 * 5 * 2 + 2, 4 + 15 + 1),
        ({"samples": 2, "agents": 1, "rounds": 1, "decide": "majority"}, 2 + 2, 3),
    ],
)
def test_bounds_worked_by_hand(params: dict[str, Any], calls: int, typical: int) -> None:
    plan = rebut.load("discriminator").plan(params)
    assert (plan.calls, plan.calls_typical) == (calls, typical)


@pytest.mark.parametrize(("judge", "chosen"), [(pick(2), 1), ("hm", 2)])
async def test_open_ended_all_replies_stand_and_the_whole_one_is_the_answer(judge: str, chosen: int) -> None:
    letters = [f"Dear Ann,\n\n{word}" for word in ("one", "two", "three")]
    play = Stage({"solver": letters, "advocate": [pick(3), pick(1), pick(3)], "judge": judge})
    result = await play.play("discriminator", kind="text", params={"samples": 3, "rounds": 1, "open": True})
    assert result.answer == letters[chosen]
    assert not any("Answer:" in prompt for prompt in play.prompts("solver"))
