"""``ask``: one call of an agent, or one per item of a collection side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rebut.errors import BudgetSpent

from ...models.budget import Budget
from ..context import RunContext, Scope, value_of
from ..fanout import FanOut
from ..spec import AskNode
from . import Work
from .common import EXPECTED, demand, failed, items_of, prompt_facts, saved, terms_of, whole


def asking(node: AskNode) -> Work:
    """The work of an `ask` node."""

    async def one(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        path = f"{run.at(node.name)}/{visit}"
        visited = _Visit(node, run, visit, run.limits(node.name, node.budget, scope))
        try:
            [value] = await visited.ask(path, {**scope, "index": 0})
        except BudgetSpent as spent:
            failed(run, node.name, path, spent)
            raise
        return saved(node.save, value)

    async def many(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        items = await run.think(lambda: items_of(node, scope))
        results: list[Any] = [None] * len(items)
        errors: list[Exception] = []
        visited = _Visit(node, run, visit, run.limits(node.name, node.budget, scope))
        asked = [i for i, item in enumerate(items) if all(v is not None for v in item.values())]

        def settled(job: int, outcome: Any) -> bool:
            index = asked[job]
            if isinstance(outcome, Exception):
                errors.append(outcome)
                failed(run, node.name, f"item {index}", outcome)
                return False
            results[index] = outcome[0]
            return False

        def ask(index: int) -> Awaitable[Sequence[Any]]:
            path = f"{run.at(node.name)}/{visit}[{index}]"
            return visited.ask(path, {**scope, **items[index], "index": index})

        await FanOut([partial(ask, i) for i in asked], settled, expected=EXPECTED).run()
        quorum = min(whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0), len(asked))
        demand(run, node.name, sum(r is not None for r in results), quorum, len(asked), errors)
        return saved(node.save, results)

    return one if node.for_each is None else many


@dataclass(slots=True, eq=False)
class _Visit:
    """One visit of the node: what its calls have in common."""

    node: AskNode
    run: RunContext
    visit: int
    budget: Budget

    def ask(self, path: str, scope: Scope) -> Awaitable[Sequence[Any]]:
        """Ask the agent for one record; `scope` holds what the item binds, and its index."""
        if self.node.facts:
            return self._thoughtful(path, scope)
        return self._ask(path, scope, self._facts(scope))

    async def _thoughtful(self, path: str, scope: Scope) -> Sequence[Any]:
        """Ask with facts of the node's own, which may compare formulas."""
        return await self._ask(path, scope, await self.run.think(lambda: self._facts(scope)))

    def _facts(self, scope: Scope) -> Scope:
        return prompt_facts(self.run, scope, self.node.facts, self.visit, scope["index"])

    def _ask(self, path: str, scope: Scope, facts: Scope) -> Awaitable[Sequence[Any]]:
        node, run = self.node, self.run
        turn = scope["index"]
        if node.seat is not None:
            turn = whole(node.seat, scope, what=f"seat of {node.name!r}", least=0)
        reuse = bool(value_of(node.reuse, scope))
        return (
            run.agents[node.agent]
            .seat(turn)
            .ask(
                run.session,
                path=path,
                node=run.at(node.name),
                visit=self.visit,
                mode=node.mode,
                facts=facts,
                kind=run.kind,
                seed=run.seed_for(path, shared=reuse),
                logprobs=0 if value_of(node.logprobs, scope) else None,
                terms=terms_of(node, scope),
                budget=self.budget,
                timeout=value_of(node.timeout, scope),
                on_note=self._note,
                reuse=reuse,
            )
        )

    def _note(self, what: str, text: str, data: Mapping[str, Any]) -> None:
        self.run.note(self.node.name, what, text, data)
