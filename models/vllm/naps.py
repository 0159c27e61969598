"""An engine that gives its GPU memory back while nobody needs it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class Naps:
    """Counts who is at work on an engine; puts it to sleep after a while without, wakes it for the next.

    ``async with naps:`` holds it awake. All on the engine's own loop.
    """

    def __init__(self, llm: Any, after: float | None) -> None:
        """
        Args:
            llm: has vLLM's `sleep` and `wake_up`.
            after: seconds without work; None for an engine that never sleeps.
        """
        self._llm, self._after = llm, after
        self._working = 0
        self._turning = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._going: asyncio.Task[None] | None = None
        self.asleep = False

    async def __aenter__(self) -> None:
        self._working += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._after is None:
            return
        try:
            await self._wake()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._working -= 1
        if self._after is not None and not self._working:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._after, self._tire)

    def _tire(self) -> None:
        self._timer = None
        self._going = asyncio.get_running_loop().create_task(self._sleep())

    async def _sleep(self) -> None:
        async with self._turning:
            if not self._working and not self.asleep:
                self.asleep = True
                await self._llm.sleep(level=1)

    async def _wake(self) -> None:
        async with self._turning:
            if self.asleep:
                await self._llm.wake_up()
                self.asleep = False
