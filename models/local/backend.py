"""The back end `local/<name>`: no key, no network, no other process."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from rebut.errors import ModelTimeout
from rebut.records import Usage
from rebut.settings import Settings

from ..prefixes import text_of
from ..wire import Capabilities, Completion, Request, Response, Sink
from . import engine as engines
from . import probes, weights
from .chat import Reader, body_of, refused
from .engine import Chunk, Engine
from .options import Options, split

_AFTER_LOADING = 0.01  # seconds in which the calls that waited for the weights all come to know


class LocalBackend:
    """Serves every `local/<name>[?ctx=8192&slots=4&threads=2&cache=1]` with llama.cpp in this process.

    Nothing is loaded before the first call. Back ends of one process share the engine of a file.
    """

    def __init__(
        self,
        home: Path | None = None,
        options: Options | None = None,
        progress: weights.Progress | None = None,
    ) -> None:
        """
        Args:
            home: the folder whose `models` holds weights; None for the one of the settings.
            options: for models that do not state their own.
            progress: is told (from another thread) how far weights are put together.
        """
        self._home, self._options, self._progress = home, options or Options(), progress
        self._using: dict[str, Engine] = {}
        self._opening = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalBackend:
        """The back end with the home of the settings."""
        return cls(home=settings.folder())

    def capabilities(self, model: str) -> Capabilities:
        """Everything but layers and rewards; as many calls at once as there are slots.

        Raises:
            SettingsError: an option in the model string is wrong.
        """
        options = split(model, self._options)[1]
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
            concurrency=options.slots,
        )

    def price(self, model: str) -> tuple[float, float] | None:
        """Nothing."""
        return (0.0, 0.0)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Decode the completions; `request.timeout` counts from when the weights are loaded.

        Raises:
            ModelUnavailable: no weights of that name, no llama.cpp, or it failed.
            ModelRefused: too long for the context, or a schema or message that it cannot take.
            ModelTimeout: not done within `request.timeout`.
            SettingsError: an option in the model string is wrong.
        """
        probes.check(request)
        patience = 0.0 if request.model in self._using else _AFTER_LOADING
        engine = await self._engine(request.model)
        options = split(request.model, self._options)[1]
        request = replace(request, max_tokens=options.cap(request.max_tokens))
        start = perf_counter()
        try:
            async with asyncio.timeout(request.timeout):
                if request.n == 1 and options.cache:
                    completions, usage = await _warmly(engine, request, sink, patience)
                else:
                    completions, usage = await _completions(engine, request, sink, bool(options.cache))
                if request.probe is not None and request.probe.labels:
                    completions = await probes.labelled(engine, request, completions)
        except TimeoutError:
            raise ModelTimeout(f"not done within {request.timeout:g} s", model=request.model) from None
        return Response(
            completions=completions, usage=usage, model=request.model, seconds=perf_counter() - start
        )

    async def close(self) -> None:
        """Give the engines back; the last back end that uses one frees it."""
        using, self._using = self._using, {}
        for engine in using.values():
            await asyncio.to_thread(engines.give_back, engine)

    async def _engine(self, model: str) -> Engine:
        if engine := self._using.get(model):
            return engine
        return await asyncio.to_thread(self._open, model)

    def _open(self, model: str) -> Engine:
        """Find the weights and load them, once for all calls that wait; blocks."""
        with self._opening:
            if model not in self._using:
                name, options = split(model, self._options)
                home = self._home or Settings().folder()
                path = weights.find(name, home=home, progress=self._progress)
                self._using[model] = engines.borrow(path, replace(options, reply=None, cache=1))
            return self._using[model]


async def _warmly(
    engine: Engine, request: Request, sink: Sink | None, patience: float
) -> tuple[tuple[Completion, ...], Usage]:
    """One completion, after what its prompt shares with those of others that start now has been read."""
    credit = await engine.warm.enter(text_of(request.messages), body_of(request, 1), patience)
    completions, usage = await _completions(engine, request, sink)
    return completions, usage if credit is None else credit.settle(usage)


async def _completions(
    engine: Engine, request: Request, sink: Sink | None, cache: bool = True
) -> tuple[tuple[Completion, ...], Usage]:
    """All completions: as many at a time as there are slots, the prompt read once for each time."""
    said: tuple[Completion, ...] = ()
    usage = Usage()
    while len(said) < request.n:
        n = min(request.n - len(said), engine.options.slots)
        more, used = await _group(engine, request, n, len(said), sink, cache)
        said, usage = said + more, usage + used
    return said, usage


async def _group(
    engine: Engine, request: Request, n: int, first: int, sink: Sink | None, cache: bool
) -> tuple[tuple[Completion, ...], Usage]:
    reader = Reader(request, n)
    loop = asyncio.get_running_loop()
    listening = sink is not None

    def take(chunk: Chunk) -> None:
        for index, text in reader.feed(chunk):
            if sink is not None:
                loop.call_soon_threadsafe(hear, first + index, text)

    def hear(index: int, text: str) -> None:
        if listening and sink is not None:
            sink(index, text)

    start = perf_counter()
    try:
        await engine.stream(body_of(request, n, first) | {"cache_prompt": cache}, n, take)
    except (ValueError, TypeError, RuntimeError) as bad:
        raise refused(bad, request.model) from None
    finally:
        listening = False
    said, usage = reader.completions(), reader.usage(perf_counter() - start)
    if request.probe is not None and request.probe.certainty:
        said = await probes.certain(engine, request, said, reader.pieces())
    return said, usage
