"""``ask``: one call of an agent, or one per item of a collection side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rebut.errors import BudgetSpent, WorkflowError

from ...models.budget import Budget
from ..context import RunContext, Scope, value_of
from ..fanout import FanOut
from ..spec import AskNode
from . import Work
from .common import EXPECTED, demand, failed, prompt_facts, saved, terms_of, whole


def asking(node: AskNode) -> Work:
    """The work of an `ask` node."""

    async def one(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        path = f"{node.name}/{visit}"
        try:
            [value] = await _ask(node, run, scope, visit, path, 0, run.limits(node.name, node.budget, scope))
        except BudgetSpent as spent:
            failed(run, node.name, path, spent)
            raise
        return saved(node.save, value)

    async def many(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        items = await run.think(lambda: _items(node, scope))
        results: list[Any] = [None] * len(items)
        errors: list[Exception] = []
        budget = run.limits(node.name, node.budget, scope)
        asked = [i for i, item in enumerate(items) if all(v is not None for v in item.values())]

        def settled(job: int, outcome: Any) -> bool:
            index = asked[job]
            if isinstance(outcome, Exception):
                errors.append(outcome)
                failed(run, node.name, f"item {index}", outcome)
                return False
            results[index] = outcome[0]
            return False

        def job(index: int) -> Any:
            path = f"{node.name}/{visit}[{index}]"
            return lambda: _ask(node, run, {**scope, **items[index]}, visit, path, index, budget)

        await FanOut([job(i) for i in asked], settled, expected=EXPECTED).run()
        quorum = min(whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0), len(asked))
        demand(run, node.name, sum(r is not None for r in results), quorum, len(asked), errors)
        return saved(node.save, results)

    return one if node.for_each is None else many


async def _ask(
    node: AskNode, run: RunContext, scope: Scope, visit: int, path: str, index: int, budget: Budget
) -> Sequence[Any]:
    agent = run.agents[node.agent]
    facts = await run.think(lambda: prompt_facts(run, {**scope, "index": index}, node.facts, visit, index))
    return await agent.ask(
        run.session,
        path=path,
        node=node.name,
        visit=visit,
        mode=node.mode,
        facts=facts,
        kind=run.kind,
        seed=run.seed_for(path),
        logprobs=0 if value_of(node.logprobs, scope) else None,
        terms=terms_of(node, {**scope, "index": index}),
        budget=budget,
        timeout=value_of(node.timeout, scope),
        on_note=lambda what, text, data: run.note(node.name, what, text, data),
    )


def _items(node: AskNode, scope: Scope) -> list[Mapping[str, Any]]:
    """The variables of each item.

    Raises:
        WorkflowError: a collection is none, or they are not equally long, or longer than `at_most`.
    """
    assert node.for_each is not None
    columns: dict[str, Sequence[Any]] = {}
    for name, expression in node.for_each.items():
        value = expression(scope)
        if not isinstance(value, list | tuple):
            raise WorkflowError(
                f"node {node.name!r}: for_each {name!r} needs a list, "
                f"{expression.source!r} is {type(value).__name__}"
            )
        columns[name] = value
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise WorkflowError(f"node {node.name!r}: for_each walks lists in step, but {said}")
    size = next(iter(lengths.values()), 0)
    if node.at_most is not None:
        size = min(size, whole(node.at_most, scope, what=f"at_most of {node.name!r}"))
    return [{name: column[i] for name, column in columns.items()} for i in range(size)]
