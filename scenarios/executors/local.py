"""Trials made in this process: what they wait for are models, so one event loop goes far."""

from __future__ import annotations

from collections.abc import Sequence

from ...graphs.runtime import Runtime
from ..spec import ScenarioSpec
from ..trials import Entrant, Task, seed_of
from . import Made
from .attempt import attempt


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
        """Make a trial."""
        workflow = task.entrant.workflow
        inputs = {name: task.item.inputs[name] for name in workflow.spec.inputs}
        seed = seed_of(task.item, task.seed)
        return await attempt(self._runtime, workflow, task.run, inputs, seed, resumed=resumed)

    async def close(self) -> None:
        """Nothing: who cancels a trial stops its run."""
