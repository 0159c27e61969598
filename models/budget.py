"""Budgets: limits on calls, tokens, money and time that are reserved before anything is sent, and nest."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from rebut.errors import BudgetSpent
from rebut.records import Usage

from .limits import UNLIMITED
from .limits import Limits as Limits

Clock = Callable[[], float]
_Number = TypeVar("_Number", int, float)

_CENT_DUST = 1e-9
"""Sums of floating-point money may pass a limit by this much."""


@dataclass(slots=True)
class Reservation:
    """A part of a budget, held for one request until it is settled or released (the first word counts)."""

    _chain: tuple[Budget, ...]
    calls: int
    tokens: int
    usd: float
    _open: bool = True

    def settle(self, usage: Usage) -> None:
        """Put what was used in the place of what was held; where its price is not known, that is kept."""
        if self._close():
            for budget in self._chain:
                budget._sum.add(usage)
                budget._paid += self.usd if usage.usd is None else usage.usd

    def release(self, *, wake: bool = True) -> None:
        """Give back what was held: nothing was used. With `wake` those who wait for room look again."""
        self._close(wake=wake)

    def _close(self, *, wake: bool = True) -> bool:
        if not self._open:
            return False
        self._open = False
        for budget in self._chain:
            budget._calls -= self.calls
            budget._tokens -= self.tokens
            budget._usd -= self.usd
        if wake and self._chain[-1]._waiting:
            self._chain[-1]._wake()
        return True


@dataclass(slots=True, eq=False)
class _Sum:
    """Usages added up, as plain numbers: a call adds to one in each budget that it falls under."""

    calls: int = 0
    requests: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0

    def add(self, usage: Usage) -> None:
        self.calls += usage.calls
        self.requests += usage.requests
        self.prompt += usage.prompt
        self.completion += usage.completion
        self.cached += usage.cached
        self.reasoning += usage.reasoning
        self.usd = None if self.usd is None or usage.usd is None else self.usd + usage.usd
        self.seconds += usage.seconds

    def usage(self) -> Usage:
        return Usage(**{name: getattr(self, name) for name in Usage.model_fields})


class Budget:
    """What one scope (a run, a node, an agent) may use; a reservation counts in all its parents too.

    Everything is synchronous: between the check and the reservation nothing else runs.

    Attributes:
        chain: this budget and its parents, nearest first.
        limited: whether anything in the chain has a limit; `timed` and `priced`: of time, of money.
    """

    __slots__ = (
        "_calls", "_clock", "_paid", "_sum", "_tokens", "_usd", "_waiting", "chain", "limited", "limits",
        "parent", "priced", "scope", "started", "timed",
    )  # fmt: skip

    def __init__(
        self,
        limits: Limits | None = None,
        parent: Budget | None = None,
        scope: str = "run",
        clock: Clock | None = None,
    ) -> None:
        """
        Args:
            limits: None for no limit of its own.
            scope: whose budget it is, for messages, such as ``run`` or ``node weigh``.
            clock: gives seconds on the run's clock; None takes the nearest parent's.
        """
        self.limits = limits or UNLIMITED
        self.parent, self.scope = parent, scope
        self.chain: tuple[Budget, ...] = (self, *parent.chain) if parent else (self,)
        self.limited = any(b.limits.any for b in self.chain)
        self.timed = any(b.limits.seconds is not None for b in self.chain)
        self.priced = any(b.limits.usd is not None for b in self.chain)
        self._sum = _Sum()
        self._calls = self._tokens = 0
        self._usd = self._paid = 0.0
        self._waiting: list[asyncio.Future[None]] = []
        self._clock = clock
        self.started = self.now()

    def bind(self, clock: Clock) -> None:
        """Let a budget that has no clock run by this one, from now on."""
        if self.parent is None and self._clock is None:
            self._clock = clock
            self.started = clock()

    def now(self) -> float:
        """Seconds on the clock of this budget or of the nearest parent that has one."""
        for budget in self.chain:
            if budget._clock is not None:
                return budget._clock()
        return time.monotonic()

    def reserve(
        self, *, calls: int = 1, prompt_tokens: int = 0, completion_tokens: int = 0, usd: float = 0.0
    ) -> Reservation:
        """Hold room for a request in this budget and all its parents, or in none of them.

        Raises:
            BudgetSpent: a limit would be passed; nothing is held then.
        """
        tokens = prompt_tokens + completion_tokens
        if self.limited:
            for budget in self.chain:
                budget._check(calls, tokens, usd)
        for budget in self.chain:
            budget._calls += calls
            budget._tokens += tokens
            budget._usd += usd
        return Reservation(self.chain, calls, tokens, usd)

    def _check(self, calls: int, tokens: int, usd: float) -> None:
        limits = self.limits
        if limits.seconds is not None and self.now() - self.started >= limits.seconds:
            raise BudgetSpent("seconds", limits.seconds, self.scope)
        if limits.calls is not None and self.used_calls + calls > limits.calls:
            raise BudgetSpent("calls", limits.calls, self.scope)
        if limits.tokens is not None and self.used_tokens + tokens > limits.tokens:
            raise BudgetSpent("tokens", limits.tokens, self.scope)
        if limits.usd is not None and self.used_usd + usd > limits.usd + _CENT_DUST:
            raise BudgetSpent("usd", limits.usd, self.scope)

    @property
    def spent(self) -> Usage:
        """What settled reservations used."""
        return self._sum.usage()

    @property
    def used_calls(self) -> int:
        """Calls settled and held."""
        return self._sum.calls + self._calls

    @property
    def used_tokens(self) -> int:
        """Tokens settled and held."""
        return self._sum.prompt + self._sum.completion + self._tokens

    @property
    def used_usd(self) -> float:
        """US dollars settled and held; calls without a known price count what was held for them."""
        return self._paid + self._usd

    def room(self) -> Limits:
        """What new reservations may still take, parents considered; None where nothing limits."""
        return Limits(
            calls=_least(b.limits.calls - b.used_calls for b in self.chain if b.limits.calls is not None),
            tokens=_least(b.limits.tokens - b.used_tokens for b in self.chain if b.limits.tokens is not None),
            usd=_least(b.limits.usd - b.used_usd for b in self.chain if b.limits.usd is not None),
            seconds=self.remaining_seconds(),
        )

    def lends(self) -> bool:
        """Whether calls under way hold some of what a limit of tokens or money leaves: they may use less."""
        return any(
            b._calls > 0 and (b.limits.tokens is not None or b.limits.usd is not None) for b in self.chain
        )

    async def settled(self) -> None:
        """Wait until a call under way gives room back."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.chain[-1]._waiting.append(turn)
        await turn

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)

    def grant(self, calls: int) -> int:
        """For how many of `calls` parallel calls there is room; 0 when for none."""
        left = _least(b.limits.calls - b.used_calls for b in self.chain if b.limits.calls is not None)
        return calls if left is None else min(calls, left)

    def remaining_seconds(self, now: float | None = None) -> float | None:
        """Seconds until the nearest limit of time, not below 0; None without one.

        Args:
            now: seconds on the run's clock, for a caller who knows it better than the clock does.
        """
        if not self.timed:
            return None
        at = self.now() if now is None else now
        return _least(b.limits.seconds - (at - b.started) for b in self.chain if b.limits.seconds is not None)

    def ends_at(self) -> float:
        """When on the run's clock the nearest limit of time ends; infinity without one."""
        return min((b._end() for b in self.chain), default=math.inf)

    def out_of_time(self) -> BudgetSpent:
        """The error for the limit of time that ends first; there must be one."""
        first = min(self.chain, key=lambda b: b._end())
        return BudgetSpent("seconds", first.limits.seconds or 0.0, first.scope)

    def _end(self) -> float:
        return math.inf if self.limits.seconds is None else self.started + self.limits.seconds


def _least(values: Iterable[_Number]) -> _Number | None:
    least = min(values, default=None)
    return None if least is None else max(least, type(least)(0))
