"""The back end `transformers/<hub id or folder>`: open to every probe, one request at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from time import perf_counter

from rebut.errors import ModelTimeout
from rebut.records import Usage
from rebut.settings import Settings

from ..wire import Capabilities, Completion, Request, Response, Sink
from . import sampling
from .engine import Desk, Engine
from .failures import failed, refused
from .options import Options, split
from .probes import inside
from .prompt import tokens_of
from .schemas import can_constrain
from .text import Text
from .writing import Reply, Tell, Writer

Stop = Callable[[], bool]


class TransformersBackend:
    """Serves every `transformers/<id>[?ctx=8192&dtype=auto&device=auto&batch=16]` in this process.

    Nothing is imported or loaded before the first call.
    """

    def __init__(self, options: Options | None = None) -> None:
        """
        Args:
            options: for models that do not state their own.
        """
        self._options = options or Options()
        self._engines: dict[str, Engine] = {}
        self._opening = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> TransformersBackend:
        """The back end; it has no settings."""
        return cls()

    def capabilities(self, model: str) -> Capabilities:
        """Everything but rewards, a schema where xgrammar is installed; one call at a time.

        Raises:
            SettingsError: an option in the model string is wrong.
        """
        split(model, self._options)
        return Capabilities(
            n=True,
            schema=can_constrain(),
            logprobs=True,
            seed=True,
            prefill=True,
            stream=True,
            certainty=True,
            labels=True,
            layers=True,
            prefix_cache=True,
            concurrency=1,
        )

    def price(self, model: str) -> tuple[float, float] | None:
        """Nothing."""
        return (0.0, 0.0)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Write the completions; `request.timeout` counts from when the model is loaded.

        Raises:
            ModelUnavailable: no such model, no torch or transformers, or it failed.
            ModelRefused: too long for the context, or what the model or the back end cannot take.
            ModelTimeout: not done within `request.timeout`.
            SettingsError: an option in the model string is wrong.
        """
        _check(request)
        engine = await self._engine(request.model)
        start = perf_counter()
        try:
            async with asyncio.timeout(request.timeout):
                completions, usage = await _completions(engine, request, sink)
        except TimeoutError:
            raise ModelTimeout(f"not done within {request.timeout:g} s", model=request.model) from None
        except (MemoryError, RuntimeError, ValueError, TypeError, LookupError) as bad:
            raise failed(bad, request.model) from None
        seconds = perf_counter() - start
        return Response(completions=completions, usage=usage, model=request.model, seconds=seconds)

    async def close(self) -> None:
        """Let go of the models and of their memory."""
        engines, self._engines = self._engines, {}
        for engine in engines.values():
            await asyncio.to_thread(engine.close)

    async def _engine(self, model: str) -> Engine:
        if engine := self._engines.get(model):
            return engine
        return await asyncio.to_thread(self._open, model)

    def _open(self, model: str) -> Engine:
        """Load the model, once for all calls that wait; blocks."""
        with self._opening:
            if model not in self._engines:
                engine = Engine(*split(model, self._options))
                engine.load()
                self._engines[model] = engine
            return self._engines[model]


def _check(request: Request) -> None:
    probe = request.probe
    if probe is not None and (probe.reward or probe.steps):
        raise refused(f"{request.model} writes text; it is no reward model", request.model)
    if probe is not None and probe.layers and not probe.labels:
        raise refused("a probe into the layers needs labels", request.model)
    if request.schema is not None and not can_constrain():
        raise refused(
            f"{request.model} cannot be held to a schema; run: uv pip install xgrammar", request.model
        )


async def _completions(
    engine: Engine, request: Request, sink: Sink | None
) -> tuple[tuple[Completion, ...], Usage]:
    loop = asyncio.get_running_loop()
    listening = sink is not None

    def tell(index: int, piece: str) -> None:
        if listening:
            loop.call_soon_threadsafe(hear, index, piece)

    def hear(index: int, piece: str) -> None:
        if listening and sink is not None:
            sink(index, piece)

    try:
        return await engine.run(lambda desk, stopped: _work(desk, request, engine.options, tell, stopped))
    finally:
        listening = False


def _work(
    desk: Desk, request: Request, options: Options, tell: Tell, stopped: Stop
) -> tuple[tuple[Completion, ...], Usage]:
    """What the thread does for a request: read, probe, write."""
    start = perf_counter()
    taste = sampling.taste_of(request, desk.loaded.net.generation_config)
    ids = tokens_of(desk.loaded.tokenizer, request, desk.loaded.ctx)
    replies = [_reply(desk, request, ids, index) for index in range(request.n)]
    layers = request.probe is not None and request.probe.layers
    read = desk.reader.read(ids, hidden=layers, stopped=stopped)
    found = inside(desk.loaded, desk.reader, request, read, stopped)
    writer = Writer(desk.loaded, desk.reader, request, taste, stopped)
    for first in range(0, request.n, options.batch):
        writer.write(read, replies[first : first + options.batch], tell)
    usage = _usage(replies, len(ids), read.cached, perf_counter() - start)
    return tuple(reply.completion(request, found) for reply in replies), usage


def _reply(desk: Desk, request: Request, ids: Sequence[int], index: int) -> Reply:
    return Reply(
        index=index,
        text=Text(desk.loaded.decode, ids, request.stop),
        chance=sampling.generator(request.seed, index),
        keeper=None if request.schema is None else desk.schemas.keeper(request.schema, request.model),
    )


def _usage(replies: Sequence[Reply], prompt: int, cached: int, seconds: float) -> Usage:
    return Usage(
        calls=len(replies),
        requests=1,
        prompt=prompt,
        cached=cached,
        completion=sum(reply.written for reply in replies),
        usd=0.0,
        seconds=seconds,
    )
