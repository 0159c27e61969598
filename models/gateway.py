"""The one door to all models: limits, retries, fallbacks and single flight around the back ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any
from weakref import ref

from rebut.errors import (
    InputError,
    ModelBusy,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RebutError,
    SettingsError,
)
from rebut.records import Usage
from rebut.settings import Settings, load_settings

from .fanout import Allowance, merged, singles
from .flights import Answer, Flights, OnFallback, OnRetry, Watch
from .leading import led
from .limiter import Limiter
from .pace import Pace
from .registry import Registry
from .retry import Backoff
from .wire import Backend, Capabilities, Request, Response, Sink

_FALLS_BACK = (ModelUnavailable, ModelBusy, ModelTimeout)
_OVERLOAD = frozenset({None, 429, 503, 529})


@dataclass(slots=True, eq=False)
class _Route:
    """Where the requests for one model string go."""

    model: str
    backend: Backend
    capabilities: Capabilities
    limiter: Limiter
    fallbacks: tuple[str, ...]
    pace: Pace | None = None
    single: bool = False
    """The server took no notice of `n`."""


class Home:
    """The event loop that something serves: one at a time, the next when the former is closed."""

    __slots__ = ("_loop",)

    def __init__(self) -> None:
        self._loop: Callable[[], asyncio.AbstractEventLoop | None] = _nowhere

    @property
    def lost(self) -> bool:
        """Whether there was a loop, and it is closed."""
        loop = self._loop()
        return self._loop is not _nowhere and (loop is None or loop.is_closed())

    def enter(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Be at home in the running loop; whether another one was lost, with all that was bound to it.

        Raises:
            RebutError: the other one is still open.
        """
        if self._loop() is loop:
            return False
        lost = self.lost
        if not lost and self._loop is not _nowhere:
            raise RebutError(
                "a runtime and its gateway belong to one event loop, and this one's is another, still open: "
                "make a Runtime for each thread, or leave `runtime` out (each event loop then has its own)"
            )
        self._loop = ref(loop)
        return lost


def _nowhere() -> None:
    """The loop of what was not used so far."""


def running() -> asyncio.AbstractEventLoop | None:
    """The running event loop, if one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Gateway:
    """All models of one process, for one event loop, and for the next when that is closed.

    What only hands on gives the coroutine of the next, unawaited: each one less makes a call cheaper, to
    resume and to collect.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        backends: Mapping[str, Backend] | None = None,
        backoff: Backoff | None = None,
        limiter: Callable[[str, int], Limiter] = lambda model, most: Limiter(most),
    ) -> None:
        """
        Args:
            settings: None reads them (`rebut.toml`, environment).
            backends: prefix -> back end, before those that rebut knows.
            backoff: None for `settings.retries` and random jitter.
            limiter: makes the limiter of a model, with the most requests that may be in flight.
        """
        self.settings = load_settings() if settings is None else settings
        self._registry = Registry(self.settings, backends)
        self._backoff = backoff or Backoff(attempts=self.settings.retries + 1)
        self._limiter = limiter
        self._routes: dict[str, _Route] = {}
        self._flights = Flights()
        self._home = Home()

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def capabilities(self, model: str) -> Capabilities:
        """What the model's back end can do.

        Raises:
            ModelUnavailable: no back end serves the model string.
        """
        return self._route(model).capabilities

    def price(self, model: str) -> tuple[float, float] | None:
        """US dollars for a prompt token and a completion token; None when not known."""
        return self.settings.prices.get(model) or self._route(model).backend.price(model)

    def dearest(self, model: str) -> tuple[float, float]:
        """The highest prices among the model and its fallbacks.

        Raises:
            SettingsError: one of them has no known price, so that money cannot be limited.
        """
        prices: list[tuple[float, float]] = []
        for name in (model, *self._route(model).fallbacks):
            price = self.price(name)
            if price is None:
                raise SettingsError(
                    f"usd is limited, but the price of {name!r} is not known "
                    f'(set it in rebut.toml: prices."{name}" = [prompt token, completion token])'
                )
            prices.append(price)
        return (max(p for p, _ in prices), max(c for _, c in prices))

    def complete(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        sink: Sink | None = None,
        on_retry: OnRetry | None = None,
        on_fallback: OnFallback | None = None,
        allowance: Allowance | None = None,
    ) -> Coroutine[Any, Any, Answer]:
        """Ask for completions, patiently; returns the response and how many attempts were made.

        An equal request of temperature 0 that is already in flight is joined, not sent (seeds differ from
        run to run); all but one of those who wait for it get a response whose usage is nothing.

        Args:
            deadline: on the loop's clock (`loop.time()`); passing it is a ModelTimeout.
            sink: takes pieces of text as they come; after a retry they come from the start again.
            allowance: what the call may use, where that is limited; it bounds how often the prompt is sent
                to a server that gives one completion at a time.

        Raises:
            ModelError: after all attempts and fallbacks.
            RebutError: the gateway serves another event loop, which is still open.
        """
        if not self.enter():
            return self._once_run(request, deadline, sink, on_retry, on_fallback, allowance)
        watch = Watch(sink, on_retry, on_fallback)
        if sink is None and request.temperature == 0:
            return self._flights.join(
                request, deadline, watch, lambda w: self._samples(request, deadline, w, allowance)
            )
        return self._samples(request, deadline, watch, allowance)

    def enter(self) -> bool:
        """Serve the running event loop; False where none runs.

        What was bound to one that is closed is made anew: limits that were learned stay, what was in flight
        is gone.

        Raises:
            RebutError: the gateway serves another event loop, which is still open.
        """
        loop = running()
        if loop is None:
            return False
        if self._home.enter(loop):
            self._flights = Flights()
            self._routes = {model: self._moved(route) for model, route in self._routes.items()}
        return True

    async def close(self) -> None:
        """Free what the back ends hold; no call may be in flight."""
        for route in self._routes.values():
            route.limiter.close()
        self._routes.clear()
        await self._registry.close()

    def _route(self, model: str) -> _Route:
        route = self._routes.get(model)
        if route is None:
            backend = self._registry.backend(model)
            capabilities = backend.capabilities(model)
            backend = led(backend, capabilities)
            settings = self.settings
            limiter = self._new_limiter(model, capabilities)
            rate = settings.rates.get(model) or settings.rates.get("*")
            pace = Pace(*rate) if rate else None
            route = _Route(model, backend, capabilities, limiter, settings.fallbacks.get(model, ()), pace)
            self._routes[model] = route
        return route

    def _new_limiter(self, model: str, capabilities: Capabilities) -> Limiter:
        given = self.settings.concurrency
        return self._limiter(model, given.get(model) or given.get("*") or capabilities.concurrency)

    def _moved(self, route: _Route) -> _Route:
        """The route for another loop: what is left of tasks of the former one still holds the old one."""
        limiter = self._new_limiter(route.model, route.capabilities)
        limiter.follow(route.limiter)
        if route.pace is not None:
            route.pace.move()
        backend = led(self._registry.backend(route.model), route.capabilities)
        return replace(route, backend=backend, limiter=limiter)

    async def _once_run(self, request: Request, deadline: float | None, *options: Any) -> Answer:
        """What was asked for before its loop ran, as in ``asyncio.run(gateway.complete(...))``."""
        sink, on_retry, on_fallback, allowance = options
        return await self.complete(
            request,
            deadline=deadline,
            sink=sink,
            on_retry=on_retry,
            on_fallback=on_fallback,
            allowance=allowance,
        )

    def _samples(
        self, request: Request, deadline: float | None, watch: Watch, allowance: Allowance | None
    ) -> Coroutine[Any, Any, Answer]:
        if request.n == 1:
            return self._with_fallbacks(request, deadline, watch)
        if request.n < 1:
            raise InputError(f"cannot ask for {request.n} completions (from 1)")
        return self._several(request, deadline, watch, allowance)

    async def _several(
        self, request: Request, deadline: float | None, watch: Watch, allowance: Allowance | None
    ) -> Answer:
        """All `n` completions: in one request, or in many where the server gives but one at a time."""
        route = self._route(request.model)
        answers: list[Answer] = []
        if route.capabilities.n and not route.single:
            answers = [await self._with_fallbacks(request, deadline, watch)]
            if len(answers[0][0].completions) != 1:
                return answers[0]
            self._route(answers[0][0].model).single = True
        missing = request.n - len(answers)
        if allowance is not None:
            used = answers[0][0].usage if answers else Usage()
            missing = max(allowance.more(missing, used), 0 if answers else 1)
        with suppress(ModelError) if answers else nullcontext():
            answers += await singles(
                request,
                len(answers),
                missing,
                lambda one, sink: self._with_fallbacks(one, deadline, replace(watch, sink=sink)),
                watch.sink,
            )
        return merged(answers, request)

    def _with_fallbacks(
        self, request: Request, deadline: float | None, watch: Watch
    ) -> Coroutine[Any, Any, Answer]:
        route = self._route(request.model)
        send = self._falling_back if route.fallbacks else self._patiently
        return send(route, request, deadline, watch)

    async def _falling_back(
        self, route: _Route, request: Request, deadline: float | None, watch: Watch
    ) -> Answer:
        try:
            return await self._patiently(route, request, deadline, watch)
        except _FALLS_BACK as error:
            failure: ModelError = error
        failed = request.model
        for other in route.fallbacks:
            if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                break
            if watch.on_fallback:
                watch.on_fallback(failed, other, failure)
            try:
                return await self._patiently(
                    self._route(other), replace(request, model=other), deadline, watch
                )
            except _FALLS_BACK as error:
                failed, failure = other, error
        raise failure

    async def _patiently(
        self, route: _Route, request: Request, deadline: float | None, watch: Watch
    ) -> Answer:
        """Attempts with back-off between them."""
        attempt = 1
        while True:
            try:
                return await self._attempt(route, request, deadline, watch.sink), attempt
            except ModelError as error:
                left = None if deadline is None else deadline - asyncio.get_running_loop().time()
                wait = self._backoff.wait(attempt, error, left)
                if wait is None:
                    raise
                if watch.on_retry:
                    watch.on_retry(attempt, wait, error)
            await asyncio.sleep(wait)
            attempt += 1

    async def _attempt(
        self, route: _Route, request: Request, deadline: float | None, sink: Sink | None
    ) -> Response:
        """One request, as soon as the limiter admits it."""
        limiter = route.limiter
        permit = limiter.enter()
        if permit is None:
            permit = await self._in_line(limiter, deadline, request.model)
        try:
            if route.pace is None:
                response = await self._timed(route, request, deadline, sink)
            else:
                response = await self._paced(route.pace, route, request, deadline, sink)
        except ModelError as error:
            overload = _is_overload(error)
            if overload and error.retry_after and error.retry_after <= self._backoff.patience:
                limiter.pause(error.retry_after)
            limiter.exit(permit, well=not overload)
            raise
        except BaseException:
            limiter.leave()
            raise
        limiter.exit(permit)
        response = response if response.model == request.model else replace(response, model=request.model)
        price = self.settings.prices.get(request.model)
        return response if price is None else _priced(response, price)

    async def _paced(
        self, pace: Pace, route: _Route, request: Request, deadline: float | None, sink: Sink | None
    ) -> Response:
        try:
            async with asyncio.timeout_at(deadline):
                sent = await pace.admit(request)
        except TimeoutError:
            raise _past_deadline(request.model) from None
        response = await self._timed(route, request, deadline, sink)
        pace.settle(sent, response)
        return response

    async def _timed(
        self, route: _Route, request: Request, deadline: float | None, sink: Sink | None
    ) -> Response:
        seconds = request.timeout or self.settings.timeout
        until = asyncio.get_running_loop().time() + seconds
        timer = asyncio.timeout_at(until if deadline is None else min(until, deadline))
        try:
            async with timer:
                return await route.backend.complete(request, sink)
        except TimeoutError:
            if not timer.expired():
                raise
        if deadline is not None and deadline <= until:
            raise _past_deadline(request.model)
        raise ModelTimeout(f"no answer from {request.model} within {seconds:g} s", model=request.model)

    async def _in_line(self, limiter: Limiter, deadline: float | None, model: str) -> int:
        try:
            async with asyncio.timeout_at(deadline):
                return await limiter.wait()
        except TimeoutError:
            raise _past_deadline(model) from None


class _Late(ModelTimeout):
    """The caller's own deadline passed: no word on the server."""

    retryable = False


def _past_deadline(model: str) -> ModelTimeout:
    return _Late(f"no answer from {model} before the deadline", model=model)


def _is_overload(error: ModelError) -> bool:
    if isinstance(error, ModelTimeout):
        return not isinstance(error, _Late)
    return isinstance(error, ModelBusy) and error.status in _OVERLOAD


def _priced(response: Response, price: tuple[float, float]) -> Response:
    """The response at the user's price, where its back end tells of none."""
    usage = response.usage
    if usage.usd:
        return response
    usd = usage.prompt * price[0] + usage.completion * price[1]
    return replace(response, usage=usage.model_copy(update={"usd": usd}))
