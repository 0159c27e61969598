"""One hand-over at a time: the next comes when all that followed from the one before has come to rest.

A journal gives outcomes in the order in which they were recorded; but what an outcome sets off (another
call, an early stop, the end of a node) may take some turns of the event loop, and in a replay, where nobody
waits for a model, the next outcome would be faster than that. Live and replayed runs therefore pass here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar, runtime_checkable

from rebut.events import Event

from ..models.budget import Budget, Reservation
from ..models.journal import CallSite, Outcome, RunJournal, Shelf
from ..models.wire import Request, Response

T = TypeVar("T")

REST = 8
"""Turns of the loop in which nothing stirs, until the run counts as at rest; a job's start takes one, the
end of a cancelled job and of the node that waits for it four."""


@dataclass(slots=True, eq=False)
class _Thought:
    """Something slow that a branch waits for; `turn` is when it goes on."""

    turn: asyncio.Future[None]
    done: bool = False


@runtime_checkable
class Patient(Protocol):
    """A journal that counts how long nothing moves."""

    def busy(self, more: int) -> None:
        """Say that so many more (or fewer) branches of the run are at work without a call."""
        ...


@contextmanager
def _busy(journal: object) -> Generator[None, None, None]:
    patient = journal if isinstance(journal, Patient) else None
    if patient is not None:
        patient.busy(1)
    try:
        yield
    finally:
        if patient is not None:
            patient.busy(-1)


async def _settled(deed: Callable[[], T]) -> Callable[[], T]:
    """How the deed ended in its thread: what gives its result, or raises its error."""
    try:
        result = await asyncio.to_thread(deed)
    except Exception as error:
        return partial(_raise, error)
    return lambda: result


def _raise(error: Exception) -> NoReturn:
    raise error


class Turns:
    """A journal around another one (`inner`), which lets go of its outcomes one by one."""

    def __init__(self, journal: RunJournal, *, lonely: bool = False) -> None:
        """
        Args:
            lonely: whether a call that is under way alone has nobody to keep in step with: not so where
                another branch, or a job that finds no room in a budget, may stir without a call.
        """
        self._lonely = lonely
        self.inner = journal
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._callers: dict[str, asyncio.Task[object] | None] = {}
        self._thinking: deque[_Thought] = deque()
        self._still = 0
        self._moving = 0
        self._ticking = False

    @property
    def recalling(self) -> bool:
        """Always: each call is seen before it is made."""
        return True

    async def recall(self, site: CallSite, request: Request) -> Outcome | None:
        """The recorded outcome, handed over in its turn; None if the call is to be made.

        Raises:
            JournalDrift: the journal holds another call.
        """
        self._callers[site.path] = asyncio.current_task()
        self.stir()
        if not self.inner.recalling:
            return None
        outcome = await self.inner.recall(site, request)
        # A call that is to be made waits as well: what was handed over before may cancel it.
        await self._turn()
        if outcome is not None:
            self._callers.pop(site.path, None)
        return outcome

    async def record(self, site: CallSite, request: Request, outcome: Outcome) -> None:
        """Commit the outcome, and hand it over in its turn.

        Raises:
            StoreError: it could not be written.
        """
        await self.inner.record(site, request, outcome)
        if not self._lonely or len(self._callers) > 1 or self._waiting or self._thinking:
            await self._turn()
        self._callers.pop(site.path, None)

    async def known(self, site: CallSite, request: Request) -> Response | None:
        """A reply of another run that may be taken."""
        return await self.inner.known(site, request) if isinstance(self.inner, Shelf) else None

    def keep(self, site: CallSite, request: Request) -> None:
        """Let other runs take the reply of this call."""
        if isinstance(self.inner, Shelf):
            self.inner.keep(site, request)

    def event(self, event: Event) -> None:
        """Pass a durable event on."""
        self.inner.event(event)

    def stir(self) -> None:
        """Say that the run is not at rest: one of its jobs has just begun."""
        self._still = 0

    def on_the_way(self, more: int) -> None:
        """Say that so many more (or fewer) nested graphs are between two of their nodes: no rest as yet."""
        self._moving += more
        self._still = 0

    async def think(self, deed: Callable[[], T]) -> T:
        """Do something slow in a thread. Meanwhile nothing is handed over, and who thinks goes on, in the
        order of beginning, when all the others have come to rest: so the thread's speed changes nothing."""
        thought = _Thought(asyncio.get_running_loop().create_future())
        self._thinking.append(thought)
        try:
            with _busy(self.inner):
                done = await _settled(deed)
            thought.done = True
            self._still = 0
            self._tick_on()
            await thought.turn
            return done()
        finally:
            if thought in self._thinking:
                self._thinking.remove(thought)
                self._tick_on()

    async def _turn(self) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._tick_on()
        await mine

    def _tick_on(self) -> None:
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_soon(self._tick)

    def _tick(self) -> None:
        self._ticking = False
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if not (self._thinking[0].done if self._thinking else self._waiting):
            return
        self._still = 0 if self._moving else self._still + 1
        if self._still >= REST:
            self._still = 0
            if self._ending():
                return
            self._next().set_result(None)
        self._tick_on()

    def _next(self) -> asyncio.Future[None]:
        return self._thinking.popleft().turn if self._thinking else self._waiting.popleft()

    def _ending(self) -> bool:
        """Whether a cancelled call is still on its way out; the turns go on when it is."""
        for task in self._callers.values():
            if task is not None and task.cancelling() and not task.done():
                task.add_done_callback(lambda _: self._tick_on())
                return True
        return False


class Stirring(Budget):
    """A budget that says when it is asked: also a call that finds no room is something that stirs."""

    __slots__ = ("stir",)

    stir: Callable[[], None] | None

    def __init__(self, *args: Any, **options: Any) -> None:
        self.stir = None
        super().__init__(*args, **options)

    def reserve(self, **room: Any) -> Reservation:
        """As `Budget.reserve`."""
        for budget in self.chain:
            if isinstance(budget, Stirring) and budget.stir is not None:
                budget.stir()
        return super().reserve(**room)
