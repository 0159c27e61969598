"""TICK and STICK (Cook et al., arXiv:2410.03608), from scripted authors, writers and checkers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused
from rebut.models.wire import Request

from ..stage import NATIVE, Stage, noted, text_of

QUESTIONS = ["Is it short?", "Does it rhyme?", "Does it name Ana?", "Is it kind?"]
LIST = json.dumps({"questions": QUESTIONS})


def met(*flags: bool, remark: str = "") -> str:
    return json.dumps({"remark": remark, "met": flags})


def shown(request: Request) -> str:
    found = re.search(r"The response to check:\n\n<quote>\n(.*?)\n</quote>", text_of(request), re.DOTALL)
    assert found is not None
    return found[1]


def by_response(rulings: Mapping[str, Any]) -> Any:
    """A checker whose reply depends on the response alone."""
    return lambda request: rulings[shown(request)]


def stage(
    responses: Sequence[str], checker: Any, refined: Any = (), author: Any = LIST, **more: Any
) -> Stage:
    said = {"solver": list(responses), "author": author, "checker": checker, "refiner": refined}
    return Stage(said, **more)


async def best(play: Stage, **params: Any) -> Any:
    params = {"use": "best", **params}
    return await play.play("checklist", "Greet Ana.", kind="text", params=params)


async def refine(play: Stage, **params: Any) -> Any:
    return await play.play("checklist", "Greet Ana.", kind="text", params=params)


async def test_the_response_that_passes_most_questions_is_taken() -> None:
    rulings = {
        "one": met(True, False, True, False),
        "two": met(True, True, True, False),
        "three": met(*[False] * 4),
    }
    play = stage(["one", "two", "three"], by_response(rulings))
    result = await best(play, samples=3)
    assert result.answer == "two"
    assert result.state["rates"] == [0.5, 0.75, 0.0]
    assert sorted(play.order) == ["author"] + ["checker"] * 3 + ["solver"] * 3


async def test_equal_responses_give_way_to_the_earlier() -> None:
    play = stage(["one", "two", "three"], by_response(dict.fromkeys(["two", "three"], met(*[True] * 4))
                                                     | {"one": met(*[False] * 4)}))  # fmt: skip
    assert (await best(play, samples=3)).answer == "two"


async def test_among_equal_responses_the_answer_that_more_of_them_give_wins() -> None:
    texts = ["Answer: 1", "Answer: 2", "Answer: 3", "So 2.\nAnswer: 2", "Answer: 1", "Hm, 1.\nAnswer: 1"]
    full, half = met(*[True] * 4), met(True, True, False, False)
    rulings = dict.fromkeys(texts[:4], full) | dict.fromkeys(texts[5:], half)
    result = await stage(texts, by_response({**rulings, "Answer: 1": half})).play(
        "checklist", params={"use": "best", "samples": 6}
    )
    assert result.answer == "2"  # 1 has most samples, but 2 most of those that pass everything


async def test_each_question_may_be_asked_by_itself() -> None:
    def checker(request: Request) -> str:
        text = text_of(request)
        return met(shown(request) == "two" or "rhyme" in text, remark="no")

    play = stage(["one", "two"], checker)
    result = await best(play, samples=2, apart=True)
    assert (result.answer, result.state["rates"]) == ("two", [0.25, 1.0])
    assert play.order.count("checker") == 2 * len(QUESTIONS)
    assert all(sum(q in prompt for q in QUESTIONS) == 1 for prompt in play.prompts("checker"))


async def test_refinement_ends_when_every_question_is_answered_with_yes() -> None:
    rulings = {"draft": met(True, False, True, False, remark="no rhyme"), "better": met(*[True] * 4)}
    play = stage(["draft"], by_response(rulings), ["better"])
    result = await refine(play)
    assert result.answer == "better"
    assert play.order == ["author", "solver", "checker", "refiner", "checker"]
    prompt = play.prompts("refiner")[0]
    assert "draft" in prompt and "no rhyme" in prompt
    assert [q in prompt for q in QUESTIONS] == [False, True, False, True]


async def test_asked_apart_the_remarks_on_failed_questions_are_gathered() -> None:
    def checker(request: Request) -> str:
        text = text_of(request)
        if shown(request) == "better" or "rhyme" in text:
            return met(True, remark="it does")
        return met(False, remark="too long" if "short" in text else "unkind" if "kind" in text else "who?")

    play = stage(["draft"], checker, ["better"])
    result = await refine(play, apart=True)
    assert result.answer == "better" and result.state["rates"] == [0.25, 1.0]
    assert "too long who? unkind" in play.prompts("refiner")[0]
    assert [q in play.prompts("refiner")[0] for q in QUESTIONS] == [True, False, True, True]


@pytest.mark.parametrize("rounds", [1, 2, 4])
async def test_the_best_response_is_kept_where_refinement_makes_it_worse(rounds: int) -> None:
    worse = [f"worse {i}" for i in range(rounds)]
    rulings = {"draft": met(True, True, True, False)} | dict.fromkeys(worse, met(*[False] * 4))
    play = stage(["draft"], by_response(rulings), worse)
    result = await refine(play, rounds=rounds)
    assert result.answer == "draft"
    assert play.calls == 1 + 1 + (rounds + 1) + rounds
    assert result.state["rates"] == [0.75] + [0.0] * rounds


async def test_refinement_goes_on_from_the_last_response() -> None:
    play = stage(["draft"], met(True, True, False, False), ["second", "third"])
    await refine(play, rounds=2)
    first, second = play.prompts("refiner")
    assert "draft" in first and "second" in second and "draft" not in second


async def test_a_checklist_of_ones_own_is_used_whole_and_none_is_written() -> None:
    own = [f"Is it {i}?" for i in range(9)]
    play = stage(["draft"], met(*[True] * 9), author=[])
    result = await refine(play, questions=own, items=2)
    assert result.state["questions"] == own and "author" not in play.order
    assert "(9) Is it 8?" in play.prompts("checker")[0]


async def test_too_many_questions_are_asked_again_and_each_is_put_once() -> None:
    many, few = (json.dumps({"questions": said}) for said in (["A?", "B?", "C?", "D?"], ["A?", "", "A?"]))
    play = stage(["draft"], met(True), author=[many, few])
    assert (await refine(play, items=3)).state["questions"] == ["A?"]
    assert "2 to 3 different questions" in play.prompts("author")[0]
    assert "must hold 1 to 3, it holds 4" in play.prompts("author")[1]


@pytest.mark.parametrize(
    "author", ["I cannot", json.dumps({"questions": []}), json.dumps({"questions": [""]})]
)
@pytest.mark.parametrize("apart", [True, False])
async def test_without_a_checklist_nothing_is_checked(author: str, apart: bool) -> None:
    play = stage(["Answer: 1", "Answer: 4", "Answer: 4"], [], author=author)
    params = {"use": "best", "samples": 3, "apart": apart}
    result = await play.play("checklist", params=params)
    assert result.answer == "4"  # all are equal, so the plain vote decides
    assert "checker" not in play.order
    play = stage(["draft"], [], author=author)
    assert (await refine(play, apart=apart)).answer == "draft"


async def test_a_response_whose_check_cannot_be_read_has_no_value() -> None:
    rulings = {"one": "all fine!", "two": met(True, False, False, False)}
    play = stage(["one", "two"], by_response(rulings))
    result = await best(play, samples=2)
    assert (result.answer, result.state["rates"]) == ("two", [None, 0.25])
    assert noted(result, "abstained", "check")


async def test_a_response_of_which_fewer_than_half_of_the_questions_are_judged_has_no_value() -> None:
    def checker(request: Request) -> str:
        unread = {"one": ["rhyme", "Ana", "kind?"], "two": ["rhyme", "kind?"]}[shown(request)]
        return "hm" if any(word in text_of(request).split("about it")[1] for word in unread) else met(True)

    result = await best(stage(["one", "two"], checker), samples=2, apart=True)
    assert (result.answer, result.state["rates"]) == ("two", [None, 1.0])


async def test_a_wrong_number_of_rulings_is_asked_again() -> None:
    play = stage(["draft"], [met(True, True), met(*[True] * 4)])
    assert (await refine(play)).answer == "draft"
    assert '"met": must hold 4, it holds 2' in play.prompts("checker")[1]


async def test_a_check_that_fails_leaves_the_draft() -> None:
    failure = ModelRefused("no", model="stage/checker", status=400)
    result = await refine(stage(["draft"], failure))
    assert result.answer == "draft" and noted(result, "failed", "check")


@pytest.mark.parametrize(("calls", "answer"), [(2, "draft"), (3, "draft"), (4, "draft"), (5, "better")])
async def test_a_spent_budget_leaves_the_best_so_far(calls: int, answer: str) -> None:
    rulings = {"draft": met(True, False, False, False), "better": met(True, True, False, False)}
    play = stage(["draft"], by_response(rulings), ["better", "never"])
    result = await play.play("checklist", kind="text", budget=f"calls={calls}")
    assert (result.answer, result.stop_reason) == (answer, "budget")


async def test_a_budget_that_ends_before_the_check_leaves_the_vote() -> None:
    play = stage(["Answer: 1", "Answer: 4", "Answer: 4"], [], can=NATIVE)
    result = await play.play("checklist", params={"use": "best", "samples": 3}, budget="calls=4")
    assert (result.answer, result.stop_reason) == ("4", "budget")


async def test_the_checklist_is_written_without_sight_of_a_response() -> None:
    play = stage(["draft"], met(*[True] * 4))
    await refine(play)
    assert play.order[0] == "author" and "draft" not in play.prompts("author")[0]


def test_the_worst_case_is_counted_by_hand() -> None:
    def calls(name: str, **params: Any) -> tuple[int, int]:
        plan = rebut.load(name, params=params).plan()
        return plan.calls, plan.calls_typical

    assert calls("checklist", rounds=3) == (2 + 1 + 4 * 2 + 3, 1 + 1 + 4 + 3)
    assert calls("checklist", use="best", samples=5) == (2 + 5 + 10, 1 + 5 + 5)
    assert calls("checklist", use="best", samples=5, apart=True, items=4) == (2 + 5 + 40, 1 + 5 + 20)
    assert calls("checklist", questions=["A?"] * 7, rounds=1, apart=True) == (1 + 2 * 14 + 1, 1 + 14 + 1)
    assert calls("checklist-judge", items=5, votes=3) == (2 + 30, 1 + 15)


async def judge(play: Stage, response: str = "Hello, Ana", **params: Any) -> Any:
    return await play.play("checklist-judge", "Greet Ana.", response=response, params=params)


async def test_a_judge_tells_the_part_of_the_questions_that_are_met() -> None:
    play = stage([], met(True, False, True, True))
    result = await judge(play, apart=False)
    assert (result.answer, result.state["met"]) == (0.75, [True, False, True, True])
    assert result.state["failed"] == ["Does it rhyme?"]
    assert shown(play.asked("checker")[0]) == "Hello, Ana"
    assert play.order == ["author", "checker"] and "Hello" not in play.prompts("author")[0]


async def test_a_judge_asks_each_question_several_times_and_takes_the_more_frequent_ruling() -> None:
    said: dict[str, list[Any]] = {
        "short": [True, True, False],
        "rhyme": [False, False, True],
        "Ana": [True, None, False],
        "kind?": [None] * 3,
    }

    def checker(request: Request) -> str:
        asked = text_of(request).split("about it")[1]
        return "hm" if (flag := said[next(w for w in said if w in asked)].pop()) is None else met(flag)

    play = stage([], lambda request: checker(request) if len(request.messages) == 2 else "hm")
    result = await judge(play, votes=3)
    assert result.state["met"] == [True, False, None, None]
    assert result.answer == 0.5
    assert {r.temperature for r in play.asked("checker")} == {0.7}


async def test_a_judge_that_cannot_rule_on_more_than_half_gives_no_value() -> None:
    play = stage([], lambda request: met(True) if "rhyme" in text_of(request).split("about it")[1] else "hm")
    assert (await judge(play)).answer is None


async def test_two_responses_are_held_to_one_checklist() -> None:
    play = stage([], by_response({"Hello, Ana": met(True, True), "Go away": met(True, False)}), author=[])
    own = {"questions": ["Is it short?", "Is it kind?"], "apart": False}
    rates = [(await judge(play, response, **own)).answer for response in ("Hello, Ana", "Go away")]
    assert rates == [1.0, 0.5]
