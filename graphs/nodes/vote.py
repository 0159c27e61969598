"""``vote``: a vote over equivalence classes of answers, with an explicit rule, tie rule and quorum."""

from __future__ import annotations

from typing import Any

from rebut.errors import QuorumMissed, WorkflowError
from rebut.records import Vote

from ..context import RunContext, Scope, value_of
from ..spec import VoteNode
from . import Work
from .common import saved, whole


def voting(node: VoteNode) -> Work:
    """The work of a `vote` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        from ...agents.voting import vote

        items = node.items(scope)
        if not isinstance(items, list | tuple):
            raise WorkflowError(
                f"node {node.name!r}: vote needs a list, {node.items.source!r} is {type(items).__name__}"
            )
        answers = [getattr(item, "answer", item) for item in items]
        weights = None
        if node.weights is not None:
            weights = [node.weights({**scope, "item": item, "index": i}) for i, item in enumerate(items)]
        ballot = vote(
            answers,
            weights=weights,
            kind=run.kind,
            rule=value_of(node.rule, scope),
            tie=value_of(node.tie, scope),
        )
        _explain(run, node, ballot)
        quorum = whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0)
        if ballot.voters < quorum:
            raise QuorumMissed(node.name, stood=ballot.voters, quorum=quorum, of=len(items))
        return saved(node.save, ballot)

    return work


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
