"""Runs of a workflow that is a node in somebody else's LangGraph graph."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rebut.errors import BudgetSpent, RebutError

from .context import RunContext

if TYPE_CHECKING:
    from .run import Run
    from .workflow import Workflow


class RunHost:
    """Opens a run in the graph's first node, finds it for the others, and closes it in the last."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._runs: dict[str, Run] = {}

    async def begin(self, state: Mapping[str, Any]) -> str:
        """Open a run for the inputs in the state; returns its id.

        Raises:
            InputError: an input is missing.
        """
        named = {name: state[name] for name in self._workflow.spec.inputs if name in state}
        inputs = self._workflow.inputs(None, named)
        run = self._workflow.runtime_or_default().begin(self._workflow, inputs, watch=False)
        await run.open()
        self._runs[run.id] = run
        return run.id

    async def find(self, state: Mapping[str, Any]) -> RunContext:
        """The run that the state belongs to.

        Raises:
            RebutError: it was begun by another process; the graph's checkpoint outlived it.
        """
        run = self._runs.get(state.get("rebut_run", ""))
        if run is None:
            raise RebutError(
                f"run {state.get('rebut_run')!r} was begun by another process: finish it with "
                f"`rebut resume {state.get('rebut_run')}`, or start the graph anew"
            )
        return run.context

    async def end(self, state: Mapping[str, Any], error: BaseException | None = None) -> Any:
        """Close the run with its answer, or with the error that ended it; after a spent budget the graph
        goes on to its last node, which closes the run with its fallback."""
        run = self._runs.get(state.get("rebut_run", ""))
        if run is None:
            return None
        if isinstance(error, BudgetSpent):
            run.cut_short(error)
            return None
        del self._runs[run.id]
        try:
            if error is None:
                return (await run.conclude()).answer
        except BaseException as late:
            await asyncio.shield(run.fail(late))
            raise
        await asyncio.shield(run.fail(error))
        return None
