"""Leader first: of requests that start together and begin alike, one goes ahead to fill the server's cache.

A provider that caches prompts can give a request only what an earlier one has read. Requests that start in
the same moment would all pay the whole price; here the others follow once the first is being answered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from rebut.errors import ModelError

from .prefixes import LETTERS, beginning, shared, text_of
from .wire import Backend, Capabilities, Request, Response, Sink

SHARED: ContextVar[int] = ContextVar("rebut_shared", default=0)
"""Characters (of `prefixes.text_of`) that the request of this task has in common with others: for back ends
that must say where their cached part ends."""

PATIENCE = 2.0
"""Seconds that followers wait at most; a server that does not stream shows no first word."""

_KEPT = 240.0  # seconds that a provider keeps a prefix at least
_GROUPS = 64
_ENOUGH = 0.8  # of what a request shares with others: when so much was read before, nobody needs to lead


@dataclass(slots=True, eq=False)
class _Wave:
    """Requests that start in the same turn of the loop; the first leads."""

    until: float
    texts: list[str] = field(default_factory=list)
    read: asyncio.Event = field(default_factory=asyncio.Event)
    common: str | None = None


@dataclass(slots=True, eq=False)
class _Group:
    """Requests that begin alike: who starts now, and what was sent last."""

    now: _Wave | None = None
    last: _Wave | None = None
    mark: int = 0


class Leading:
    """A back end whose fan-outs send their first request ahead; in all else the back end itself."""

    def __init__(self, backend: Backend, least: int, patience: float = PATIENCE) -> None:
        """
        Args:
            least: tokens from which the provider caches a beginning.
            patience: seconds that followers wait at most.
        """
        self._backend, self._least, self._patience = backend, least * LETTERS, patience
        self._groups: OrderedDict[tuple[str, str], _Group] = OrderedDict()

    def capabilities(self, model: str) -> Capabilities:
        """Those of the back end."""
        return self._backend.capabilities(model)

    def price(self, model: str) -> tuple[float, float] | None:
        """That of the back end."""
        return self._backend.price(model)

    async def close(self) -> None:
        """Close the back end."""
        await self._backend.close()

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Ask, behind a request that begins alike and started in the same moment.

        Raises:
            ModelError: what the back end raises. A leader that fails holds nobody up.
        """
        text = text_of(request.messages)
        if len(text) < self._least:
            return await self._backend.complete(request, sink)
        group = self._group(request.model, text[: self._least])
        wave = group.now
        leads = wave is None
        if wave is None:
            wave = group.now = _Wave(asyncio.get_running_loop().time() + self._patience)
        wave.texts.append(text)
        try:
            try:
                await asyncio.sleep(0)  # all that start in this turn are then known
            finally:
                group.now = None if group.now is wave else group.now
            return await self._in_turn(request, sink, group, wave, leads)
        finally:
            if leads:
                wave.read.set()

    async def _in_turn(
        self, request: Request, sink: Sink | None, group: _Group, wave: _Wave, leads: bool
    ) -> Response:
        if wave.common is None:
            wave.common = beginning(wave.texts)
        before = group.last if leads else wave
        known = _known(before, wave.common) if leads else len(wave.common)
        with _marked(self._mark(group, max(known, len(wave.common) if len(wave.texts) > 1 else 0))):
            if before is not None and known >= _ENOUGH * len(wave.common):
                await _read(before)
                wave.read.set()
            if not leads:
                return await self._backend.complete(request, sink)
            return await self._lead(request, sink, group, wave)

    async def _lead(self, request: Request, sink: Sink | None, group: _Group, wave: _Wave) -> Response:
        group.last = wave

        def hear(index: int, text: str) -> None:
            wave.read.set()
            if sink is not None:
                sink(index, text)

        try:
            return await self._backend.complete(request, None if sink is None else hear)
        except ModelError:
            if group.last is wave:
                group.last = None  # nothing was read
            raise

    def _group(self, model: str, head: str) -> _Group:
        group = self._groups.get((model, head))
        if group is None:
            group = self._groups[model, head] = _Group()
            if len(self._groups) > _GROUPS:
                self._groups.popitem(last=False)
        else:
            self._groups.move_to_end((model, head))
        return group

    def _mark(self, group: _Group, there: int) -> int:
        """Where the shared part ends; where it ended before, as long as that is most of it."""
        if there < self._least:
            return 0
        if not _ENOUGH * there <= group.mark <= there:
            group.mark = there
        return group.mark


def led(backend: Backend, capabilities: Capabilities) -> Backend:
    """The back end, with leaders before its fan-outs where its prices make that pay."""
    return Leading(backend, capabilities.prefix_least) if capabilities.prefix_least else backend


def _known(wave: _Wave | None, text: str) -> int:
    """Characters of the text that an earlier wave has sent, as long as its provider keeps them."""
    if wave is None or asyncio.get_running_loop().time() > wave.until + _KEPT:
        return 0
    return shared(wave.texts[0], text)


async def _read(wave: _Wave) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(wave.until):
            await wave.read.wait()


@contextmanager
def _marked(there: int) -> Generator[None]:
    token = SHARED.set(there)
    try:
        yield
    finally:
        SHARED.reset(token)
