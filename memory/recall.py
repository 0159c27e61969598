"""Hands recorded outcomes over once more, in the order in which they were handed over first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from rebut.errors import JournalDrift

from ..models.journal import CallSite, Outcome
from ..models.wire import Message, Request
from . import drift
from .values import RecordedCall

DRIFT_AFTER = 10.0
"""Seconds without any movement after which a run that waits for its journal is told that they differ."""

_Waiter = tuple[CallSite, "asyncio.Future[Outcome | None]"]


class Recall:
    """The outcomes of a recorded run, waiting to be asked for.

    An outcome is handed over when every one before it was, or was given up: the task that asked for it
    was cancelled while it waited. A call that is not in the record waits until all are handed over and
    is then to be made; in a `strict` recall it waits to be cancelled, as it was when it was recorded.
    When nothing moves for `drift_after` seconds while calls wait, they all get a `JournalDrift`.

    What a fork took over answers the same prompt also where models or their settings are others now.

    A hand-over is never made inside `ask`: the tasks that were handed theirs before must wake first.
    """

    def __init__(
        self, calls: Sequence[RecordedCall], *, strict: bool, drift_after: float = DRIFT_AFTER
    ) -> None:
        self._left = deque(call for call in calls if call.used or not strict)
        self._recorded = {call.site.path: call for call in self._left}
        self._strict = strict
        self._drift_after = drift_after
        self._due: dict[str, _Waiter] = {}
        self._others: dict[str, _Waiter] = {}
        self._given_up: set[str] = set()
        self._drifted: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moved = 0.0
        self._busy = 0
        self.used: dict[int, bool] = {}
        """By seq: whether the outcome was handed over, or its asking task was cancelled."""

    def busy(self, more: int) -> None:
        """Say that so many more (or fewer) branches of the run are at work without a call: none is late."""
        self._busy += more

    @property
    def left(self) -> int:
        """How many outcomes are still to be handed over."""
        return len(self._left)

    async def ask(self, site: CallSite, request: Request) -> Outcome | None:
        """The recorded outcome of a call, in its turn; None if it is to be made.

        Raises:
            JournalDrift: the record holds another request at this path, or the call does not come up.
        """
        self._refuse_drift(site, request)
        recorded = site.path in self._recorded
        if not recorded and not self._strict and not self._left:
            return None
        return await self._wait(self._due if recorded else self._others, site)

    def _refuse_drift(self, site: CallSite, request: Request) -> None:
        recorded = self._recorded.get(site.path)
        if recorded is not None and recorded.request.as_json() != request.as_json():
            if not recorded.taken:
                self._fail(drift.changed(site, recorded.request, request))
            elif not _alike(recorded.request, request):
                self._fail(drift.reached_back(site, recorded.request, request))
        elif site.path in self._due or site.path in self._others:
            self._fail(f"call {site.path!r} is asked for twice: paths are unique within a run")
        if self._drifted is not None:
            raise JournalDrift(self._drifted)

    async def _wait(self, waiting: dict[str, _Waiter], site: CallSite) -> Outcome | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome | None] = loop.create_future()
        waiting[site.path] = (site, future)
        self._move(loop)
        try:
            return await future
        except asyncio.CancelledError:
            if waiting.get(site.path, (None, None))[1] is future:
                del waiting[site.path]
                self._given_up.add(site.path)
                self._move(loop)
            elif (call := self._recorded.get(site.path)) is not None:
                self.used[call.seq] = False
            raise

    def _move(self, loop: asyncio.AbstractEventLoop) -> None:
        self._moved = loop.time()
        loop.call_soon(self._hand_over, loop)
        if self._timer is None:
            self._timer = loop.call_later(self._drift_after, self._look_for_drift, loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        self._hand_over_in_turn(loop)
        if self._timer is not None and not self._due and not self._others:
            self._timer.cancel()
            self._timer = None

    def _hand_over_in_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._left:
            path = self._left[0].site.path
            waiter = self._due.pop(path, None)
            if waiter is None and path not in self._given_up:
                return
            self._hand(self._left.popleft(), waiter)
            self._moved = loop.time()
        if not self._strict:
            self._release_others()

    def _hand(self, call: RecordedCall, waiter: _Waiter | None) -> None:
        live = waiter is not None and not waiter[1].done()
        self.used[call.seq] = live
        if waiter is not None and live:
            waiter[1].set_result(call.outcome)

    def _release_others(self) -> None:
        others, self._others = self._others, {}
        for _, future in others.values():
            if not future.done():
                future.set_result(None)

    def _look_for_drift(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not self._due and not self._others:
            return
        if self._busy:
            self._moved = loop.time()
        rest = self._moved + self._drift_after - loop.time()
        if rest > 0:
            self._timer = loop.call_later(rest, self._look_for_drift, loop)
            return
        asked = [site for site, _ in (*self._due.values(), *self._others.values())]
        head = self._left[0] if self._left else None
        self._fail(
            drift.missing(head.site, head.seq, asked, self._drift_after)
            if head
            else drift.ended(asked, self._drift_after)
        )

    def _fail(self, why: str) -> None:
        self._drifted = why
        waiters = [*self._due.values(), *self._others.values()]
        self._due.clear()
        self._others.clear()
        for _, future in waiters:
            if not future.done():
                future.set_exception(JournalDrift(why))


def _alike(recorded: Request, asked: Request) -> bool:
    """Whether two requests put the same to two models; a prefill is but a crutch for some."""
    return recorded.n == asked.n and _put(recorded) == _put(asked)


def _put(request: Request) -> tuple[Message, ...]:
    messages = request.messages
    return messages[:-1] if messages and messages[-1].role == "assistant" else messages
