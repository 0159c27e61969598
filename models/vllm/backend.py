"""The back end `vllm/<hf id or folder>`: vLLM's engine in this process, with batching and a prefix cache."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from rebut.errors import ModelTimeout
from rebut.settings import Settings

from ..wire import Capabilities, Request, Response, Sink
from . import engine as engines
from .arguments import folder_or_id, reward_kind
from .engine import Engine
from .hearing import Hearing
from .options import SEQS, Options, split


class VllmBackend:
    """Serves every `vllm/<hf id or folder>[?ctx=8192&memory=0.9&tensor=2&lora=/adapters/x]`.

    Nothing is loaded before the first call. Back ends of one process share the engine of a model and its
    options, adapters apart. An engine that died is started anew by the next call.
    """

    def __init__(self, home: Path | None = None) -> None:
        """
        Args:
            home: the folder for logs; None for the one of the settings.
        """
        self._home = home
        self._using: dict[str, Engine] = {}
        self._opening = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> VllmBackend:
        """The back end with the home of the settings."""
        return cls(home=settings.folder())

    def capabilities(self, model: str) -> Capabilities:
        """Everything but a look at the layers; of a reward model its judgement alone.

        Raises:
            SettingsError: an option in the model string is wrong.
        """
        name, options = split(model)
        return capabilities_of(name, options)

    def price(self, model: str) -> tuple[float, float] | None:
        """Nothing."""
        return (0.0, 0.0)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Decode the completions; `request.timeout` counts from when the engine runs.

        Raises:
            ModelUnavailable: no such model, no vLLM, no memory for it, or the engine died.
            ModelRefused: too long for the context, or nothing that the engine can do.
            ModelTimeout: not done within `request.timeout`.
            SettingsError: an option in the model string is wrong.
        """
        engine = await self._engine(request.model)
        options = split(request.model)[1]
        request = replace(request, max_tokens=options.cap(request.max_tokens))
        start = perf_counter()
        try:
            async with asyncio.timeout(request.timeout):
                response = await _answer(engine, options, request, sink)
        except TimeoutError:
            raise ModelTimeout(f"not done within {request.timeout:g} s", model=request.model) from None
        seconds = perf_counter() - start
        return replace(
            response, seconds=seconds, usage=response.usage.model_copy(update={"seconds": seconds})
        )

    async def close(self) -> None:
        """Give the engines back; the last back end that uses one ends it and its processes."""
        using, self._using = self._using, {}
        for engine in using.values():
            await asyncio.to_thread(engines.give_back, engine)

    async def _engine(self, model: str) -> Engine:
        if (engine := self._using.get(model)) and engine.alive:
            return engine
        return await asyncio.to_thread(self._open, model)

    def _open(self, model: str) -> Engine:
        """Start the engine, once for all calls that wait; blocks."""
        name, options = split(model)
        with self._opening:
            if engine := self._using.get(model):
                engine.load()
            else:
                folder = (self._home or Settings().folder()) / "vllm"
                self._using[model] = engines.borrow(folder_or_id(name), options, folder)
            return self._using[model]


def capabilities_of(name: str, options: Options) -> Capabilities:
    """What can be done with these weights."""
    concurrency = options.seqs or SEQS
    if options.pools:
        kind = options.reward or reward_kind(name)
        return Capabilities(reward="steps" if kind == "steps" else "outcome", concurrency=concurrency)
    return Capabilities(
        n=True,
        schema=True,
        logprobs=True,
        seed=True,
        prefill=True,
        stream=True,
        certainty=True,
        labels=True,
        prefix_cache=True,
        reply=options.reply or 0,
        concurrency=concurrency,
    )


async def _answer(engine: Engine, options: Options, request: Request, sink: Sink | None) -> Response:
    from .calls import answer

    hearing = Hearing(sink) if sink is not None else None
    try:
        completions, usage = await engine.run(lambda: answer(engine, options, request, hearing))
    finally:
        if hearing is not None:
            hearing.close()
    return Response(completions=completions, usage=usage, model=request.model)
