"""Functions of the expression language over samples and verdicts: votes, certainty, confidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .faults import Fault
from .registry import register
from .values import charge, items_of, readable

Scope = Mapping[str, Any]
VOTER = 200
"""Work of comparing one answer with the others."""


def answers_of(items: Any) -> list[str | None]:
    """The answer of each record, text or None in a list."""
    charge(VOTER * len(items_of(items)))
    return [_answer(item) for item in items_of(items)]


def _answer(item: Any) -> str | None:
    if item is None or isinstance(item, str):
        return item
    if "answer" in readable(type(item)):
        answer = item.answer
        return answer if answer is None or isinstance(answer, str) else str(answer)
    if isinstance(item, int | float):
        return str(item)
    raise Fault(f"{type(item).__name__} has no answer to vote for")


@register(needs_scope=True, reads=("kind",))
def vote(scope: Scope, items: Any, weights: Any = None, rule: str = "majority", tie: str = "first") -> Any:
    """The vote over the answers of samples, verdicts or texts; items without an answer abstain.

    So do, by the rules that weigh, items whose weight is None.
    """
    from ...agents.voting import vote as hold

    given = None
    if weights is not None:
        given = [None if weight is None else float(weight) for weight in items_of(weights)]
    return hold(answers_of(items), weights=given, kind=scope.get("kind", "auto"), rule=rule, tie=tie)


@register(needs_scope=True, reads=("kind",))
def majority(scope: Scope, items: Any) -> str | None:
    """The answer that most items give; None when none has one."""
    answer: str | None = vote(scope, items).answer
    return answer


def _counts(scope: Scope, items: Any) -> list[int]:
    return [round(tally.weight) for tally in vote(scope, items).tallies]


@register(needs_scope=True, reads=("kind",))
def settled(scope: Scope, samples: Any, remaining: int) -> bool:
    """Whether `remaining` more votes can no longer change the winner."""
    from ...agents.stopping import settled as decide

    return bool(decide(_counts(scope, samples), remaining))


@register(needs_scope=True, reads=("kind",))
def certainty(scope: Scope, samples: Any, by: str = "beta") -> float:
    """How certain the leader of a vote is, by beta, dirichlet, entropy or majority: in [0, 1]."""
    from ...agents.stopping import certainty as decide

    counts = _counts(scope, samples)
    charge(VOTER * sum(counts))
    return float(decide(counts, by))


@register(needs_scope=True, reads=("kind",))
def entropy(scope: Scope, items: Any) -> float:
    """Shannon entropy in nats of a list of weights, or of the answers of a list of samples."""
    from ...agents.confidence import entropy as of_weights

    values = list(items_of(items))
    if values and all(isinstance(value, int | float) for value in values):
        return float(of_weights(values))
    return float(vote(scope, values).entropy)


@register()
def confidence(entropy: float) -> float:
    """Confidence in [0, 1] from an entropy in nats."""
    from ...agents.confidence import confidence_from_entropy

    return float(confidence_from_entropy(entropy))


@register()
def aggregate(steps: Any, how: str = "product") -> float:
    """The scores of reasoning steps as one number: product, min, mean or last."""
    from ...agents.confidence import aggregate as combine

    return float(combine(list(items_of(steps)), how))
