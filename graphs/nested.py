"""A workflow run within another one: in a context below the caller's, its graph kept in step with others."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rebut.errors import BudgetSpent
from rebut.records import Called

from .context import RunContext, limits_of
from .drive import answer_of, drive, fallback_of
from .turns import Stirring, Turns

if TYPE_CHECKING:
    from ..models.budget import Budget
    from .workflow import Workflow


class Passage:
    """Tells a run's turns when a nested graph is on its way from one node to the next.

    Several graphs may run side by side, and the way takes one many turns of the loop: until it has come to a
    node, nothing may be handed over to the others, or a replay would fall out of step.
    """

    def __init__(self, journal: object) -> None:
        self._turns = journal if isinstance(journal, Turns) else None
        self._inside = 0
        self._open = False

    @contextmanager
    def graph(self) -> Generator[None, None, None]:
        """The whole of the nested graph."""
        self._open = True
        self._way(1)
        try:
            yield
        finally:
            self._open = False
            if not self._inside:
                self._way(-1)

    @contextmanager
    def node(self) -> Generator[None, None, None]:
        """One node of it, at work."""
        self._inside += 1
        if self._inside == 1:
            self._way(-1)
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside and self._open:
                self._way(1)

    def _way(self, more: int) -> None:
        if self._turns is not None:
            self._turns.on_the_way(more)


def below(
    run: RunContext, callee: Workflow, place: str, inputs: Mapping[str, Any], budget: Budget
) -> RunContext:
    """The context of a workflow that is called at `place` of a run, such as ``inner/1``, within a budget."""
    scope = f"workflow {callee.name} at {run.prefix}{place}"
    stated = callee.spec.budget
    limits = None if stated is None else limits_of(stated, dict(callee.agents_params))
    return RunContext(
        run=run.run,
        spec=callee.spec,
        inputs=inputs,
        params=callee.params,
        agents=callee.agents({}, ""),
        called=callee.called({}, ""),
        session=run.session,
        budget=Stirring(limits, parent=budget, scope=scope),
        kind=callee.kind,
        seed=run.seed,
        emit=run.emit,
        notes=run.notes,
        prefix=f"{run.prefix}{place}.",
        passage=Passage(run.session.journal),
    )


async def perform(run: RunContext, callee: Workflow, context: RunContext, *, index: int, keep: Any) -> Called:
    """Run a called workflow to its end.

    A limit of its own ends it with its fallback; one of the caller's does so too, and the caller then ends
    in its turn, with what was found. Without any answer the spent budget is raised.

    Raises:
        RebutError: it failed.
        BudgetSpent: a limit ended it before there was an answer.
    """
    assert context.passage is not None
    cut: BudgetSpent | None = None
    with context.passage.graph():
        try:
            await asyncio.create_task(_alone(callee, context))
        except BudgetSpent as spent:
            cut = context.spent = spent
    if cut is None:
        answer, reason, detail = await answer_of(context)
    else:
        answer, reason, detail = await fallback_of(context), "budget", str(cut)
    if context.spent is not None and context.spent.scope in {b.scope for b in run.budget.chain}:
        run.spent = run.spent or context.spent
    if cut is not None and answer is None:
        raise cut
    used = context.budget.spent
    return Called(
        workflow=callee.name,
        answer=answer,
        stop_reason=reason,
        detail=detail,
        calls=used.calls,
        tokens=used.prompt + used.completion,
        index=index,
        kept={name: context.state.get(name) for name in keep},
        call=context.prefix.removesuffix("."),
    )


async def _alone(callee: Workflow, context: RunContext) -> None:
    """Drive the graph as one of its own, not as a part of the graph that the caller is a node of."""
    from langchain_core.runnables.config import var_child_runnable_config

    var_child_runnable_config.set(None)
    await drive(callee.compiled, context)
