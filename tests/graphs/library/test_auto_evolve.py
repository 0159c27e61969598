"""Plans for questions of one sort: written, improved until they stay, followed, and used again."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rebut

from ..stage import Said, Stage, noted

MADE = json.dumps({"modules": ["Count what is there.", "Check the sum."]})


def steps(*given: str, remark: str | None = None) -> str:
    said = {} if remark is None else {"remark": remark}
    return json.dumps({**said, "steps": given})


def better(*given: str) -> str:
    return steps(*given, remark="hm")


def stage(*planner: str, maker: Said = MADE, solver: Said = "Answer: 4") -> Stage:
    return Stage({"maker": maker, "planner": list(planner), "solver": solver})


async def test_a_plan_is_made_improved_and_followed() -> None:
    play = stage(steps("Add."), better("Count.", "Add."))
    result = await play.play("auto-evolve", "2 + 2?")
    assert play.order == ["maker", "planner", "planner", "solver"] and result.answer == "4"
    assert result.state["plan"] == ["Count.", "Add."]
    [asked] = play.prompts("solver")
    assert "(1) Count." in asked and "(2) Add." in asked and "2 + 2?" in asked
    assert "Check the sum." in play.prompts("planner")[0] and "(1) Add." in play.prompts("planner")[1]


async def test_a_plan_that_stays_as_it_is_ends_the_improvement() -> None:
    play = stage(steps("Add."), better("Count.", "Add."), better("Count.", "Add."), better("no"))
    result = await play.play("auto-evolve", params={"rounds": 5})
    assert play.order.count("planner") == 3 and result.state["plan"] == ["Count.", "Add."]


@pytest.mark.parametrize("rounds", [0, 1, 3])
async def test_it_is_improved_as_often_as_allowed(rounds: int) -> None:
    play = stage(steps("0"), *[better(str(i)) for i in range(1, 9)])
    result = await play.play("auto-evolve", params={"rounds": rounds})
    assert play.order.count("planner") == 1 + rounds and result.state["plan"] == [str(rounds)]


async def test_a_plan_that_is_given_is_only_followed() -> None:
    play = stage()
    result = await play.play("auto-evolve", params={"plan": ["Look.", "Say."]})
    assert play.order == ["solver"] and result.answer == "4"
    assert "(1) Look." in play.prompts("solver")[0]


async def test_task_and_examples_are_shown_to_who_plans_and_the_question_only_without_them() -> None:
    play = stage(steps("Add."), better("Add."))
    params = {"task": "Sums of two numbers", "examples": ["1 + 3?", "5 + 5?"]}
    await play.play("auto-evolve", "2 + 2?", params=params)
    for prompt in [*play.prompts("maker"), *play.prompts("planner")]:
        assert "Sums of two numbers" in prompt and "(1) 1 + 3?" in prompt and "2 + 2?" not in prompt
    alone = stage(steps("Add."), better("Add."))
    await alone.play("auto-evolve", "2 + 2?")
    for prompt in [*alone.prompts("maker"), *alone.prompts("planner")]:
        assert "2 + 2?" in prompt and "The task:" not in prompt


async def test_who_can_name_no_modules_plans_without_them() -> None:
    play = stage(steps("Add."), better("Add."), maker="I cannot.")
    result = await play.play("auto-evolve")
    assert play.order[:2] == ["maker", "maker"] and noted(result, "abstained", "make")
    assert "Ways of thinking" not in play.prompts("planner")[0] and result.answer == "4"


async def test_without_a_plan_the_question_is_answered_all_the_same() -> None:
    play = stage("no", "no plan")
    result = await play.play("auto-evolve")
    assert result.answer == "4" and result.state["plan"] == []
    assert play.order.count("planner") == 2 and "plan" not in play.prompts("solver")[0]


async def test_an_improvement_that_cannot_be_read_leaves_the_plan() -> None:
    play = stage(steps("Add."), "no", "no plan")
    result = await play.play("auto-evolve", params={"rounds": 3})
    assert result.state["plan"] == ["Add."] and play.order == ["maker", *["planner"] * 3, "solver"]


async def test_steps_of_blanks_are_no_plan() -> None:
    play = stage(steps("", "  "), steps("", "  "))
    assert (await play.play("auto-evolve")).answer == "4"
    assert "plan" not in play.prompts("solver")[0]


async def test_at_the_end_of_the_budget_the_plan_is_kept() -> None:
    result = await stage(steps("Add."), better("Add.")).play("auto-evolve", budget="calls=2")
    assert (result.answer, result.stop_reason, result.state["plan"]) == (None, "budget", ["Add."])


@pytest.mark.parametrize(
    ("params", "calls", "typical"),
    [
        ({}, 2 + 2 + 2 + 1, 4),
        ({"rounds": 0}, 5, 3),
        ({"rounds": 4}, 4 + 8 + 1, 7),
        ({"plan": ["Add."]}, 7, 4),
    ],
)
def test_the_worst_case_counts_each_call_that_may_be_asked_twice(
    params: dict[str, Any], calls: int, typical: int
) -> None:
    plan = rebut.load("auto-evolve").plan(params)
    assert (plan.calls, plan.calls_typical) == (calls, typical)


MANY = """
name: many
inputs: [questions]
params: {task: ""}
nodes:
  first:
    call: auto-evolve
    inputs: {question: "=questions[0]"}
    params: {task: =params.task, examples: "=questions[:3]"}
    keep: plan
    save: began
  rest:
    call: auto-evolve
    for_each: questions[1:]
    inputs: {question: =item}
    params: {plan: =began.kept.plan}
    save: others
edges: {start: first, first: rest, rest: end}
answer: "[began.answer] + [o.answer for o in others]"
"""


async def test_one_plan_serves_many_questions() -> None:
    flow = rebut.loads(MANY, kind="number")
    names = flow.voices({}, "none/1")
    play = Stage(
        {
            **dict.fromkeys(names, "Answer: 4"),
            "first.maker": MADE,
            "first.planner": [steps("Add."), better("Count.")],
        }
    )
    flow = flow.with_(models={name: f"stage/{name}" for name in names})
    result = await play.play(flow, ["1 + 3?", "2 + 2?", "3 + 1?"])  # type: ignore[arg-type]
    assert result.answer == ["4"] * 3
    assert play.order == [
        "first.maker",
        "first.planner",
        "first.planner",
        "first.solver",
        *["rest.solver"] * 2,
    ]
    assert all("(1) Count." in prompt for prompt in play.prompts("rest.solver"))
