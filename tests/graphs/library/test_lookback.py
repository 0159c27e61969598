"""LookBack (Wu et al., arXiv:2412.02172), from scripted agents that see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

import rebut
from rebut.errors import InputError, ModelRefused, SettingsError
from rebut.graphs.runtime import Runtime
from rebut.models.wire import Request

from ..chance import NATIVE, Chance, runtime_of
from ..stage import Stage, able, noted, text_of

IMAGE = "data:image/png;base64,iVBORw0KGgo="
STEPS = ["Step 1: There are 3 red balls.", "Step 2: There are 2 blue ones.", "Step 3: 3 + 2 = 5.\nAnswer: 5"]
SEES = able(images=True)


def asked(*questions: str) -> str:
    return json.dumps({"questions": questions})


def ruled(*right: bool, answer: bool, remark: str = "") -> str:
    return json.dumps({"remark": remark, "right": right, "answer_right": answer})


def asker(by_step: Mapping[int, str]) -> Callable[[Request], str]:
    """Asks what is told for the step that is checked; nothing for the others."""

    def say(request: Request) -> str:
        found = re.search(r"whether step \((\d+)\)", text_of(request))
        assert found is not None
        return by_step.get(int(found[1]), asked())

    return say


def looker(answers: Mapping[str, str]) -> Callable[[Request], str]:
    return lambda request: next(a for q, a in answers.items() if q in text_of(request))


RED, BLUE = "How many balls are red?", "How many balls are blue?"


def stage(review: Any, mended: Any = "Step 1: 4 red.\nAnswer: 6", **more: Any) -> Stage:
    said = {
        "solver": ["\n".join(STEPS), "Answer: 6"],
        "asker": asker({1: asked(RED), 2: asked(BLUE)}),
        "looker": looker({RED: "Four.", BLUE: "Two."}),
        "reviewer": review,
        "refiner": mended,
    }
    return Stage(said | more, can=SEES)


async def play(on: Stage, image: Any = IMAGE, budget: str | None = None, **params: Any) -> Any:
    return await on.play("lookback", "How many balls?", image=image, params=params, budget=budget)


async def test_a_wrong_step_is_looked_up_found_and_mended() -> None:
    on = stage(ruled(False, True, True, answer=False, remark="there are four red balls"))
    result = await play(on)
    assert result.answer == "6"
    assert result.state["findings"] == [f"{RED} Four.", f"{BLUE} Two."] and result.state["doubted"] == [1]
    review = on.prompts("reviewer")[0]
    assert f"(1) {RED} Four." in review and "(3) Step 3" in review and "<quote>\n6\n</quote>" in review
    mend = on.prompts("refiner")[0]
    assert "doubted: 1." in mend and "four red balls" in mend and "Two." in mend


async def test_a_solution_in_which_nothing_is_wrong_stands() -> None:
    on = stage(ruled(True, True, True, answer=True), mended=[])
    assert (await play(on)).answer == "5"
    assert on.order.count("asker") == 3 and on.order.count("looker") == 2 and "refiner" not in on.order


async def test_a_wrong_answer_of_right_steps_is_mended_too() -> None:
    on = stage(ruled(True, True, True, answer=False))
    assert (await play(on)).answer == "6"
    assert "Its final answer is doubted." in on.prompts("refiner")[0]


async def test_who_looks_sees_the_picture_and_who_reviews_does_not() -> None:
    on = stage(ruled(False, True, True, answer=False))
    await play(on)
    pictures = {agent: {m.images for m in r.messages if m.images} for agent, r in on.seen}
    sees = {"solver", "looker", "refiner"}
    assert pictures == {
        agent: {(IMAGE,)} if agent in sees else set() for agent in {*sees, "asker", "reviewer"}
    }
    assert all(m.role == "user" for _, r in on.seen for m in r.messages if m.images)


async def test_each_step_is_shown_with_those_before_it_and_no_further() -> None:
    on = stage(ruled(True, True, True, answer=True), mended=[])
    await play(on)
    shown = sorted(sum(step.split("\n")[0] in p for step in STEPS) for p in on.prompts("asker"))
    assert shown == [1, 2, 3]


async def test_the_same_question_is_looked_up_once() -> None:
    on = stage(ruled(True, True, True, answer=True), mended=[], asker=asked(RED, RED))
    await play(on)
    assert on.order.count("looker") == 1


async def test_steps_beyond_the_limit_belong_to_the_last() -> None:
    on = stage(ruled(True, True, answer=True), mended=[])
    result = await play(on, steps=2)
    assert result.answer == "5" and result.state["steps"] == [STEPS[0], "\n".join(STEPS[1:])]


async def test_a_review_that_cannot_be_read_leaves_the_solution() -> None:
    on = stage("fine", mended=[])
    result = await play(on)
    assert result.answer == "5" and noted(result, "abstained", "review")


@pytest.mark.parametrize("who", ["asker", "looker"])
async def test_what_could_not_be_looked_up_is_left_out(who: str) -> None:
    on = stage(ruled(True, True, True, answer=True), **{who: ModelRefused("no", model="x", status=400)})
    result = await play(on)
    assert result.answer == "5" and result.state["findings"] == []
    assert "looked up in the picture:" not in on.prompts("reviewer")[0]


@pytest.mark.parametrize("calls", [3, 5, 7, 8])
async def test_a_spent_budget_leaves_the_solution(calls: int) -> None:
    result = await play(stage(ruled(False, True, True, answer=False)), budget=f"calls={calls}")
    assert (result.answer, result.stop_reason) == ("5", "budget")


async def test_a_model_that_does_not_see_is_refused_before_anything_is_spent() -> None:
    on = stage(ruled(True, True, True, answer=True))
    on.can = able(images=False)
    with pytest.raises(SettingsError, match=r"node 'solve', agent 'solver'.* cannot look at pictures"):
        await play(on)
    assert on.order == []


async def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InputError, match=r"'image' holds no picture: 'photo.png'"):
        await play(stage(""), image="photo.png")


async def test_several_pictures_may_be_shown() -> None:
    on = stage(ruled(True, True, True, answer=True))
    await play(on, image=[IMAGE, "https://example.org/b.png"])
    assert on.asked("solver")[0].messages[1].images == (IMAGE, "https://example.org/b.png")


def test_the_worst_case_is_counted_by_hand() -> None:
    plan = rebut.load("lookback", params={"steps": 4, "questions": 3}).plan()
    # two solutions, a list for each step, the questions, the review, the mended solution
    assert (plan.calls, plan.calls_typical) == (2 + 8 + 12 + 2 + 1, 2 + 4 + 12 + 1 + 1)


async def test_a_run_with_a_picture_plays_again_from_its_file_and_keeps_the_picture_once(
    tmp_path: Path,
) -> None:
    model = Chance(seed=3, can=replace(NATIVE, images=True))
    picture = IMAGE
    file = tmp_path / "run.jsonl"
    async with runtime_of(model, tmp_path / "s.db") as runtime:
        workflow = rebut.load("lookback", kind="number", runtime=runtime)
        result = await workflow.run("How many?", image=picture, seed=1)
        assert runtime.store is not None
        await runtime.store.export(result.run, file)
        calls = await runtime.store.calls(result.run)
    with closing(connect(tmp_path / "s.db")) as store:
        kept = store.execute("select count(*) from content where body = ?", (picture,)).fetchone()
    assert kept == (1,)
    assert {m.images for call in calls for m in call.request.messages if m.images} == {(picture,)}
    async with Runtime("none") as elsewhere:
        again = await elsewhere.replay(file)
        assert (await again.result()).answer == result.answer and again.difference() is None
