"""llama.cpp in this process: one engine for each model file, decoding several conversations at once."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from rebut.errors import ModelUnavailable

from .gate import Gate
from .gguf import trained_context
from .options import Options, usable_cores

Chunk = Mapping[str, Any]

_BATCH = 128  # prompt tokens between two chances to stop; a second or two on a small machine
_PROMPT_CACHE_MIB = 512


class Engine:
    """One loaded model file. `handle` may be called from any number of threads and loops."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.options = path, options
        self.gate = Gate(options.slots)
        self.users = 0
        self._server: Any = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load the weights unless they are; blocks for a second or several.

        Raises:
            ModelUnavailable: xllamacpp is not installed, or llama.cpp does not take the file.
        """
        with self._loading:
            if self._server is None:
                self._server = _serve(self.path, self.options)

    def close(self) -> None:
        """Free the model; blocks until the decoder has stopped."""
        with self._loading:
            self._server = None

    async def stream(self, body: dict[str, Any], n: int, take: Callable[[Chunk], None]) -> None:
        """Decode a request on a thread of its own; `take` is called there with each chunk.

        A task that is cancelled leaves at once; its slots come free with the next token, or the next part of
        the prompt. When the interpreter ends, decoding ends too.

        Raises:
            ValueError, TypeError, RuntimeError: the engine refuses the request.
            Exception: what `take` raised.
        """
        await self.gate.acquire(n)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        stop = threading.Event()

        def work() -> None:
            failure = _decode(self._server, body, take, stop)
            self.gate.release(n)
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, done, failure)

        try:
            threading.Thread(target=work, name=f"rebut-{self.path.stem}").start()
        except BaseException:
            self.gate.release(n)
            raise
        try:
            await done
        finally:
            stop.set()


def _decode(
    server: Any, body: dict[str, Any], take: Callable[[Chunk], None], stop: threading.Event
) -> Exception | None:
    """Run the blocking call; the callback's answer is whether to stop."""
    failures: list[Exception] = []

    def on_chunk(chunk: Chunk) -> bool:
        if stop.is_set() or not threading.main_thread().is_alive():
            return True
        try:
            take(chunk)
        except Exception as failure:
            failures.append(failure)
        return bool(failures)

    try:
        server.handle_chat_completions(body, on_chunk)
    except Exception as failure:
        return failure
    return failures[0] if failures else None


def _settle(done: asyncio.Future[None], failure: Exception | None) -> None:
    if done.done():
        return
    if failure is not None:
        done.set_exception(failure)
    else:
        done.set_result(None)


def _serve(path: Path, options: Options) -> Any:
    trained = trained_context(path)
    xllamacpp = _llama(path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1  # nothing of llama.cpp's is printed
    params.n_parallel = options.slots
    # More than the model was trained for would be allocated, and then not be used.
    params.n_ctx = options.slots * min(options.ctx, trained or options.ctx)
    params.n_batch = _BATCH
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.cpuparams.n_threads = options.threads or usable_cores() or -1
    _shut_in(params)
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError):
        raise ModelUnavailable(
            f"llama.cpp cannot load {path}: damaged, too large for the memory, or of an unknown kind",
            model=f"local/{path}",
        ) from None


def _llama(path: Path) -> Any:
    """The bindings of llama.cpp, which have no types."""
    patient = "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ
    if not patient:
        # The decoder's threads spin while they wait for each other. Where the cores have other work too, that
        # costs up to nine tenths of the speed; a short spin costs nothing on idle cores. Read at the import.
        os.environ["GOMP_SPINCOUNT"] = "2000"
    try:
        return import_module("xllamacpp")
    except ImportError as missing:
        if missing.name != "xllamacpp":
            raise
        raise ModelUnavailable(
            "local models need llama.cpp; run: uv pip install 'rebut[local]'", model=f"local/{path}"
        ) from None
    finally:
        if not patient:
            del os.environ["GOMP_SPINCOUNT"]


def _shut_in(params: Any) -> None:
    """llama.cpp's server opens a port whether it is wanted or not: nobody gets the key."""
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.cors_origins = "null"
    params.ui = False
    params.endpoint_slots = False
    params.n_threads_http = 1


_engines: dict[tuple[Path, Options], Engine] = {}
_lock = threading.Lock()


def borrow(path: Path, options: Options) -> Engine:
    """The process's one engine for this file and these options, loaded; give it back with `give_back`.

    Raises:
        ModelUnavailable: llama.cpp is not installed, or does not take the file.
    """
    with _lock:
        engine = _engines.setdefault((path, options), Engine(path, options))
        engine.users += 1
    try:
        engine.load()
    except BaseException:
        give_back(engine)
        raise
    return engine


def give_back(engine: Engine) -> None:
    """Close the engine when this was its last user; blocks."""
    with _lock:
        engine.users -= 1
        if engine.users > 0:
            return
        _engines.pop((engine.path, engine.options), None)
    engine.close()


@atexit.register
def _close_all() -> None:
    for engine in list(_engines.values()):
        engine.close()
