"""Reward models as scorers: they are shown the question and the solution, and say a number, not a word."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rebut.errors import SettingsError, Unparsed, WorkflowError
from rebut.records import Sample, Score

from ..models.wire import Capabilities, Completion, Message, Probe, Request
from .answers.surface import visible
from .steps import split_steps

if TYPE_CHECKING:
    from .returns import Expected

BETWEEN = "\n\n"
"""What stands between two steps of a solution that a reward model judges."""


def misfit(able: Capabilities, returns: object) -> str:
    """Why a reward model cannot play a role that returns this; empty where it can."""
    if returns not in ("score", "step_scores"):
        return "is a reward model: it grades, and writes nothing"
    if returns == "step_scores" and able.reward == "outcome":
        return "is a reward model of outcomes: it cannot grade steps"
    return ""


def reward_request(
    model: str, able: Capabilities, want: Expected, facts: Mapping[str, Any], where: str
) -> Request:
    """The request that has the solution in `facts` graded.

    Raises:
        SettingsError: the role is none that a reward model can play.
        WorkflowError: the facts hold no question or no solution.
    """
    if problem := misfit(able, want.returns):
        raise SettingsError(f"{where}: {model!r} {problem}")
    item, question = facts.get("item"), facts.get("question")
    if not isinstance(item, Sample):
        raise WorkflowError(f"{where}: a reward model grades a sample called 'item', there is none here")
    steps = _steps(item.text) if able.reward == "steps" else ()
    solution = "".join(steps) if steps else visible(item.text).strip()
    messages = (Message("user", str(question)), Message("assistant", solution))
    probe = Probe(reward=able.reward, steps=steps)
    return Request(model=model, messages=messages, temperature=0, max_tokens=1, probe=probe)


def _steps(text: str) -> tuple[str, ...]:
    """The steps, each but the last with what parts it from the next: joined they are the solution."""
    steps = split_steps(text)
    return tuple(step + BETWEEN for step in steps[:-1]) + tuple(steps[-1:])


def read_reward(completion: Completion, probe: Probe) -> Score:
    """The grades of a reward model, each brought into [0, 1] by the logistic function.

    Of steps, `value` is the product, as MAgICoRe (arXiv:2409.12147) takes it; `raw` is None then.

    Raises:
        Unparsed: there is no number, not one for each step, or one that is not finite.
    """
    rewards = completion.inside.rewards if completion.inside is not None else None
    wanted = len(probe.steps) if probe.reward == "steps" else 1
    if rewards is None or len(rewards) != wanted:
        found = 0 if rewards is None else len(rewards)
        raise Unparsed(completion.text, f"{wanted} rewards are needed, {found} came")
    if not all(map(math.isfinite, rewards)):
        raise Unparsed(completion.text, "a reward is no finite number")
    grades = squashed(rewards)
    if probe.reward == "steps":
        return Score(value=math.prod(grades), steps=grades)
    return Score(value=grades[0], raw=rewards[0])


def squashed(rewards: Sequence[float]) -> tuple[float, ...]:
    """1 / (1 + exp(-r)) of each reward, without overflow.

    >>> squashed([0.0, -1000.0])
    (0.5, 0.0)
    """
    return tuple(1 / (1 + math.exp(-r)) if r >= 0 else math.exp(r) / (1 + math.exp(r)) for r in rewards)
