"""Who makes the trials of a scenario: this process, or workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rebut.errors import RebutError
from rebut.records import Usage

from ...graphs.result import Result
from ..spec import ScenarioSpec
from ..trials import Entrant, Task

ELSEWHERE = "another process is at it: run the same command again"


@dataclass(frozen=True, slots=True)
class Made:
    """How an attempt at a trial ended.

    Attributes:
        result: of its run; None where that failed.
        failure: why it failed.
        usage: what a failed run used; `seconds`: how long it took.
        elsewhere: whether nothing was done because another process is at it.
    """

    result: Result | None = None
    failure: RebutError | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    elsewhere: bool = False


class Executor(Protocol):
    """Makes trials. Opened once before the first, closed once after the last."""

    async def open(self, spec: ScenarioSpec, entrants: Sequence[Entrant], concurrency: int) -> int:
        """Get ready; returns how many trials may be handed over at a time.

        Raises:
            RebutError: it cannot begin.
        """
        ...

    def order(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """The tasks in the order in which they are best handed over."""
        ...

    async def make(self, task: Task, *, resumed: bool) -> Made:
        """Make a trial, or go on with one that the store holds (`resumed`).

        Raises:
            RebutError: no trial can be made any more.
        """
        ...

    async def close(self) -> None:
        """Stop what is under way, so that it can be resumed, and let go of everything."""
        ...
