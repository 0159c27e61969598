"""The back end `vllm-server/<hf id or folder>`: a `vllm serve` that rebut starts, shares and ends."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from rebut.errors import ModelError, ModelTimeout, ModelUnavailable
from rebut.settings import Settings

from ..hosted.direct import DirectLane
from ..hosted.endpoints import Endpoint
from ..hosted.target import Target
from ..hosted.transport import Transport
from ..prices import Price
from ..wire import Capabilities, Request, Response, Sink
from . import failures
from .arguments import adapter_rank, engine_arguments, folder_or_id, for_processors
from .backend import capabilities_of
from .house import NAME, House, Progress, Server, move_in, move_out
from .options import SERVER, Options, split
from .remote import Remote
from .reply import repeated
from .rewards import rewards_of

_LOG = logging.getLogger("rebut.models")
_ADAPTER = "adapter"
_ENDPOINT = Endpoint(keyless=True, prefill=True, names_chosen=True, most_alternatives=sys.maxsize)
_FREE = Price(0.0, 0.0, 0.0)


class VllmServerBackend:
    """Serves every `vllm-server/<hf id or folder>[?ctx=8192&tensor=2&port=8000&keep=1]`.

    A server listens on loopback alone, behind a key. One that was started with the same options is used
    again, also one of another process; it ends with its last user, or stays (`keep=1`).
    """

    def __init__(self, home: Path | None = None, progress: Progress | None = None) -> None:
        """
        Args:
            home: the folder for states and logs; None for the one of the settings.
            progress: is told (from another thread) what a server says while it starts; None for the log.
        """
        self._home, self._progress = home, progress or _LOG.info
        self._using: dict[str, House] = {}
        self._transport = Transport()

    @classmethod
    def from_settings(cls, settings: Settings) -> VllmServerBackend:
        """The back end with the home of the settings."""
        return cls(home=settings.folder())

    def capabilities(self, model: str) -> Capabilities:
        """As in process, without a look inside.

        Raises:
            SettingsError: an option in the model string is wrong.
        """
        name, options = split(model, SERVER)
        return replace(capabilities_of(name, options), certainty=False, labels=False)

    def price(self, model: str) -> tuple[float, float] | None:
        """Nothing."""
        return (0.0, 0.0)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Ask the server, which is started if it must be; `request.timeout` counts from when it runs.

        Raises:
            ModelUnavailable: no such model, no vLLM, or the server does not start or died.
            ModelError: by status, connection and content.
            SettingsError: an option in the model string is wrong.
        """
        options = split(request.model, SERVER)[1]
        house = self._house(request.model)
        server = house.server if house.alive else None
        if server is None and find_spec("vllm") is None:
            raise failures.not_installed(request.model)
        if server is None:
            server = await asyncio.to_thread(house.open, self._progress)
        request = replace(request, max_tokens=options.cap(request.max_tokens))
        try:
            async with asyncio.timeout(request.timeout):
                return await self._ask(server, options, request, sink)
        except TimeoutError:
            raise ModelTimeout(f"not done within {request.timeout:g} s", model=request.model) from None
        except ModelError as error:
            raise await _of_server(error, house) from None

    async def close(self) -> None:
        """Leave the servers; who has no other user ends."""
        await self._transport.close()
        using, self._using = self._using, {}
        for house in using.values():
            await asyncio.to_thread(move_out, house)

    def _house(self, model: str) -> House:
        house = self._using.get(model)
        if house is None:
            name, options = split(model, SERVER)
            folder = (self._home or Settings().folder()) / "vllm" / "servers"
            command = command_of(folder_or_id(name), options)
            house = move_in(folder, model, command, options.port, options.keep)
            self._using[model] = house
        return house

    async def _ask(self, server: Server, options: Options, request: Request, sink: Sink | None) -> Response:
        probe = request.probe
        if options.pools or (probe is not None and probe.reward):
            start = perf_counter()
            remote = Remote(server, self._transport, request.model)
            completions, usage = await rewards_of(remote, options, request)
            seconds = perf_counter() - start
            usage = usage.model_copy(update={"seconds": seconds})
            return Response(completions=completions, usage=usage, model=request.model, seconds=seconds)
        if probe is not None and (probe.certainty or probe.labels or probe.layers):
            raise failures.refused("a look inside (ask vllm/ in place of vllm-server/)", request.model)
        return await self._written(server, options, request, sink)

    async def _written(
        self, server: Server, options: Options, request: Request, sink: Sink | None
    ) -> Response:
        lane = DirectLane(_target(server, options, request.model), _FREE, self._transport)
        copies = request.n if request.temperature == 0 else 1
        if copies == 1:
            return await lane.complete(request, sink)

        def hear(index: int, text: str) -> None:
            for copy in range(copies):
                if sink is not None:
                    sink(copy, text)

        # vLLM refuses to draw several times where each would be the same.
        response = await lane.complete(replace(request, n=1), hear if sink is not None else None)
        return replace(
            response,
            completions=repeated(response.completions, copies),
            usage=response.usage.model_copy(update={"calls": copies}),
        )


def command_of(weights: str, options: Options) -> list[str]:
    """The command line of the server, without its port (which differs from start to start)."""
    rank = adapter_rank(options.lora) if options.lora else 0
    lasting = replace(options.of_engine(), sleep=None)
    engine = engine_arguments(weights, lasting, rank, processor=for_processors())
    engine.pop("model")
    extra: dict[str, Any] = {
        "host": "127.0.0.1",
        "served_model_name": NAME,
        "enable_prompt_tokens_details": True,
        "disable_uvicorn_access_log": True,
        "uvicorn_log_level": "warning",
    }
    command = [sys.executable, "-m", *_program(weights), *flags({**engine, **extra})]
    if options.lora:
        command += ["--lora-modules", f"{_ADAPTER}={Path(options.lora).expanduser().resolve()}"]
    return command


def _program(weights: str) -> list[str]:
    """`vllm serve`; builds of another name, such as vLLM's for processors, cannot be asked for it."""
    try:
        version("vllm")
    except PackageNotFoundError:
        return ["vllm.entrypoints.openai.api_server", "--model", weights]
    return ["vllm.entrypoints.cli.main", "serve", weights]


def flags(arguments: Mapping[str, Any]) -> list[str]:
    """Arguments by the names of their fields, as flags.

    >>> flags({"max_model_len": 512, "enforce_eager": True, "enable_lora": False})
    ['--max-model-len', '512', '--enforce-eager', '--no-enable-lora']
    """
    line: list[str] = []
    for name, value in arguments.items():
        line.append("--" + name.replace("_", "-"))
        if value is False:
            line[-1] = "--no-" + line[-1].removeprefix("--")
        elif value is not True:
            line.append(json.dumps(value) if isinstance(value, dict) else str(value))
    return line


def _target(server: Server, options: Options, model: str) -> Target:
    return Target(
        model=model,
        provider="vllm-server",
        name=_ADAPTER if options.lora else NAME,
        url=f"http://127.0.0.1:{server.port}/v1/chat/completions",
        key=server.key,
        endpoint=_ENDPOINT,
    )


async def _of_server(error: ModelError, house: House) -> ModelError:
    """The error of a call, in the light of whether the server still runs."""
    if error.status is not None and error.status < 500:
        return error
    for _ in range(20):  # it may be about to end
        if not house.alive:
            return failures.died(error.model, house.log)
        if not isinstance(error, ModelUnavailable):
            break
        await asyncio.sleep(0.1)
    return error
