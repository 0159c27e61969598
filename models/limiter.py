"""How many requests of one model are in flight: grows while it goes well, halves when the server groans."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

START = 20
"""Requests in flight that a model begins with."""


class Limiter:
    """Additive increase, multiplicative decrease; first come, first served.

    Until the first setback each success at the limit raises it by one (so it doubles each round), after it by
    one a round. Setbacks of requests that were admitted before the last halving do not halve again.

    Attributes:
        limit: requests that may be in flight now; never above `maximum`.
        active: requests in flight.
    """

    __slots__ = ("_doubling", "_epoch", "_pause_end", "_paused", "_waiting", "active", "limit", "maximum")

    def __init__(self, maximum: int, start: int = START) -> None:
        self.maximum = maximum
        self.limit = float(min(start, maximum))
        self.active = 0
        self._doubling = True
        self._epoch = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused: asyncio.TimerHandle | None = None
        self._pause_end = 0.0

    @property
    def waiting(self) -> int:
        """Requests that wait to be admitted."""
        return len(self._waiting)

    def enter(self) -> int | None:
        """Admit a request at once and return its permit; None when it has to `wait`."""
        if self._waiting or self._paused is not None or self.active + 1 > self.limit:
            return None
        self.active += 1
        return self._epoch

    async def wait(self) -> int:
        """Stand in line; returns the permit."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(turn)
            else:
                self.active -= 1
            self._admit()
            raise
        return self._epoch

    def exit(self, permit: int, *, well: bool = True) -> None:
        """Give a permit back; `well` is False when the server was overloaded or silent."""
        if not well:
            self._shrink(permit)
        elif self.active + 1 > self.limit and self.limit < self.maximum:
            self.limit = min(self.limit + (1.0 if self._doubling else 1.0 / self.limit), float(self.maximum))
        self.leave()

    def leave(self) -> None:
        """Give a permit back without a word on how it went."""
        self.active -= 1
        if self._waiting:
            self._admit()

    def pause(self, seconds: float) -> None:
        """Admit nothing for a while, as the server asked."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._paused is not None:
            if until <= self._pause_end:
                return
            self._paused.cancel()
        self._pause_end = until
        self._paused = loop.call_at(until, self._resume)

    def allow(self, maximum: int) -> None:
        """Change the most that may be in flight, where it is shared with other processes; 0 admits nothing.

        What is in flight goes on.
        """
        self.maximum = maximum
        start = float(min(START, maximum)) if self._doubling else float(min(1, maximum))
        self.limit = min(max(self.limit, start), float(maximum))
        self._admit()

    def follow(self, former: Limiter) -> None:
        """Take over what another one has learned, and the rest of its pause; its loop is closed.

        What was in flight there, or waited, is gone.
        """
        self._doubling = former._doubling
        self.limit = min(former.limit, float(self.maximum))
        if rest := former.pausing:
            self.pause(rest)

    @property
    def pausing(self) -> float:
        """Seconds for which nothing is admitted, as the server asked."""
        return 0.0 if self._paused is None else max(0.0, self._pause_end - asyncio.get_running_loop().time())

    def close(self) -> None:
        """Forget a pause; nothing is in flight."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None

    def _shrink(self, permit: int) -> None:
        if permit == self._epoch:
            self._epoch += 1
            self._doubling = False
            self.limit = min(max(1.0, self.limit / 2), float(self.maximum))

    def _resume(self) -> None:
        self._paused = None
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._paused is None and self.active + 1 <= self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.active += 1
                turn.set_result(None)
