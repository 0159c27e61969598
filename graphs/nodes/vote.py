"""``vote``: a vote over equivalence classes of answers, with an explicit rule, tie rule and quorum."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from rebut.errors import InputError, QuorumMissed, WorkflowError
from rebut.records import Vote

from ..context import RunContext, Scope, value_of
from ..spec import Fork, VoteNode
from . import Work
from .common import saved, whole

_MAY_PROVE = ("math", "auto")
"""Kinds of answers whose comparison may ask the computer algebra."""


def voting(node: VoteNode) -> Work:
    """The work of a `vote` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        items = _items(node, scope)
        hold = _counting(node, run, scope, items)
        try:
            ballot = await asyncio.to_thread(hold) if _slow(run, items) else hold()
        except InputError as error:
            raise WorkflowError(f"node {node.name!r}: {error}") from error
        _explain(run, node, ballot)
        quorum = whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0)
        if ballot.voters < quorum:
            raise QuorumMissed(node.name, stood=ballot.voters, quorum=quorum, of=len(items))
        return saved(node.save, ballot)

    return work


def _items(node: VoteNode, scope: Scope) -> list[Any]:
    items = node.items(scope)
    if not isinstance(items, list | tuple):
        raise WorkflowError(
            f"node {node.name!r}: vote needs a list, {node.items.source!r} is {type(items).__name__}"
        )
    return list(items)


def _counting(node: VoteNode, run: RunContext, scope: Scope, items: list[Any]) -> Callable[[], Vote]:
    """The vote, ready to be held."""
    from ...agents.voting import vote

    weights = None
    if node.weights is not None:
        weights = [node.weights({**scope, "item": item, "index": i}) for i, item in enumerate(items)]
    stated = {"power": value_of(node.power, scope), "threshold": value_of(node.threshold, scope)}
    return partial(
        vote,
        [getattr(item, "answer", item) for item in items],
        weights=weights,
        kind=run.kind,
        rule=value_of(node.rule, scope),
        tie=value_of(node.tie, scope),
        **{name: value for name, value in stated.items() if value is not None},
    )


def _slow(run: RunContext, items: list[Any]) -> bool:
    """Whether the vote may take seconds and has to leave the event loop to other runs.

    Where two formulas differ as text, a child process compares them, up to some seconds a pair. Beside the
    branches of a fork the vote is held in the loop all the same: while it waited for a thread, their calls
    could be handed over before or after it, and a replay's events would come in another order.
    """
    if run.kind not in _MAY_PROVE or any(isinstance(edge, Fork) for edge in run.spec.edges.values()):
        return False
    if run.kind == "math":
        return True
    from ...agents.answers.guess import guess
    from ...agents.answers.surface import clean

    answers = {answer for item in items if isinstance(answer := getattr(item, "answer", item), str)}
    return len(answers) > 1 and any(guess(clean(answer)) == "math" for answer in answers)


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
