"""llama.cpp in this process: one engine for each model file, decoding several conversations at once."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from rebut.errors import ModelUnavailable

from ..prefixes import text_of
from ..wire import Message
from .copying import Slots, Spread
from .gate import Gate
from .gguf import trained_context
from .held import Held
from .options import Options, usable_cores
from .warm import Warm

Chunk = Mapping[str, Any]
T = TypeVar("T")

_BATCH = 128  # prompt tokens between two chances to stop; a second or two on a small machine
_PROMPT_CACHE_MIB = 512


class Engine:
    """One loaded model file. `handle` may be called from any number of threads and loops."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.options = path, options
        self.gate = Gate(options.slots)
        self.held = Held(options.slots)
        self.warm = Warm(self)
        self.users = 0
        self._server: Any = None
        self._slots: Slots | None = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load the weights unless they are; blocks for a second or several.

        Raises:
            ModelUnavailable: xllamacpp is not installed, or llama.cpp does not take the file.
        """
        with self._loading:
            if self._server is None:
                self._server, self._slots = _opened(self.path, self.options)

    def close(self) -> None:
        """Free the model; blocks until the decoder has stopped."""
        with self._loading:
            slots, self._server, self._slots = self._slots, None, None
            if slots is not None:
                slots.close()

    async def stream(self, body: dict[str, Any], n: int, take: Callable[[Chunk], None]) -> None:
        """Decode a request on a thread of its own; `take` is called there with each chunk.

        A task that is cancelled leaves at once; its slots come free with the next token, or the next part of
        the prompt. When the interpreter ends, decoding ends too.

        Raises:
            ValueError, TypeError, RuntimeError: the engine refuses the request.
            Exception: what `take` raised.
        """
        await self.gate.acquire(n)
        entry = self.held.take(text_of(Message(**m) for m in body["messages"]), n)

        def work(stop: threading.Event) -> None:
            try:
                _decode(self._server, body, take, stop)
            finally:
                self.held.give(entry)

        await self._on_thread(work, n)

    async def look(self, text: str, work: Callable[[Any, Slots, threading.Event], T]) -> T:
        """Do blocking work with the server and its local paths, in the place of one conversation.

        Args:
            text: the prompt that it is about, as `prefixes.text_of` writes it.

        Raises:
            Exception: what `work` raised; it is to end soon after the event is set.
        """
        await self.gate.acquire()
        entry, slots = self.held.take(text, 1), self._slots

        def looking(stop: threading.Event) -> T:
            try:
                if slots is None:
                    raise RuntimeError("the engine was closed")
                return work(self._server, slots, stop)
            finally:
                self.held.give(entry)

        return await self._on_thread(looking, 1)

    async def spread(self, bodies: Sequence[Chunk], common: str, kept: Sequence[int]) -> Spread | None:
        """Have the common beginning of some requests read once, into a slot for each while slots are free.

        All other requests wait meanwhile. None when there is nothing to gain, or no room for the copies.

        Args:
            common: that beginning, as `prefixes.text_of` writes it; `kept` are slots to leave alone.

        Raises:
            RuntimeError, OSError, http.client.HTTPException: it failed.
        """
        slots, free = self._slots, self.gate.take_free()
        places = min(free, len(bodies))
        if slots is None or places < 2:
            self.gate.release(free)
            return None

        def work(stop: threading.Event) -> Spread | None:
            done = slots.spread(bodies, places, kept, stop)
            if done is not None:
                self.held.spread(common, len(done.slots))
            return done

        return await self._on_thread(work, free)

    async def _on_thread(self, work: Callable[[threading.Event], T], places: int) -> T:
        """Do blocking work on a thread of its own; its places are given back when it ends, not its task."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        stop = threading.Event()

        def run() -> None:
            result: T | None = None
            failure: Exception | None = None
            try:
                result = work(stop)
            except Exception as bad:
                failure = bad
            self.gate.release(places)
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, done, result, failure)

        try:
            threading.Thread(target=run, name=f"rebut-{self.path.stem}").start()
        except BaseException:
            self.gate.release(places)
            raise
        try:
            return await done
        finally:
            stop.set()


def _decode(server: Any, body: dict[str, Any], take: Callable[[Chunk], None], stop: threading.Event) -> None:
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

    server.handle_chat_completions(body, on_chunk)
    if failures:
        raise failures[0]


def _settle(done: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if done.done():
        return
    if failure is not None:
        done.set_exception(failure)
    else:
        done.set_result(result)


def _opened(path: Path, options: Options) -> tuple[Any, Slots]:
    """The server and what moves the contents of its slots about, through a folder of nobody else's."""
    key, folder = secrets.token_urlsafe(32), mkdtemp(prefix="rebut-")
    try:
        server = _serve(path, options, key, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server, Slots(server, key, Path(folder))


def _serve(path: Path, options: Options, key: str, folder: str) -> Any:
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
    params.slot_save_path = folder + os.sep
    _shut_in(params, key)
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


def _shut_in(params: Any, key: str) -> None:
    """llama.cpp's server opens a port whether it is wanted or not: nobody else gets the key."""
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.cors_origins = "null"
    params.ui = False
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
