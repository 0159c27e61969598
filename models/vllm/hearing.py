"""Pieces of text from the engine's thread to who listens on the caller's loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..wire import Sink


class Hearing:
    """Passes pieces on in order, until it is closed: nobody hears of a call that was given up."""

    def __init__(self, sink: Sink) -> None:
        """
        Args:
            sink: is called on the loop that is running now.
        """
        self._sink, self._loop = sink, asyncio.get_running_loop()
        self._open = True

    def __call__(self, index: int, text: str) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            self._loop.call_soon_threadsafe(self._pass_on, index, text)

    def close(self) -> None:
        """On the caller's loop."""
        self._open = False

    def _pass_on(self, index: int, text: str) -> None:
        if self._open:
            self._sink(index, text)
