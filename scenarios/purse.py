"""The limits of all trials of a scenario together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from rebut.errors import InputError, WorkflowError
from rebut.records import Usage

from ..models.limits import Limits
from .trials import Entrant


class Purse:
    """What all trials may use: a trial begins only where its worst case still fits.

    Attributes:
        spent: what finished trials used, those of earlier sittings too.
        held: the worst case of those under way.
        words: why there is no room for another.
    """

    def __init__(self, limits: Limits, entrants: Sequence[Entrant]) -> None:
        """
        Raises:
            InputError: a workflow's worst case is not known, or not in dollars where these are limited.
        """
        self.limits = limits
        self.spent, self.held, self.words = Usage(), Usage(), ""
        self._began = time.monotonic()
        self._under_way, self._settled = 0, asyncio.Event()
        self._line = asyncio.Lock()
        self._worst = {e.label: _worst(e, limits) for e in entrants} if limits.any else {}

    def pay(self, usage: Usage) -> None:
        """Count what an earlier sitting used."""
        self.spent = self.spent + usage

    def hold(self, entrant: Entrant, before: Usage | None = None) -> Usage | None:
        """Room for a trial; None, with the reason in `words`, where there is none left.

        `before` is what an earlier sitting paid of it: that is spent already.
        """
        if not self.limits.any:
            self._under_way += 1
            return Usage()
        worst = _rest(self._worst[entrant.label], before or Usage())
        after = self.spent + self.held + worst
        used = {"calls": after.calls, "tokens": after.tokens, "usd": after.usd or 0.0}
        for name, value in used.items():
            limit = getattr(self.limits, name)
            if limit is not None and value > limit:
                self.words = f"the total of {limit:g} {name} has no room for another run of {entrant.label}"
                return None
        if self.limits.seconds is not None and time.monotonic() - self._began >= self.limits.seconds:
            self.words = f"the total of {self.limits.seconds:g} seconds is over"
            return None
        self._under_way += 1
        self.held = self.held + worst
        return worst

    async def room(self, entrant: Entrant, before: Usage | None = None) -> Usage | None:
        """As `hold`; where there is no room, wait for those under way: they may use less than they could.

        Who comes first is served first: small trials do not pass a large one until nothing is left for it.
        """
        async with self._line:
            while (held := self.hold(entrant, before)) is None and self._under_way:
                await self._settled.wait()
            return held

    def settle(self, held: Usage, used: Usage, before: Usage) -> None:
        """Put what a trial used in the place of what was held; `before` was paid in an earlier sitting."""
        self.held = _less(self.held, held)
        self.spent = self.spent + _rest(used, before)
        self._under_way -= 1
        self._settled.set()
        self._settled = asyncio.Event()


def _rest(used: Usage, before: Usage) -> Usage:
    """What is used, or can be, beyond what was paid before: calls, tokens, dollars."""
    return Usage(
        calls=max(0, used.calls - before.calls),
        completion=max(0, used.tokens - before.tokens),
        usd=max(0.0, (used.usd or 0.0) - (before.usd or 0.0)),
    )


def _less(a: Usage, b: Usage) -> Usage:
    return Usage(
        calls=a.calls - b.calls,
        requests=a.requests - b.requests,
        prompt=a.prompt - b.prompt,
        completion=a.completion - b.completion,
        usd=(a.usd or 0.0) - (b.usd or 0.0),
    )


def _worst(entrant: Entrant, total: Limits) -> Usage:
    """What a run can use at most: its own limits, else the plan's bound."""
    own = entrant.workflow.budget or Limits()
    try:
        plan = entrant.workflow.plan()
    except WorkflowError as error:
        raise InputError(f"a total budget needs to know what a run can cost at most: {error}") from error
    usd = plan.usd if own.usd is None else own.usd if plan.usd is None else min(own.usd, plan.usd)
    if usd is None and total.usd is not None:
        raise InputError(f"the price of {entrant.label} is not known: a total in usd cannot be held to")
    calls = plan.calls if own.calls is None else min(own.calls, plan.calls)
    tokens = plan.tokens if own.tokens is None else min(own.tokens, plan.tokens)
    return Usage(calls=calls, completion=tokens, usd=usd or 0.0)
