"""Single flight: equal requests that are in flight at the same time are sent once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from rebut.errors import InputError, ModelError, ModelTimeout
from rebut.records import Usage

from .wire import Request, Response, Sink

OnRetry = Callable[[int, float, ModelError], None]
"""Takes (the attempt that failed, seconds until the next, why)."""

OnFallback = Callable[[str, str, ModelError], None]
"""Takes (the model that failed, the model asked instead, why)."""

Answer = tuple[Response, int]


@dataclass(slots=True, eq=False)
class Watch:
    """Who is told what happens to one request."""

    sink: Sink | None = None
    on_retry: OnRetry | None = None
    on_fallback: OnFallback | None = None


@dataclass(slots=True, eq=False)
class _Flight:
    """One request in flight, and all who wait for it."""

    deadline: float | None
    watches: list[Watch] = field(default_factory=list)
    task: asyncio.Task[Answer] | None = None
    paid: bool = False

    def watch(self) -> Watch:
        return Watch(None, self._retry, self._fallback)

    def _retry(self, attempt: int, wait: float, error: ModelError) -> None:
        for watch in self.watches:
            if watch.on_retry:
                watch.on_retry(attempt, wait, error)

    def _fallback(self, model: str, other: str, error: ModelError) -> None:
        for watch in self.watches:
            if watch.on_fallback:
                watch.on_fallback(model, other, error)


class Flights:
    """The requests in flight that others may join, by content."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}

    async def join(
        self,
        request: Request,
        deadline: float | None,
        watch: Watch,
        send: Callable[[Watch], Coroutine[Any, Any, Answer]],
    ) -> Answer:
        """The answer to the request: of an equal one in flight that may last as long, or else of `send`.

        The sending is cancelled when the last who waits for it is.
        """
        key = _key(request)
        found = self._flights.get(key)
        flight = found or _Flight(deadline)
        if found is None:
            flight.task = asyncio.create_task(send(flight.watch()))
            self._flights[key] = flight
            flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        elif not _lasts(flight.deadline, deadline):
            return await send(watch)
        return await self._wait(key, flight, deadline, watch, request)

    def _landed(self, key: str, flight: _Flight, task: asyncio.Task[Answer]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    async def _wait(
        self, key: str, flight: _Flight, deadline: float | None, watch: Watch, request: Request
    ) -> Answer:
        assert flight.task is not None
        flight.watches.append(watch)
        timer = asyncio.timeout_at(deadline if deadline != flight.deadline else None)
        try:
            async with timer:
                response, attempts = await asyncio.shield(flight.task)
        except TimeoutError:
            if not timer.expired():
                raise
            raise ModelTimeout("no answer before the deadline", model=request.model) from None
        finally:
            flight.watches.remove(watch)
            if not flight.watches and not flight.task.done():
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()
                await asyncio.wait([flight.task])
        if flight.paid:
            response = replace(response, usage=Usage(calls=request.n))
        flight.paid = True
        return response, attempts


def _key(request: Request) -> str:
    try:
        return request.hash()
    except TypeError as error:
        raise InputError(f"the request cannot be written as JSON ({error})") from None


def _lasts(flight: float | None, wanted: float | None) -> bool:
    return flight is None or (wanted is not None and flight >= wanted)
