"""One loaded model, and the thread that works with it: a request at a time."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from ..local.gate import Gate
from .loading import Loaded, load
from .options import Options
from .reading import Reader, Stopped
from .schemas import Schemas

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What the thread works with."""

    loaded: Loaded
    reader: Reader
    schemas: Schemas


class Engine:
    """One model. `run` may be called from any number of tasks and loops; they are served in turn."""

    def __init__(self, name: str, options: Options) -> None:
        self.name, self.options = name, options
        self.gate = Gate(1)
        self._desk: Desk | None = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load the model unless it is; blocks for seconds.

        Raises:
            ModelUnavailable: it is not to be had.
        """
        with self._loading:
            if self._desk is None:
                loaded = load(self.name, self.options)
                self._desk = Desk(loaded, Reader(loaded), Schemas(loaded))

    def close(self) -> None:
        """Let go of the model and give its memory back."""
        with self._loading:
            had, self._desk = self._desk is not None, None
        if had:
            gc.collect()
            torch = import_module("torch")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    async def run(self, work: Callable[[Desk, Callable[[], bool]], T]) -> T:
        """Do the work on a thread of its own.

        `work` is given the desk and a function that says whether to stop; it raises `Stopped` then. A task
        that is cancelled leaves at once, and the next is served when the thread has seen it.

        Raises:
            Exception: what `work` raised.
        """
        await self.gate.acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        stop = threading.Event()

        def stopped() -> bool:
            return stop.is_set() or not threading.main_thread().is_alive()

        def thread() -> None:
            try:
                result, failure = self._work(work, stopped)
            finally:
                self.gate.release()
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, done, result, failure)

        try:
            threading.Thread(target=thread, name="rebut-transformers").start()
        except BaseException:
            self.gate.release()
            raise
        try:
            return await done
        finally:
            stop.set()

    def _work(self, work: Callable[[Desk, Callable[[], bool]], Any], stopped: Callable[[], bool]) -> Any:
        desk = self._desk
        if desk is None:
            return None, RuntimeError("the model was closed")
        try:
            with import_module("torch").inference_mode():
                return work(desk, stopped), None
        except Exception as failure:
            if not isinstance(failure, Stopped):
                desk.reader.forget()  # also frees what it holds, where memory ran out
            return None, failure.with_traceback(None)


def _settle(done: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if done.done():
        return
    if failure is not None:
        done.set_exception(failure)
    else:
        done.set_result(result)
