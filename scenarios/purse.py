"""The limits of all trials of a scenario together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from rebut.errors import InputError, WorkflowError
from rebut.records import Usage

from ..models.limits import Limits
from .trials import Entrant

BYTES_PER_TOKEN = 3.0
QUESTION = 100
"""Tokens of a question that plans count with."""


class Purse:
    """What all trials may use: a trial begins only where its worst case still fits.

    In calls that is a bound. In tokens and dollars it is what the plan reckons with, and what a longer
    question adds to each prompt; a contender that is seen to use more is held to need more from then on.

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
        self._own = {e.label: e.workflow.budget or Limits() for e in entrants}

    def pay(self, usage: Usage, entrant: Entrant | None = None) -> None:
        """Count what an earlier sitting used; where that knew no price, at today's price of the entrant."""
        self.spent = self.spent + _priced(usage, entrant)

    def hold(
        self, entrant: Entrant, before: Usage | None = None, inputs: Mapping[str, str] | None = None
    ) -> Usage | None:
        """Room for a trial; None, with the reason in `words`, where there is none left.

        `before` is what an earlier sitting paid of it: that is spent already. `inputs` are the item's.
        """
        if not self.limits.any:
            self._under_way += 1
            return Usage()
        worst = self._worst[entrant.label]
        worst = _within(self._own[entrant.label], worst + _read(entrant, worst.calls, inputs or {}))
        worst = _rest(worst, _priced(before or Usage(), entrant))
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

    async def room(
        self, entrant: Entrant, before: Usage | None = None, inputs: Mapping[str, str] | None = None
    ) -> Usage | None:
        """As `hold`; where there is no room, wait for those under way: they may use less than they could.

        Who comes first is served first: small trials do not pass a large one until nothing is left for it.
        """
        async with self._line:
            while (held := self.hold(entrant, before, inputs)) is None and self._under_way:
                await self._settled.wait()
            return held

    def settle(self, held: Usage, used: Usage, before: Usage, entrant: Entrant | None = None) -> None:
        """Put what a trial used in the place of what was held; `before` was paid in an earlier sitting.

        Where its price is not known, that is what was held.
        """
        self.held = _less(self.held, held)
        new = _rest(used, _priced(before, entrant))
        if used.usd is None:
            new = new.model_copy(update={"usd": held.usd})
        self.spent = self.spent + new
        if entrant is not None and entrant.label in self._worst:
            self._worst[entrant.label] = self._worst[entrant.label] + _beyond(new, held)
        self._under_way -= 1
        self._settled.set()
        self._settled = asyncio.Event()


def _read(entrant: Entrant, calls: int, inputs: Mapping[str, str]) -> Usage:
    """What the inputs of an item add to the plan's prompts, each of which may quote them."""
    size = sum(len(value.encode()) for value in inputs.values() if not value.startswith("data:"))
    tokens = calls * max(0, round(size / BYTES_PER_TOKEN) - QUESTION)
    prices = _prices(entrant) if tokens else []
    return Usage(prompt=tokens, usd=tokens * max((prompt for prompt, _ in prices), default=0.0))


def _within(own: Limits, worst: Usage) -> Usage:
    """What a run can use with limits of its own."""
    tokens = worst.tokens if own.tokens is None else min(own.tokens, worst.tokens)
    usd = worst.usd if own.usd is None else min(own.usd, worst.usd or 0.0)
    return Usage(calls=worst.calls, completion=tokens, usd=usd)


def _prices(entrant: Entrant) -> list[tuple[float, float]]:
    """Those that are known, of the entrant's models."""
    runtime = entrant.workflow.runtime
    known = [runtime.gateway.price(model) for model in set(entrant.models.values())] if runtime else []
    return [price for price in known if price is not None]


def _priced(usage: Usage, entrant: Entrant | None) -> Usage:
    """The usage with its price, at most, where it has none."""
    if usage.usd is not None:
        return usage
    prices = _prices(entrant) if entrant is not None else []
    each = (usage.prompt * prompt + usage.completion * completion for prompt, completion in prices)
    return usage.model_copy(update={"usd": max(each, default=0.0)})


def _beyond(used: Usage, held: Usage) -> Usage:
    """What was used of tokens and dollars that was not held."""
    usd = (used.usd or 0.0) - (held.usd or 0.0)
    return Usage(completion=max(0, used.tokens - held.tokens), usd=max(0.0, usd))


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
