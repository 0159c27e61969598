"""Hands out a fixed number of places to tasks of any event loop, first come first served."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass


@dataclass(eq=False)
class _Waiter:
    places: int
    loop: asyncio.AbstractEventLoop
    turn: asyncio.Future[None]
    granted: bool = False


class Gate:
    """A fair semaphore whose holders take several places at once.

    Unlike asyncio's it serves several event loops (an engine outlives the loop that loaded it), and a place
    may be given back from any thread (the one that decodes, after its task is gone).
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        """Places that nobody holds."""
        return self._free

    async def acquire(self, places: int = 1) -> None:
        """Wait for the places; a task that is cancelled while it waits takes none."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if not self._waiting and self._free >= places:
                self._free -= places
                return
            waiter = _Waiter(places, loop, loop.create_future())
            self._waiting.append(waiter)
        try:
            await waiter.turn
        except BaseException:
            self._give_up(waiter)
            raise

    def take_free(self) -> int:
        """Take all places that are free, unless somebody waits for them; returns how many."""
        with self._lock:
            taken = 0 if self._waiting else self._free
            self._free -= taken
            return taken

    def release(self, places: int = 1) -> None:
        """Give places back; from any thread."""
        with self._lock:
            self._free += places
            self._admit()

    def _give_up(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter.granted:
                self._free += waiter.places
            else:
                self._waiting.remove(waiter)
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0].places <= self._free:
            waiter = self._waiting.popleft()
            try:
                waiter.loop.call_soon_threadsafe(_resolve, waiter.turn)
            except RuntimeError:  # its loop is closed; nobody waits any more
                continue
            self._free -= waiter.places
            waiter.granted = True


def _resolve(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
