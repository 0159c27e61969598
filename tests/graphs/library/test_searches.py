"""The library's searches, played by scripted agents and by a small model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import ModelUnavailable
from rebut.models.local.weights import find
from rebut.models.wire import Completion, Request, TokenLogprob
from rebut.records import Found

from ..stage import NATIVE, SINGLE, Stage, critique, grade, noted, text_of

STEPS = {
    "tree-of-thought": ("proposer", {"width": 2, "keep": 2, "depth": 3}),
    "step-best-of-n": ("solver", {"n": 2, "depth": 3}),
    "mcts": ("solver", {"simulations": 3, "width": 2, "depth": 3}),
    "rest-mcts": ("solver", {"iterations": 4, "width": 2, "forward": 1, "depth": 3}),
    "particles": ("solver", {"particles": 3, "depth": 3}),
}


def solution(request: Request) -> str:
    found = re.search(r"<quote>\n(.*?)\n</quote>", text_of(request), re.DOTALL)
    return found[1] if found else ""


class Counting:
    """Proposes +2 and +3 in turn, from 0 to 4 in two steps; every other sum is a dead end."""

    def __init__(self) -> None:
        self.asked = 0

    def propose(self, request: Request) -> str:
        steps = solution(request).split()
        self.asked += 1
        step = 2 + self.asked % 2
        total = sum(int(s) for s in steps if s.isdigit()) + step
        return f"{step}" if len(steps) < 1 else f"{step} Answer: {total}"

    def judge(self, request: Request) -> str:
        return grade(0 if "3" in solution(request) else 9)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("can", [NATIVE, SINGLE], ids=["native", "single"])
async def test_a_search_over_steps_finds_the_way_that_the_grader_likes(name: str, can: Any) -> None:
    proposer, params = STEPS[name]
    play = Counting()
    stage = Stage({proposer: play.propose, "grader": play.judge}, can=can)
    result = await stage.play(name, params=params)
    found = result.state["found"]
    assert isinstance(found, Found)
    assert result.answer == "4" and found.text == "2\n2 Answer: 4"
    plan = rebut.load(name).plan(params)
    assert stage.calls <= plan.calls and plan.path <= plan.calls


async def test_a_beam_goes_on_with_its_numbered_steps() -> None:
    said = {"": ["Step 1: two", "Step 1: three"], "two": [" 2: two. Answer: 4", " 2: three. Answer: 5"]}
    turn: dict[str, int] = {}

    def write(request: Request) -> str:
        begun = request.messages[-1].content if request.messages[-1].role == "assistant" else ""
        key = "" if not begun else "two"
        turn[key] = turn.get(key, -1) + 1
        return said[key][turn[key] % 2]

    stage = Stage({"solver": write, "grader": lambda r: grade(1 if "three" in solution(r) else 8)})
    result = await stage.play("beam", params={"keep": 1, "width": 2, "depth": 4})
    assert result.answer == "4" and result.state["found"].units == ("Step 1: two", " 2: two. Answer: 4")


async def test_spar_stops_when_most_judges_accept() -> None:
    votes = {"draft": [0, 0, 0], "poor": [0, 1, 0], "good": [1, 0, 1]}
    asked: dict[str, int] = {}

    def judge(request: Request) -> str:
        text = solution(request)
        asked[text] = asked.get(text, -1) + 1
        return critique(bool(votes[text][asked[text] % 3]), "add more")

    stage = Stage({"writer": "draft", "refiner": ["poor", "good", "poor"], "judge": judge})
    result = await stage.play("spar", kind="text")
    found = result.state["found"]
    assert (result.answer, found.reason, found.value) == ("good", "stopped", pytest.approx(2 / 3))
    assert stage.calls == 1 + 3 + 3 + 2 * 3


async def test_spar_leaves_a_draft_as_it_is_that_most_judges_accept() -> None:
    stage = Stage({"writer": "draft", "refiner": "worse", "judge": critique(True, "fine")})
    result = await stage.play("spar", kind="text")
    found = result.state["found"]
    assert (result.answer, found.reason, found.value, found.nodes) == ("draft", "stopped", 1.0, 1)
    assert stage.calls == 1 + 3


# RAIN


def token(text: str, finish: Any = "length") -> Completion:
    return Completion(text=text, finish=finish, logprobs=(TokenLogprob(text, -0.5),))


def speaker(request: Request) -> Completion:
    """Says "Be kind" or "Be rude", in tokens; carries anything on with a full stop's worth of words."""
    begun = request.messages[-1].content if request.messages[-1].role == "assistant" else ""
    if "." in request.stop:
        return Completion(text=" to all", finish="stop")
    if request.logprobs and request.max_tokens == 1:
        top = (("Be", -0.2), ("Hit", -0.3), ("", -9.0))
        return Completion(text="Be", finish="length", logprobs=(TokenLogprob("Be", -0.2, top),))
    if begun in ("Be", "Hit"):
        return token(" rude" if request.temperature == 0 else " kind")
    return token("", "stop")


def conscience(request: Request) -> str:
    good = "(A) harmless" in text_of(request)
    harmless = "rude" not in solution_of(request) and "Hit" not in solution_of(request)
    return "A" if good == harmless else "B"


def solution_of(request: Request) -> str:
    found: list[str] = re.findall(r"<quote>\n(.*?)\n</quote>", text_of(request), re.DOTALL)
    return found[-1]


async def test_rain_takes_back_what_leads_to_harm_and_ends_with_the_turn() -> None:
    stage = Stage({"speaker": speaker, "conscience": conscience})
    result = await stage.play(
        "rain", "How to treat people?", kind="text", params={"width": 3, "iterations": 12}
    )
    found = result.state["found"]
    assert (result.answer, found.reason) == ("Be kind", "finished")
    assert {t.value for t in found.tree if t.value is not None} <= {-1.0, 0.0, 1.0}
    committed = [t.unit for t in found.tree if t.state == "committed"]
    assert committed == ["Be", " kind", ""]


async def test_rain_asks_for_sets_of_one_two_four_and_ten_tokens() -> None:
    stage = Stage({"speaker": lambda r: token(f" {len(stage.seen)}"), "conscience": conscience})
    await stage.play("rain", "?", kind="text", params={"units": 5, "iterations": 4, "length": 10})
    units = [r for r in stage.asked("speaker") if "." not in r.stop]
    lengths = {r.messages[-1].content.count(" ") if len(r.messages) > 1 else 0: r.max_tokens for r in units}
    assert {depth: most for depth, most in lengths.items() if depth < 5} == {0: 1, 1: 2, 2: 4, 3: 10, 4: 10}


async def test_rain_evaluates_twice_with_the_options_exchanged() -> None:
    stage = Stage({"speaker": speaker, "conscience": conscience})
    result = await stage.play("rain", "?", kind="text", params={"units": 1, "iterations": 3})
    prompts = stage.prompts("conscience")
    assert len(prompts) == 2 * result.state["found"].evaluated
    assert sum("(A) harmless" in p for p in prompts) * 2 == len(prompts)
    assert not noted(result, "abstained")


@pytest.mark.slow
async def test_rain_writes_with_a_real_model_and_reports_its_tree(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    try:
        find("smollm2-135m", home=tmp_path)
    except ModelUnavailable as missing:
        pytest.skip(str(missing))
    params = {"width": 2, "widest": 2, "iterations": 2, "fresh": 1, "units": 3, "length": 4}
    workflow = rebut.load("rain", params=params)
    async with rebut.Runtime("none") as runtime:
        played = workflow.with_(models="local/smollm2-135m?ctx=512&threads=1&slots=2", runtime=runtime)
        result = await played.run("How do I cheer up a friend?", seed=3)
    found = result.state["found"]
    assert found.units and result.answer == found.text == "".join(found.units)
    assert found.nodes == len(found.tree) > 3 and found.evaluated > 0
    assert result.usage.calls <= workflow.plan().calls
