"""One run: driven to its answer, watched by whoever iterates over it, ended in good order always."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol

from rebut.errors import BudgetSpent, RebutError
from rebut.events import Event, Noted, RunFinished, RunStarted
from rebut.records import Usage, plain

from ..models.journal import RunJournal
from ..models.limits import Limits
from .context import RunContext
from .drive import answer_of, drive, fallback_of
from .result import Result, StopReason
from .spec import Fork
from .turns import Turns

if TYPE_CHECKING:
    from ..memory.values import Status
    from .workflow import Workflow


class Entry(Protocol):
    """The run's place in a store."""

    async def open(self) -> RunJournal:
        """Enter the run, and give its journal."""
        ...

    async def close(
        self, *, status: Status, answer: Any, stop_reason: str, detail: str, usage: Usage, seconds: float
    ) -> None:
        """Write how the run ended; `status` is one of finished, failed, cancelled."""
        ...


class Watcher:
    """The events of a run, kept until they are taken."""

    def __init__(self) -> None:
        self._events: deque[Event | None] = deque()
        self._wake = asyncio.Event()

    def put(self, event: Event | None) -> None:
        """Add an event; None ends the stream."""
        self._events.append(event)
        self._wake.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                event = self._events.popleft()
                if event is None:
                    return
                yield event
            self._wake.clear()
            await self._wake.wait()


class Emitter:
    """Gives events their run, number and time, and hands them to the journal and the watchers."""

    def __init__(self, run: str, clock: Callable[[], float]) -> None:
        self.run, self.clock = run, clock
        self.journal: RunJournal | None = None
        self.watchers: list[Watcher] = []
        self._seq = 0

    def __call__(self, event: Event) -> None:
        event.run = self.run
        event.t = round(self.clock(), 6)
        if event.durable:
            event.seq = self._seq
            self._seq += 1
            if self.journal is not None:
                self.journal.event(event)
        for watcher in self.watchers:
            watcher.put(event)


class Run:
    """A run of a workflow: iterate over it for its events, await `result`, `cancel` it."""

    def __init__(
        self,
        workflow: Workflow,
        context: RunContext,
        emitter: Emitter | None,
        entry: Entry | None = None,
        *,
        watch: bool = True,
    ) -> None:
        self.workflow = workflow
        self.context = context
        self.id = context.run
        self._emitter = emitter
        self._entry = entry
        self._task: asyncio.Task[Result] | None = None
        self.difference: Callable[[], str | None] = lambda: None
        """For a replay that has ended: how its events differ from the recorded ones; None for not at all."""
        self._started = time.perf_counter()
        self._over = asyncio.Event()
        self._watcher = self.watch() if watch else None
        self._driver: asyncio.Task[Any] | None = None
        self._cut: BudgetSpent | None = None
        self._closing: asyncio.Task[None] | None = None
        self._called_off = False
        self._found: Result | BaseException | None = None
        self.registry: set[Run] = set()
        """Where the run stands among the others of its runtime, from its opening to its end."""

    @property
    def limits(self) -> Limits:
        """The limits that hold for the run: the tighter of what the file and the caller allow."""
        return self.context.budget.limits

    @property
    def usage(self) -> Usage:
        """What its calls used so far."""
        return self.context.budget.spent

    @property
    def notes(self) -> tuple[Noted, ...]:
        """What happened so far that a careful reader of the answer should know."""
        return tuple(self.context.notes)

    async def execute(self) -> Result:
        """Drive the run to its end in the calling task.

        Raises:
            RebutError: the run failed; `error.run` is its id.
            RuntimeError: it is driven already, or was.
        """
        if self._driver is not None or self._over.is_set():
            raise RuntimeError(f"run {self.id!r} is driven once: wait for its result()")
        self._driver = asyncio.current_task()
        try:
            if self._called_off:
                raise asyncio.CancelledError
            await self.open()
            try:
                await drive(self.workflow.compiled, self.context)
            except BudgetSpent as spent:
                self.cut_short(spent)
            return await self.conclude()
        except BaseException as error:
            await asyncio.shield(self.fail(error))
            raise
        finally:
            self._driver = None
            if self._closing is None:
                self._ended()

    async def open(self) -> None:
        """Enter the run in its store, and say that it begins."""
        self._started = time.perf_counter()
        self.registry.add(self)
        context = self.context
        if self._entry is not None:
            context.session.journal = journal = Turns(await self._entry.open(), lonely=self._lonely())
            context.budget.stir = journal.stir
            if self._emitter is not None:
                self._emitter.journal = journal
        if context.emit is not None:
            context.emit(
                RunStarted(
                    workflow=self.workflow.name,
                    input=plain(context.inputs),
                    params=plain(context.params),
                    models={name: agent.model for name, agent in context.agents.items()},
                )
            )

    def _lonely(self) -> bool:
        """Whether nothing can stir beside a single call: there are no forks, no budgets, no nested graphs."""
        spec = self.workflow.spec
        forks = any(isinstance(edges, Fork) for edges in spec.edges.values())
        return not (
            forks or spec.callees or self.context.budget.limited or any(n.budget for n in spec.nodes.values())
        )

    async def conclude(self) -> Result:
        """End the run with its answer, all nodes being done."""
        if self._cut is not None:
            return await self._end(await fallback_of(self.context), "budget", str(self._cut))
        return await self._end(*await answer_of(self.context))

    def cut_short(self, spent: BudgetSpent) -> None:
        """Note that a spent budget ended the run, whichever cut a node short before: the fallback answers."""
        self._cut = self.context.spent = spent

    async def fail(self, error: BaseException) -> None:
        """End the run with the error that stopped it; what is in the journal stays for a resume.

        Where its store would not have it, another run may have its place there: that is left alone.
        """
        self._found = error
        if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            await self._close("cancelled", None, "cancelled", "cancelled")
            return
        if isinstance(error, RebutError) and self._entry is not None:
            error.run = self.id
        said = str(error) if isinstance(error, RebutError) else f"{type(error).__name__}: {error}"
        await self._close("failed", None, "failed", said)

    async def _end(self, answer: Any, stop_reason: StopReason, detail: str) -> Result:
        context = self.context
        self._found = result = Result(
            answer=answer,
            stop_reason=stop_reason,
            detail=detail,
            run=self.id,
            usage=context.budget.spent,
            seconds=time.perf_counter() - self._started,
            notes=tuple(context.notes),
            state=context.state,
        )
        await self._close("finished", answer, stop_reason, detail)
        return result

    async def _close(self, status: Status, answer: Any, stop_reason: StopReason, detail: str) -> None:
        """End the run, once: who comes later waits for the first."""
        if self._closing is None:
            if self.context.emit is not None:
                self.context.emit(
                    RunFinished(
                        answer=plain(answer),
                        stop_reason=stop_reason,
                        detail=detail,
                        usage=plain(self.context.budget.spent),
                    )
                )
            writing = self._write_end(status, answer, stop_reason, detail)
            self._closing = asyncio.get_running_loop().create_task(writing)
            self._closing.add_done_callback(self._ended)
        await asyncio.shield(self._closing)

    async def _write_end(self, status: Status, answer: Any, stop_reason: StopReason, detail: str) -> None:
        if self._entry is not None:
            await self._entry.close(
                status=status,
                answer=plain(answer),
                stop_reason=stop_reason,
                detail=detail,
                usage=self.context.budget.spent,
                seconds=time.perf_counter() - self._started,
            )

    def _ended(self, closing: asyncio.Task[None] | None = None) -> None:
        if closing is not None and not closing.cancelled():
            closing.exception()  # whoever waits for the end has it
        if self._emitter is not None:
            for watcher in self._emitter.watchers:
                watcher.put(None)
        session = self.context.session
        if isinstance(session.journal, Turns):
            session.journal = session.journal.inner
        self.registry.discard(self)
        self._over.set()

    def start(self) -> None:
        """Drive the run in a task of its own, unless it is driven, or over."""
        if self._task is None and self._driver is None and not self._over.is_set():
            self._task = asyncio.get_running_loop().create_task(self.execute(), name=f"rebut {self.id}")
            self._task.add_done_callback(_seen)

    async def result(self) -> Result:
        """Wait for the end.

        Raises:
            RebutError: the run failed.
            asyncio.CancelledError: it was cancelled.
        """
        self.start()
        if self._task is not None:
            return await asyncio.shield(self._task)
        await self._over.wait()
        if isinstance(self._found, Result):
            return self._found
        raise self._found or asyncio.CancelledError

    def cancel(self) -> None:
        """Stop the run: calls in flight are cancelled, what is done stays in the journal."""
        if self._task is not None and self._driver is not None:
            self._task.cancel()
        else:
            self._called_off = True  # a task that is cancelled before its first step would never end the run

    async def stop(self) -> None:
        """Cancel the run wherever it is driven, and wait until its end is written."""
        if self not in self.registry:
            return
        if self._driver is not None:
            self._driver.cancel()
        elif self._closing is None:
            await self.fail(asyncio.CancelledError())
        await self._over.wait()

    async def aclose(self) -> None:
        """Stop the run if it is not over, and wait until it has ended."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
        elif self not in self.registry and not self._over.is_set():
            await self.fail(asyncio.CancelledError())

    def watch(self) -> Watcher:
        """A stream of the events from now on."""
        if self._emitter is None:
            raise RuntimeError("this run was begun without watchers")
        watcher = Watcher()
        self._emitter.watchers.append(watcher)
        if self._over.is_set():
            watcher.put(None)
        return watcher

    def __aiter__(self) -> AsyncIterator[Event]:
        if self._watcher is None:
            raise RuntimeError("a run is iterated over once; use watch() for more")
        watcher, self._watcher = self._watcher, None
        self.start()
        return watcher.__aiter__()


def _seen(task: asyncio.Task[Result]) -> None:
    """Takes note of a failure, so that a run nobody waits for does not warn at exit."""
    if not task.cancelled():
        task.exception()
