"""Reward models in the place of prompted scorers."""

from __future__ import annotations

from dataclasses import replace
from math import exp, prod
from typing import Any

import pytest

from rebut.agents.agent import Agent
from rebut.agents.returns import expected
from rebut.agents.rewards import read_reward, reward_request, squashed
from rebut.agents.roles import RoleBook
from rebut.errors import SettingsError, Unparsed, WorkflowError
from rebut.models.budget import Budget, Limits
from rebut.models.gateway import Gateway
from rebut.models.script import Line, Scripted
from rebut.models.session import Session
from rebut.models.wire import Capabilities, Completion, Inside, Probe
from rebut.records import Sample, Score
from rebut.settings import Settings

OUTCOME = Capabilities(reward="outcome")
STEPS = Capabilities(reward="steps")
CHAIN = Sample(text="Step 1: 17 sheep.\nStep 2: 9 stay.\nAnswer: 9", answer="9")
FACTS: dict[str, Any] = {"question": "How many are left?", "item": CHAIN}


async def graded(
    role: str, able: Capabilities, *said: Line | str, **facts: Any
) -> tuple[Any, Scripted, list[str]]:
    backend = Scripted(list(said), can=able)
    session = Session(Gateway(Settings(retries=0), {"stage": backend}), "run", budget=Budget(Limits()))
    notes: list[str] = []
    agent = Agent("scorer", RoleBook().role(role), "stage/reward")
    [score] = await agent.ask(
        session, path="grade/1[0].scorer", node="grade", visit=1, facts={**FACTS, **facts}, seed=5,
        on_note=lambda what, text, data: notes.append(f"{what}: {text}"),
    )  # fmt: skip
    return score, backend, notes


async def test_an_outcome_is_judged_as_the_assistants_turn_and_brought_between_zero_and_one() -> None:
    score, backend, _ = await graded("scorer", OUTCOME, Line(inside=Inside(rewards=(2.0,))))
    assert score.value == pytest.approx(1 / (1 + exp(-2)))
    assert (score.raw, score.steps) == (2.0, None)
    [request] = backend.seen
    assert [(m.role, m.content) for m in request.messages] == [
        ("user", "How many are left?"),
        ("assistant", CHAIN.text),
    ]
    assert request.probe == Probe(reward="outcome")
    assert (request.max_tokens, request.schema, request.seed) == (1, None, None)


async def test_steps_are_judged_one_by_one_and_joined_they_are_the_message() -> None:
    score, backend, _ = await graded("step_scorer", STEPS, Line(inside=Inside(rewards=(0.0, 3.0))))
    assert score.steps == (0.5, pytest.approx(1 / (1 + exp(-3))))
    assert score.value == pytest.approx(prod(score.steps)) and score.raw is None
    probe = backend.seen[0].probe
    assert probe is not None and len(probe.steps) == 2
    assert "".join(probe.steps) == backend.seen[0].messages[-1].content


async def test_a_scorer_of_outcomes_may_have_a_model_that_judges_steps() -> None:
    score, _, _ = await graded("scorer", STEPS, Line(inside=Inside(rewards=(0.0, 0.0))))
    assert (score.value, score.steps) == (0.25, (0.5, 0.5))


@pytest.mark.parametrize("rewards", [None, (), (1.0, 2.0), (float("nan"),), (float("inf"),)])
async def test_a_reward_that_is_missing_or_no_number_abstains_and_is_not_asked_for_again(
    rewards: Any,
) -> None:
    inside = None if rewards is None else Inside(rewards=rewards)
    score, backend, notes = await graded("scorer", OUTCOME, Line(inside=inside), "never said")
    assert score is None and len(backend.seen) == 1
    assert [note.partition(":")[0] for note in notes] == ["abstained"]


async def test_a_reward_model_cannot_play_a_role_that_speaks_or_that_it_was_not_trained_for() -> None:
    with pytest.raises(
        SettingsError, match="'stage/reward' is a reward model: it grades, and writes nothing"
    ):
        await graded("solver", OUTCOME, "hello")
    with pytest.raises(SettingsError, match="of outcomes: it cannot grade steps"):
        await graded("step_scorer", OUTCOME, "hello")
    with pytest.raises(WorkflowError, match="grades a sample called 'item'"):
        await graded("scorer", OUTCOME, "hello", item=None)


async def test_without_a_reward_model_the_scorer_is_prompted() -> None:
    can = Capabilities(schema=True, logprobs=True)
    score, backend, _ = await graded("scorer", can, '{"reason": "so", "score": 7}')
    assert score == Score(value=0.7, reason="so")
    assert backend.seen[0].probe is None


def test_thoughts_are_not_judged() -> None:
    facts = {**FACTS, "item": replace_text("<think>is it 8?</think>It is 9.")}
    want = expected("score", "number", facts, False)
    assert reward_request("m", OUTCOME, want, facts, "agent").messages[1].content == "It is 9."


def replace_text(text: str) -> Sample:
    return CHAIN.model_copy(update={"text": text})


def test_huge_rewards_neither_overflow_nor_leave_the_unit_interval() -> None:
    assert squashed((1e308, -1e308, 0.0)) == (1.0, 0.0, 0.5)
    probe = replace(Probe(), reward="outcome")
    assert read_reward(Completion(text="", inside=Inside(rewards=(-1e6,))), probe).value == 0
    with pytest.raises(Unparsed, match="1 rewards are needed, 0 came"):
        read_reward(Completion(text=""), probe)
