"""vLLM in this process: one engine for each model and set of options, shared by all who ask for it."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from rebut.errors import RebutError

from .arguments import adapter_rank, engine_arguments, for_processors
from .failures import not_installed, not_started, of_call
from .guard import Guard, children
from .naps import Naps
from .options import Options
from .quiet import environment, log_of, muted, nameless_main, surroundings
from .thoughts import check
from .thread import LoopThread

T = TypeVar("T")

_starting = threading.Lock()  # one at a time: a start measures what memory is free
_SHUTDOWN = 20.0


class Engine:
    """One running model. Its methods may be called from any number of threads and loops.

    Attributes:
        weights: a folder, or the id of a repository.
        log: what the engine's processes have to say; only failures leave it behind.
    """

    def __init__(self, weights: str, options: Options, folder: Path) -> None:
        self.weights, self.options = weights, options
        self.log, self._folder = log_of(folder, weights), folder
        self.users = 0
        self.rank = 0
        self._numbers = count(1)
        self._adapters: dict[str, int] = {}
        self._loading = threading.Lock()
        self._llm: Any = None
        self._home: LoopThread | None = None
        self._guard: Guard | None = None
        self._naps: Naps | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as is known."""
        llm = self._llm
        return llm is not None and not llm.errored

    @property
    def pids(self) -> list[int]:
        """The processes of the engine."""
        return self._guard.pids if self._guard else []

    @property
    def unfinished(self) -> int:
        """Sequences that are waited for."""
        return 0 if self._llm is None else int(self._llm.output_processor.get_num_unfinished_requests())

    @property
    def ctx(self) -> int:
        """Tokens that a prompt and its reply may have together."""
        return int(self._llm.model_config.max_model_len)

    @property
    def tokenizer(self) -> Any:
        """Of the model; to be used on the engine's own thread (see `run`)."""
        return self._llm.get_tokenizer()

    @property
    def defaults(self) -> dict[str, Any]:
        """Sampling parameters that the model's makers recommend."""
        return dict(self._llm.model_config.get_diff_sampling_param())

    @property
    def config(self) -> Any:
        """vLLM's description of the model."""
        return self._llm.model_config

    def load(self) -> None:
        """Start the engine unless it runs; one that died is started anew. Blocks, maybe for minutes.

        Raises:
            ModelUnavailable: vLLM is not installed, or cannot run the model.
        """
        with self._loading:
            if not self.alive:
                if self._llm is not None:  # it died, and its log tells why
                    self.log.with_suffix(".json").unlink(missing_ok=True)
                    self.log = log_of(self._folder, self.weights)
                self._stop()
                self._start()

    def close(self) -> None:
        """End the engine and its processes; blocks until they are gone."""
        with self._loading:
            if self._llm is not None:
                self._stop()
                for left in (self.log, self.log.with_suffix(".json")):
                    left.unlink(missing_ok=True)

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something on the engine's thread, awake.

        Raises:
            ModelError: the engine refuses or fails.
        """
        home, naps = self._home, self._naps
        if home is None or naps is None:
            raise RuntimeError("the engine is not loaded")

        async def awake() -> T:
            async with naps:
                return await work()

        try:
            return await home.call(awake())
        except RebutError:
            raise
        except ExceptionGroup as several:
            raise of_call(_first(several), self.weights, self.log) from None
        except Exception as error:
            raise of_call(error, self.weights, self.log) from None

    async def outputs(self, prompt: list[int], params: Any, lora: str = "") -> AsyncIterator[Any]:
        """vLLM's outputs for a prompt, on the engine's thread; leaving it early aborts the request."""
        request = f"rebut-{next(self._numbers)}"
        steps = self._llm.generate(
            {"prompt_token_ids": prompt}, params, request, lora_request=self._adapter(lora)
        )
        async with aclosing(steps):
            async for output in steps:
                yield output

    async def pooled(self, prompt: list[int], params: Any) -> Any:
        """What a pooling model makes of a prompt, on the engine's thread."""
        request = f"rebut-{next(self._numbers)}"
        async with aclosing(self._llm.encode({"prompt_token_ids": prompt}, params, request)) as steps:
            result: Any = None
            async for output in steps:
                result = output
            return result

    async def tasks(self) -> tuple[str, ...]:
        """What the model can do, in vLLM's words; on the engine's thread."""
        return tuple(await self._llm.get_supported_tasks())

    def _adapter(self, folder: str) -> Any:
        if not folder:
            return None
        number = self._adapters.setdefault(folder, len(self._adapters) + 1)
        request = import_module("vllm.lora.request").LoRARequest
        return request(f"adapter-{number}", number, folder)

    def _start(self) -> None:
        if find_spec("vllm") is None:
            raise not_installed(self.weights)
        self._home = LoopThread(f"rebut-vllm-{self.weights[-20:]}")
        try:
            self._home.wait(self._build())
        except BaseException as error:
            self._stop()
            if isinstance(error, Exception) and not isinstance(error, RebutError):
                raise not_started(error, self.weights, self.log) from None
            raise

    async def _build(self) -> None:
        """Make the engine on its own thread, whose loop it then uses."""
        with _starting, environment(surroundings(self.log, os.environ)), muted(self.log), nameless_main():
            if self.options.reasoning:
                check(self.options.reasoning)
            before = children()
            try:
                arguments = engine_arguments(
                    self.weights, self.options, self.rank, processor=for_processors()
                )
                if schemas := arguments.get("structured_outputs_config"):
                    kind = import_module("vllm.config").StructuredOutputsConfig
                    arguments["structured_outputs_config"] = kind(**schemas)
                args = import_module("vllm.engine.arg_utils").AsyncEngineArgs(
                    **arguments, disable_log_stats=True, use_tqdm_on_load=False
                )
                self._llm = import_module("vllm.v1.engine.async_llm").AsyncLLM.from_engine_args(args)
            finally:
                self._guard = Guard(before)
            await self._llm.get_supported_tasks()
        self._naps = Naps(self._llm, self.options.sleep)

    def _stop(self) -> None:
        llm, self._llm = self._llm, None
        home, self._home = self._home, None
        guard, self._guard = self._guard, None
        self._naps = None
        self._adapters.clear()
        try:
            if llm is not None and home is not None:
                with suppress(Exception):
                    home.wait(_shutdown(llm), _SHUTDOWN)
        finally:
            if home is not None:
                home.close()
            if guard is not None:
                guard.end()


def _first(several: BaseExceptionGroup[Exception]) -> Exception:
    """One of the failures of tasks side by side; the others are its like, or follow from it."""
    error = several.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _shutdown(llm: Any) -> None:
    context = getattr(getattr(llm.engine_core, "resources", None), "ctx", None)
    llm.shutdown()
    await asyncio.sleep(0)  # what was waiting for it is told
    if context is not None:  # left to the garbage collector otherwise, which complains
        context.destroy(linger=0)


_engines: dict[tuple[str, Options], Engine] = {}
_lock = threading.Lock()


def borrow(weights: str, options: Options, folder: Path) -> Engine:
    """The process's one engine for these weights and options, running; give it back with `give_back`.

    Who needs no adapter is served by an engine that could hold some, where one runs.

    Raises:
        ModelUnavailable: vLLM is not installed, or cannot run the model.
        SettingsError: no LoRA adapter is where the options say.
    """
    rank = adapter_rank(options.lora) if options.lora else 0
    with _lock:
        engine = _find(weights, options.of_engine()) or Engine(weights, options.of_engine(), folder)
        _engines[engine.weights, engine.options] = engine
        engine.users += 1
        engine.rank = max(engine.rank, rank)
    try:
        engine.load()
    except BaseException:
        give_back(engine)
        raise
    return engine


def _find(weights: str, wanted: Options) -> Engine | None:
    for (name, options), engine in _engines.items():
        same = replace(options, adapters=wanted.adapters) == wanted
        if name == weights and same and options.adapters >= wanted.adapters:
            return engine
    return None


def give_back(engine: Engine) -> None:
    """End the engine when this was its last user; blocks."""
    with _lock:
        engine.users -= 1
        if engine.users > 0:
            return
        _engines.pop((engine.weights, engine.options), None)
    engine.close()


@atexit.register
def _close_all() -> None:
    for engine in list(_engines.values()):
        engine.close()
