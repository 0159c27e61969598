"""Side-by-side work whose outcome depends only on the order in which model calls are handed over.

A replay repeats the order of hand-overs, so everything that decides (when to stop, what to cancel, what to
start next) happens synchronously in the stretch of the job that has just ended, never in a waiting parent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Job = Callable[[], Awaitable[T]]
Settled = Callable[[int, T | Exception], bool | Awaitable[bool]]
"""Told the index and result (or expected failure) of a job; returns True to stop the rest. Where that takes
long it is awaited: nothing may be handed over to the others meanwhile."""


class FanOut(Generic[T]):
    """Runs jobs, at most `limit` at a time, and cancels what is left once told to stop.

    Failures of the classes `expected` are handed to `settled` like results; any other exception cancels all
    jobs and is raised by `run`. Cancelling `run` cancels all jobs and waits for them.
    """

    def __init__(
        self,
        jobs: Sequence[Job[T]],
        settled: Settled[T],
        *,
        expected: tuple[type[Exception], ...] = (),
        limit: int | None = None,
    ) -> None:
        self._jobs = jobs
        self._settled = settled
        self._expected = expected
        self._limit = limit or len(jobs)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._next = 0
        self._stopped = False
        self._fatal: BaseException | None = None
        self._idle: asyncio.Future[None] | None = None
        self._cancelled: list[int] = []

    @property
    def cancelled(self) -> list[int]:
        """Indices of the jobs that were in flight when the stop came, and were cancelled."""
        return self._cancelled

    async def run(self) -> None:
        """Run until every job has ended or been cancelled."""
        if not self._jobs:
            return
        self._idle = asyncio.get_running_loop().create_future()
        self._start_more()
        try:
            await self._idle
        except asyncio.CancelledError:
            self._stop()
            await self._drain()
            raise
        await self._drain()
        if self._fatal is not None:
            raise self._fatal

    def _start_more(self) -> None:
        while not self._stopped and self._next < len(self._jobs) and len(self._tasks) < self._limit:
            index = self._next
            self._next += 1
            self._tasks[index] = asyncio.create_task(self._one(index))

    async def _one(self, index: int) -> None:
        outcome: T | Exception
        try:
            outcome = await self._jobs[index]()
        except self._expected as error:
            outcome = error
        except asyncio.CancelledError:
            self._tasks.pop(index, None)
            self._rest()
            raise
        except BaseException as error:
            self._tasks.pop(index, None)
            self._fatal = self._fatal or error
            self._stop()
            self._rest()
            return
        try:
            await self._settle(index, outcome)
        finally:
            self._rest()

    async def _settle(self, index: int, outcome: T | Exception) -> None:
        """Suspends only where `settled` does."""
        enough = False
        try:
            if not self._stopped:
                said = self._settled(index, outcome)
                enough = said if isinstance(said, bool) else await said
        except Exception as error:
            self._fatal = self._fatal or error
            enough = True
        finally:
            self._tasks.pop(index, None)
        if enough:
            self._stop()
        self._start_more()

    def _stop(self) -> None:
        self._stopped = True
        for index, task in list(self._tasks.items()):
            self._cancelled.append(index)
            task.cancel()

    def _rest(self) -> None:
        if (
            self._idle is not None
            and not self._idle.done()
            and (self._stopped or (not self._tasks and self._next >= len(self._jobs)))
        ):
            self._idle.set_result(None)

    async def _drain(self) -> None:
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
            # One that was cancelled before its first step never ran, so it did not take itself off.
            self._tasks = {index: task for index, task in self._tasks.items() if not task.done()}
