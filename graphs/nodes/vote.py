"""``vote``: a vote over equivalence classes of answers, with an explicit rule, tie rule and quorum."""

from __future__ import annotations

from typing import Any

from rebut.errors import InputError, QuorumMissed, WorkflowError
from rebut.records import Vote

from ..context import RunContext, Scope, value_of
from ..spec import VoteNode
from . import Work
from .common import saved, whole


def voting(node: VoteNode) -> Work:
    """The work of a `vote` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        try:
            ballot, of = await run.think(lambda: _held(node, run, scope))
        except InputError as error:
            raise WorkflowError(f"node {node.name!r}: {error}") from error
        _explain(run, node, ballot)
        quorum = whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0)
        if ballot.voters < quorum:
            raise QuorumMissed(node.name, stood=ballot.voters, quorum=quorum, of=of)
        return saved(node.save, ballot)

    return work


def _items(node: VoteNode, scope: Scope) -> list[Any]:
    items = node.items(scope)
    if not isinstance(items, list | tuple):
        raise WorkflowError(
            f"node {node.name!r}: vote needs a list, {node.items.source!r} is {type(items).__name__}"
        )
    return list(items)


def _held(node: VoteNode, run: RunContext, scope: Scope) -> tuple[Vote, int]:
    """The vote, and over how many items it was held."""
    from ...agents.voting import vote

    items = _items(node, scope)
    weights = None
    if node.weights is not None:
        weights = [node.weights({**scope, "item": item, "index": i}) for i, item in enumerate(items)]
    stated = {"power": value_of(node.power, scope), "threshold": value_of(node.threshold, scope)}
    ballot = vote(
        [getattr(item, "answer", item) for item in items],
        weights=weights,
        kind=run.kind,
        rule=value_of(node.rule, scope),
        tie=value_of(node.tie, scope),
        **{name: value for name, value in stated.items() if value is not None},
    )
    return ballot, len(items)


def _explain(run: RunContext, node: VoteNode, ballot: Vote) -> None:
    if ballot.abstained:
        run.note(
            node.name,
            "abstained",
            f"{ballot.abstained} of {ballot.voters + ballot.abstained} had no answer to vote with",
            {"abstained": ballot.abstained, "voters": ballot.voters},
        )
    if ballot.tied:
        run.note(node.name, "tie", f"first place tied; rule {ballot.tie!r} gave it", {"tie": ballot.tie})
