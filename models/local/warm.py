"""Lets requests that start together and begin alike have their beginning read once, not once in each slot.

Each slot of llama.cpp keeps what it read for itself. A fan-out over four slots would read a shared question
four times, side by side; here it is read once and copied, which takes milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rebut.records import Usage

from ..prefixes import LETTERS, shared
from .copying import Spread

if TYPE_CHECKING:
    from .engine import Engine

_LOG = logging.getLogger("rebut.models")

WORTH = 64
"""Tokens that a warm-up must save, by estimate: less than that costs no more than the copying."""

_PASSES = 2  # of the event loop without a newcomer, until the requests that start together are taken as all
_FAILURES = 3  # warm-ups that did not help, until none is made any more


class Credit:
    """What a warm-up cost and who bears it: the first request of the group that is done."""

    def __init__(self, spread: Spread, judge: Callable[[bool], None]) -> None:
        self._spread, self._judge = spread, judge
        self._owed = spread.computed

    def settle(self, usage: Usage) -> Usage:
        """The usage of a request, with the tokens that were computed for it beforehand."""
        owed, self._owed = self._owed, 0
        if not owed:
            return usage
        self._judge(usage.cached * 2 >= self._spread.tokens)
        found = min(owed, usage.cached)
        more = {"cached": usage.cached - found, "prompt": usage.prompt + owed - found}
        return usage.model_copy(update=more)


@dataclass(slots=True, eq=False)
class _Member:
    """A request that waits to be let go."""

    text: str
    body: Mapping[str, Any]
    turn: asyncio.Future[Credit | None]


@dataclass(slots=True)
class _Group:
    """Requests that begin alike."""

    common: str
    members: list[_Member]

    def kinship(self, text: str) -> int:
        """Characters that the text has in common with all members; 0 when it would leave them too little."""
        there = shared(self.common, text)
        enough = there >= WORTH * LETTERS and (len(self.members) == 1 or there * 2 >= len(self.common))
        return there if enough else 0


@dataclass(slots=True, eq=False)
class _Batch:
    """Requests that start in the same moment; `task` is the warm-up that some of them wait for."""

    members: list[_Member] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Warm:
    """The one place of an engine that its requests pass before they start; for any number of event loops."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[asyncio.AbstractEventLoop, _Batch] = {}
        self._failed = 0

    async def enter(self, text: str, body: Mapping[str, Any], patience: float = 0.0) -> Credit | None:
        """Wait for requests that start in the same moment, and for a warm-up where one pays.

        A request that starts alone goes on after two turns of the loop.

        Args:
            text: the prompt, as `prefixes.text_of` writes it.
            patience: seconds to wait for others, instead.
        """
        if self._failed >= _FAILURES or self._engine.options.slots < 2:
            return None
        loop = asyncio.get_running_loop()
        batch = self._open.get(loop)
        if batch is None:
            batch = self._open[loop] = _Batch()
            loop.call_later(patience, self._watch, loop, batch, 0, 0)
        member = _Member(text, body, loop.create_future())
        batch.members.append(member)
        try:
            return await member.turn
        finally:
            batch.members.remove(member)
            if not batch.members and batch.task is not None:
                batch.task.cancel()

    def _watch(self, loop: asyncio.AbstractEventLoop, batch: _Batch, seen: int, passes: int) -> None:
        """Look once a turn of the loop whether there are newcomers; when there are none, let all go."""
        now = len(batch.members)
        passes = passes + 1 if now <= seen else 0
        if now > seen or (now > 1 and passes < _PASSES):
            loop.call_soon(self._watch, loop, batch, now, passes)
            return
        del self._open[loop]
        groups = [group for group in _groups(batch.members) if self._pays(group)]
        waiting = {id(member) for group in groups for member in group.members}
        for member in batch.members:
            if id(member) not in waiting:
                _let_go(member, None)
        if groups:
            batch.task = loop.create_task(self._warm(groups))

    def _pays(self, group: _Group) -> bool:
        takers = min(len(group.members), self._engine.gate.free)
        if takers < 2:
            return False
        lacking = self._engine.held.lacking(group.common, takers)
        return sum(lacking) - min(lacking) >= WORTH * LETTERS

    async def _warm(self, groups: Sequence[_Group]) -> None:
        kept: list[int] = []
        try:
            for group in groups:
                credit = await self._spread(group, kept)
                for member in group.members:
                    _let_go(member, credit)
        finally:
            for member in (member for group in groups for member in group.members):
                _let_go(member, None)

    async def _spread(self, group: _Group, kept: list[int]) -> Credit | None:
        """One warm-up. Whatever goes wrong, the requests themselves will tell: here it only is of no help."""
        bodies = [member.body for member in group.members if not member.turn.done()]
        try:
            spread = await self._engine.spread(bodies, group.common, kept)
        except Exception as bad:
            _LOG.debug("no warm-up: %s", bad)
            self._judge(False)
            return None
        if spread is None:
            return None
        kept += spread.slots
        return Credit(spread, self._judge)

    def _judge(self, well: bool) -> None:
        """Some models cannot go back to the end of a shared beginning: with them a warm-up is of no use."""
        self._failed = 0 if well else self._failed + 1


def _groups(members: Sequence[_Member]) -> list[_Group]:
    """The requests by their beginnings, each in the group that it has most in common with."""
    groups: list[_Group] = []
    for member in members:
        best = max(groups, key=lambda group: group.kinship(member.text), default=None)
        there = best.kinship(member.text) if best is not None else 0
        if best is not None and there:
            best.common = best.common[:there]
            best.members.append(member)
        else:
            groups.append(_Group(member.text, [member]))
    return [group for group in groups if len(group.members) > 1]


def _let_go(member: _Member, credit: Credit | None) -> None:
    if not member.turn.done():
        member.turn.set_result(credit)
