"""Trials made in this process: what they wait for are models, so one event loop goes far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...graphs.runtime import Runtime
from ..spec import ScenarioSpec
from ..trials import Entrant, Task, seed_of
from . import Made
from .attempt import attempt, result_of

LOOK = 0.5
"""Seconds between two looks at a run that another process is at."""


class LocalExecutor:
    """Makes trials on the runtime that the scenario was given."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def open(self, spec: ScenarioSpec, entrants: Sequence[Entrant], concurrency: int) -> int:
        """As many at a time as the scenario says."""
        return concurrency

    def order(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """As they come."""
        return tasks

    async def make(self, task: Task, *, resumed: bool) -> Made:
        """Make a trial; one that another process is at is waited for, and its result taken."""
        workflow = task.entrant.workflow
        inputs = {name: task.item.inputs[name] for name in workflow.spec.inputs}
        seed = seed_of(task.item, task.seed)
        while True:
            made = await attempt(self._runtime, workflow, task.run, inputs, seed, resumed=resumed)
            if not made.elsewhere:
                return made
            if (theirs := await self._theirs(task.run)) is not None:
                return theirs
            resumed = True

    async def _theirs(self, run: str) -> Made | None:
        """How a run that another process is at ended; None where it is to be taken up."""
        store = self._runtime.store
        assert store is not None, "without a store nobody else can be at it"
        while True:
            info = await store.run(run)
            if info.status != "running":
                return Made(result=result_of(info)) if info.status == "finished" else None
            await asyncio.sleep(LOOK)

    async def close(self) -> None:
        """Nothing: who cancels a trial stops its run."""
