"""``call``: another workflow, run to its answer once, or once per item of a collection side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rebut.errors import BudgetSpent, InputError, QuorumMissed, WorkflowError
from rebut.records import Called

from ...models.budget import Budget
from ..context import RunContext, Scope, facts_of
from ..fanout import FanOut
from ..nested import below, perform
from ..spec import CallNode
from ..workflow import Workflow
from . import Work
from .common import EXPECTED, demand, failed, items_of, saved, whole

_EXPECTED = (*EXPECTED, QuorumMissed)
"""How a called workflow may fail without the caller's being wrong."""


def calling(node: CallNode) -> Work:
    """The work of a `call` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        each = node.for_each is not None
        items: Sequence[Mapping[str, Any]] = await run.think(lambda: items_of(node, scope)) if each else [{}]
        asked = [i for i, item in enumerate(items) if all(v is not None for v in item.values())]
        budget = run.limits(node.name, node.budget, scope)
        results: list[Called | None] = [None] * len(items)
        errors: list[Exception] = []

        def settled(job: int, outcome: Any) -> bool:
            index = asked[job]
            if isinstance(outcome, Exception):
                errors.append(outcome)
                _failed(run, node, f"item {index}" if each else run.at(node.name), outcome)
            else:
                results[index] = outcome
            return False

        def job(index: int) -> Any:
            place = f"{node.name}/{visit}" + (f"[{index}]" if each else "")
            return lambda: _call(node, run, {**scope, **items[index], "index": index}, place, budget)

        await FanOut([job(i) for i in asked], settled, expected=_EXPECTED).run()
        quorum = min(whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0), len(asked))
        demand(run, node.name, len(asked) - len(errors), quorum, len(asked), errors)
        return saved(node.save, results if each else results[0])

    return work


async def _call(node: CallNode, run: RunContext, scope: Scope, place: str, budget: Budget) -> Called:
    params = await run.think(lambda: facts_of(node.params, scope))
    given = await run.think(lambda: facts_of(node.inputs, scope))
    try:
        callee: Workflow = run.called[node.name].with_(params=params)
        inherited = {name: run.inputs[name] for name in callee.spec.inputs if name in run.inputs}
        inputs = callee.inputs(None, {**inherited, **given})
    except InputError as error:
        raise WorkflowError(f"node {run.at(node.name)!r}: {error}") from error
    context = below(run, callee, place, inputs, budget)
    return await perform(run, callee, context, index=scope["index"], keep=node.keep)


def _failed(run: RunContext, node: CallNode, label: str, error: Exception) -> None:
    """Note a failure; a limit of the called workflow's own is no limit of the caller's."""
    ours = {budget.scope for budget in run.budget.chain}
    if isinstance(error, BudgetSpent) and error.scope not in ours:
        run.note(node.name, "budget", str(error), {"resource": error.resource, "limit": error.limit})
    else:
        failed(run, node.name, label, error)
