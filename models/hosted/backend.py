"""The back end for hosted models: finds for each model string the shortest way to its server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol

from rebut.errors import ModelTimeout
from rebut.settings import Settings

from ..prices import Price, price_of, traits_of
from ..wire import Capabilities, Request, Response, Sink
from .acompletion import AcompletionLane
from .dialects import DIALECTS
from .direct import DirectLane
from .marks import least
from .target import target_of
from .translator import TranslatorLane
from .transport import Transport

CONCURRENCY = 1000
"""The most requests in flight for one hosted model, unless settings pin it; the limiter starts far below."""


class Lane(Protocol):
    """A way to one model."""

    async def complete(self, request: Request, sink: Sink | None) -> Response: ...


class HostedBackend:
    """Every provider of LiteLLM, and any server of OpenAI's protocol.

    Three lanes: servers of OpenAI's protocol are spoken to directly, without LiteLLM; providers in `DIALECTS`
    through their LiteLLM configuration; all others through `litellm.acompletion`. `Settings.lanes` may force
    a provider into the last.
    """

    def __init__(self, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> None:
        self.settings = settings or Settings()
        self._environ = os.environ if environ is None else environ
        self._transport = Transport()
        self._lanes: dict[str, Lane] = {}
        self._long: dict[str, Lane] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> HostedBackend:
        """The back end as the registry makes it."""
        return cls(settings)

    def capabilities(self, model: str) -> Capabilities:
        """What the provider's protocol allows; a server may still fall short of it."""
        provider = model.partition("/")[0]
        traits = traits_of(model)
        usual = Capabilities(
            schema=True,
            stream=True,
            images=not traits or bool(traits.get("supports_vision")),
            concurrency=CONCURRENCY,
            **self._caching(model),
        )
        if dialect := DIALECTS.get(provider):
            prefill = dialect.prefill and bool(traits.get("supports_assistant_prefill"))
            return replace(usual, n=dialect.n, logprobs=dialect.logprobs, prefill=prefill)
        if target := target_of(model, self._environ, check=False):
            way = target.endpoint
            logprobs = way.logprobs and not target.reasons
            return replace(usual, n=way.n, seed=True, logprobs=logprobs, prefill=way.prefill)
        return usual

    def _caching(self, model: str) -> dict[str, Any]:
        """Whether the provider sells prompt tokens cheaper the second time, and from how many on."""
        price = self._price(model)
        cheaper = price is not None and price.cached < price.prompt
        return {"prefix_cache": True, "prefix_least": least(model)} if cheaper else {}

    def price(self, model: str) -> tuple[float, float] | None:
        """US dollars for a prompt token and a completion token, from the settings or LiteLLM's table."""
        price = self._price(model)
        return (price.prompt, price.completion) if price else None

    def complete(self, request: Request, sink: Sink | None = None) -> Coroutine[Any, Any, Response]:
        """Ask for completions: one attempt.

        Raises:
            SettingsError: a key or a URL is missing.
            ModelError: by status, connection and content.
            ModelTimeout: not done within `request.timeout`.
        """
        lane = self._lanes.get(request.model) or self._lane(request.model)
        if sink is not None and isinstance(lane, TranslatorLane):
            lane = self._long_way(request.model)
        if request.timeout is None:
            return lane.complete(request, sink)
        return _in_time(lane, request, sink, request.timeout)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _price(self, model: str) -> Price | None:
        return price_of(model, self.settings.prices)

    def _lane(self, model: str) -> Lane:
        provider = model.partition("/")[0]
        forced = self.settings.lanes.get(provider) == "acompletion"
        if forced:
            lane: Lane = self._long_way(model)
        elif target := target_of(model, self._environ):
            lane = DirectLane(target, self._price(model), self._transport)
        elif provider in DIALECTS:
            lane = TranslatorLane(model, self._price(model), self._transport)
        else:
            lane = self._long_way(model)
        self._lanes[model] = lane
        return lane

    def _long_way(self, model: str) -> Lane:
        lane = self._long.get(model)
        if lane is None:
            lane = self._long[model] = _acompletion(model, self._price(model), self._environ)
        return lane


async def _in_time(lane: Lane, request: Request, sink: Sink | None, seconds: float) -> Response:
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            return await lane.complete(request, sink)
    except TimeoutError:
        if not timer.expired():
            raise
        text = f"no answer from {request.model} within {seconds:g} s"
        raise ModelTimeout(text, model=request.model) from None


def _acompletion(model: str, price: Price | None, environ: Mapping[str, str]) -> AcompletionLane:
    """The long way; a model with a URL in its name is given to LiteLLM with the URL apart."""
    dialect = DIALECTS.get(model.partition("/")[0])
    if dialect is not None and dialect.path == "/chat/completions":
        # LiteLLM does not read all the variables that say where such a server is.
        own = next((base for name in dialect.base_env if (base := environ.get(name, "").strip())), "")
        return AcompletionLane(model, price, {"api_base": own} if own else None)
    target = target_of(model, environ, check=False)
    if target is None or "@" not in model:
        return AcompletionLane(model, price)
    given = {
        "model": f"{target.provider}/{target.name}",
        "api_base": target.base,
        "api_key": target.key or "none",
    }
    return AcompletionLane(model, price, given)
