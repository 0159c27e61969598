"""Reward models as the scorers of a workflow that knows nothing of them."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import pytest

import rebut
from rebut.errors import SettingsError
from rebut.graphs.runtime import Runtime
from rebut.graphs.workflow import Workflow
from rebut.models.gateway import Gateway
from rebut.models.script import EVERYTHING, Line, Scripted
from rebut.models.wire import Capabilities, Inside, Request
from rebut.settings import Settings

SOLVER = replace(EVERYTHING, n=False)
RIGHT = "Step 1: two and two.\nStep 2: four.\nAnswer: 4"


def outcome(request: Request) -> Line:
    return Line(inside=Inside(rewards=(2.0 if "Answer: 4" in request.messages[-1].content else -2.0,)))


def steps(request: Request) -> Line:
    assert request.probe is not None
    return Line(inside=Inside(rewards=tuple(float(i) for i, _ in enumerate(request.probe.steps))))


def magicore(judges: Scripted, models: dict[str, str]) -> tuple[Workflow, Scripted]:
    solver = Scripted([RIGHT, "Step 1: five.\nAnswer: 5", "Step 1: five.\nAnswer: 5"], can=SOLVER)
    settings = Settings(retries=0)
    gateway = Gateway(settings, {"solver": solver, "judges": judges, "stage": solver})
    runtime = Runtime("none", settings=settings, gateway=gateway)
    params = {"k": 3, "router": "always_easy"}
    workflow = rebut.load("magicore", params=params, models={"*": "solver/m", **models}, kind="number")
    return workflow.with_(runtime=runtime), solver


async def test_a_reward_model_of_outcomes_outvotes_the_majority() -> None:
    judges = Scripted(outcome, can=Capabilities(reward="outcome"))
    workflow, _ = magicore(judges, {"scorer": "judges/reward"})
    result = await workflow.with_(params={"use_prm": False}).run("2 + 2?")
    assert result.answer == "4"
    found = [chain.scores["outcome"] for chain in result.state["chains"]]
    assert [(score.raw, round(score.value, 6)) for score in found] == [
        (2.0, round(1 / (1 + exp(-2)), 6)),
        (-2.0, round(1 / (1 + exp(2)), 6)),
        (-2.0, round(1 / (1 + exp(2)), 6)),
    ]


async def test_a_process_reward_model_grades_the_steps_of_each_chain() -> None:
    judges = Scripted(steps, can=Capabilities(reward="steps"))
    workflow, _ = magicore(judges, {"step_scorer": "judges/reward"})
    result = await workflow.with_(params={"use_orm": False}).run("2 + 2?")
    first = result.state["chains"][0].scores["steps"]
    assert first.steps is not None and len(first.steps) == 2
    assert first.steps[0] == 0.5
    assert [len(r.probe.steps) for r in judges.seen if r.probe is not None] == [
        2,
        1,
    ]  # equal solutions share a call


async def test_a_reward_model_for_everybody_is_refused_when_it_is_to_speak() -> None:
    judges = Scripted(outcome, can=Capabilities(reward="outcome"))
    workflow, _ = magicore(judges, {"*": "judges/reward"})
    with pytest.raises(SettingsError, match="'judges/reward' is a reward model: it grades, and writes"):
        await workflow.run("2 + 2?")
    assert not judges.seen
