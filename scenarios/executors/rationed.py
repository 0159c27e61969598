"""A worker's part of what may be in flight: its limiters follow what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ...models.limiter import Limiter
from .ration import Share, Want

EVERY = 0.25
"""Seconds between two reports."""

IN_PROCESS = ("local", "scripted", "transformers", "vllm", "vllm-server")
"""Prefixes of models that each worker runs itself: what is in flight in another does not concern them."""

Ask = Callable[[Mapping[str, Want]], Awaitable[Mapping[str, Share]]]
"""Says what is wanted of each model, and gets what is given."""


class Rationed:
    """The limiters of one worker, and the reports that keep them right."""

    def __init__(self, ask: Ask, every: float = EVERY) -> None:
        self._ask, self._every = ask, every
        self._most: dict[str, tuple[int, Limiter]] = {}
        self._new = asyncio.Event()

    def limiter(self, model: str, most: int) -> Limiter:
        """The limiter of a model; one that is shared admits nothing before the first report."""
        if model.partition("/")[0] in IN_PROCESS:
            return Limiter(most)
        limiter = Limiter(most)
        limiter.allow(0)
        self._most[model] = (most, limiter)
        self._new.set()
        return limiter

    async def keep(self) -> None:
        """Report until cancelled; where nobody hears, what was given last holds."""
        while True:
            self._new.clear()
            try:
                await self.report()
            except Exception:  # the one who shares out is being restarted: what was given holds
                await asyncio.sleep(self._every)
            try:
                async with asyncio.timeout(self._every):
                    await self._new.wait()
            except TimeoutError:
                pass

    async def report(self) -> None:
        """Say what is wanted, and take what is given."""
        if not self._most:
            return
        wants = {
            model: Want(most, limiter.maximum, limiter.active, limiter.waiting, limiter.pausing)
            for model, (most, limiter) in self._most.items()
        }
        for model, share in (await self._ask(wants)).items():
            limiter = self._most[model][1]
            limiter.allow(share.most)
            if share.pause > limiter.pausing:
                limiter.pause(share.pause)
