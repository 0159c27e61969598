"""``vote``: a vote over equivalence classes of answers, or an election by ballots, its rules explicit."""

from __future__ import annotations

from typing import Any

from rebut.errors import InputError, QuorumMissed, WorkflowError
from rebut.records import Vote

from ..context import RunContext, Scope, value_of
from ..expressions import Expression
from ..spec import VoteNode
from . import Work
from .common import saved, whole


def voting(node: VoteNode) -> Work:
    """The work of a `vote` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        try:
            hold = _held if node.ballots is None else _elected
            ballot, of = await run.think(lambda: hold(node, run, scope))
        except InputError as error:
            raise WorkflowError(f"node {node.name!r}: {error}") from error
        _explain(run, node, ballot)
        quorum = whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0)
        if ballot.voters < quorum:
            raise QuorumMissed(run.at(node.name), stood=ballot.voters, quorum=quorum, of=of)
        return saved(node.save, ballot)

    return work


def _listed(node: VoteNode, key: str, expression: Expression, scope: Scope) -> list[Any]:
    items = expression(scope)
    if not isinstance(items, list | tuple):
        raise WorkflowError(
            f"node {node.name!r}: {key} needs a list, {expression.source!r} is {type(items).__name__}"
        )
    return list(items)


def _weights(node: VoteNode, scope: Scope, items: list[Any]) -> list[Any] | None:
    """The weight of each voter; None where the node names none."""
    if node.weights is None:
        return None
    return [node.weights({**scope, "item": item, "index": i}) for i, item in enumerate(items)]


def _held(node: VoteNode, run: RunContext, scope: Scope) -> tuple[Vote, int]:
    """The vote, and over how many items it was held."""
    from ...agents.voting import vote

    items = _listed(node, "vote", node.items, scope)
    stated = {"power": value_of(node.power, scope), "threshold": value_of(node.threshold, scope)}
    ballot = vote(
        [getattr(item, "answer", item) for item in items],
        weights=_weights(node, scope, items),
        kind=run.kind,
        rule=value_of(node.rule, scope),
        tie=value_of(node.tie, scope),
        **{name: value for name, value in stated.items() if value is not None},
    )
    return ballot, len(items)


def _elected(node: VoteNode, run: RunContext, scope: Scope) -> tuple[Vote, int]:
    """The election, and how many ballots could have been cast."""
    from ...agents.ballots import elect

    assert node.ballots is not None
    candidates = _listed(node, "vote", node.items, scope)
    ballots = _listed(node, "ballots", node.ballots, scope)
    outcome = elect(
        [getattr(item, "answer", item) for item in candidates],
        ballots,
        weights=_weights(node, scope, ballots),
        rule=value_of(node.rule, scope),
        tie=value_of(node.tie, scope),
    )
    return outcome, len(ballots)


def _lacked(node: VoteNode) -> str:
    return "had no answer to vote with" if node.ballots is None else "cast no ballot that holds"


def _explain(run: RunContext, node: VoteNode, ballot: Vote) -> None:
    if ballot.abstained:
        run.note(
            node.name,
            "abstained",
            f"{ballot.abstained} of {ballot.voters + ballot.abstained} {_lacked(node)}",
            {"abstained": ballot.abstained, "voters": ballot.voters},
        )
    if ballot.tied:
        run.note(node.name, "tie", f"first place tied; rule {ballot.tie!r} gave it", {"tie": ballot.tie})
