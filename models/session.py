"""One run's door to the models: budget, journal and events around every call, in an order that replays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from rebut.errors import BudgetSpent, ModelError, ModelTimeout
from rebut.events import CallFinished, CallStarted, Emit, Noted
from rebut.records import Usage

from .budget import Budget, Reservation
from .fanout import Allowance
from .fitting import Fitted, capped, fit, whole
from .gateway import Gateway
from .journal import CALL_KEY, CallSite, Outcome, RunJournal, Shelf
from .outcomes import error_of, failed, used
from .watch import CallWatch
from .wire import Request, Response, sound


class Session:
    """The calls of one run.

    A call is reserved and announced before it first suspends; once its outcome is recorded, it is accounted,
    announced and handed over without suspending. Between two hand-overs a run sees no clock and no chance, so
    a replay, which hands over the same outcomes in the same order, gives the same events.

    Attributes:
        clock: seconds since the run's start; moves only when an outcome is handed over.
    """

    def __init__(
        self,
        gateway: Gateway,
        run: str,
        *,
        budget: Budget,
        journal: RunJournal | None = None,
        emit: Emit | None = None,
        deltas: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            run: the run's id.
            budget: the run's; without a clock of its own it takes the session's.
            journal: None keeps nothing.
            emit: takes the events; it is the one who numbers and keeps the durable ones.
            deltas: whether text is announced while it is written.
            monotonic: the real clock, in seconds.
        """
        self.gateway, self.run, self.budget = gateway, run, budget
        self.clock = 0.0
        self.journal, self._emit, self._deltas = journal, emit, deltas
        self._monotonic = monotonic
        self._origin = monotonic()
        budget.bind(self._read_clock)

    @property
    def started(self) -> float:
        """Epoch seconds when the run's clock stood at 0, pauses between a stop and a resume left out.

        May be set before the first call, to count from another moment.
        """
        return time.time() - self.elapsed()

    @started.setter
    def started(self, epoch: float) -> None:
        self._origin = self._monotonic() - (time.time() - epoch)

    def elapsed(self) -> float:
        """Real seconds since the run's start; unlike `clock`, differs from replay to replay."""
        return self._monotonic() - self._origin

    async def call(
        self,
        request: Request,
        site: CallSite,
        *,
        budget: Budget | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (it is an outcome, recorded and replayed)
        reuse: bool = False,
    ) -> Response:
        """Make a call, or take its recorded outcome.

        Where room is short, the call waits while others under way hold some, since they may use less than
        they could; then fewer and shorter completions are asked for than the request says.

        Args:
            budget: the narrowest that holds (its parents hold too); None for the run's.
            timeout: seconds for the call with all its retries.
            reuse: whether a reply will do that another run of the store was given, and that was kept.

        Raises:
            BudgetSpent: no room before the call, or its time ran out during it.
            ModelError: the call failed for good.
            SettingsError: money is limited and the price not known.
            JournalDrift: the journal holds another call at this place.
        """
        budget = budget or self.budget
        sought = request if reuse else None
        request, held, allowance = (
            await self._room(request, budget) if budget.limited else self._reserve(request, budget)
        )
        try:
            self._announce(request, site)
            outcome = await self._outcome(request, site, budget, allowance, timeout, sought)
        except BaseException:
            held.release()
            raise
        return self._hand_over(request, site, outcome, budget, held)

    def keep(self, request: Request, site: CallSite) -> None:
        """Let other runs of the store take the reply that this call was given."""
        if isinstance(self.journal, Shelf):
            self.journal.keep(site, request)

    def _read_clock(self) -> float:
        return self.clock

    async def _room(self, request: Request, budget: Budget) -> Fitted:
        """Room for a request: for all of it, or for what fits when no call under way can give any back."""
        request = capped(request, self.gateway.capabilities(request.model).reply)
        while True:
            lends = budget.lends()
            try:
                fitted = self._reserve(request, budget)
            except BudgetSpent as spent:
                if not lends or spent.resource in ("calls", "seconds"):
                    raise
            else:
                if not lends or whole(fitted[0], request):
                    return fitted
                fitted[1].release(wake=False)
            await budget.settled()

    def _reserve(self, request: Request, budget: Budget) -> Fitted:
        if not budget.limited:
            return request, budget.reserve(calls=request.n), None
        price = self.gateway.dearest(request.model) if budget.priced else None
        once = request.n == 1 or self.gateway.capabilities(request.model).n
        return fit(request, budget, price, once=once)

    def _announce(self, request: Request, site: CallSite) -> None:
        if self._emit is not None:
            self._emit(
                CallStarted(
                    run=self.run,
                    t=self.clock,
                    node=site.node,
                    call=site.path,
                    agent=site.agent,
                    role=site.role,
                    model=request.model,
                    n=request.n,
                )
            )

    def _outcome(
        self,
        request: Request,
        site: CallSite,
        budget: Budget,
        allowance: Allowance | None,
        within: float | None,
        sought: Request | None,
    ) -> Coroutine[Any, Any, Outcome]:
        if self.journal is None:
            return self._ask(request, site, budget, allowance, within)
        return self._journaled(self.journal, request, site, budget, allowance, within, sought)

    async def _journaled(
        self,
        journal: RunJournal,
        request: Request,
        site: CallSite,
        budget: Budget,
        allowance: Allowance | None,
        within: float | None,
        sought: Request | None,
    ) -> Outcome:
        if journal.recalling:
            recalled = await journal.recall(site, request)
            if recalled is not None:
                self._origin = self._monotonic() - max(self.clock, recalled.at)
                return recalled
        taken = (
            await journal.known(site, sought) if sought is not None and isinstance(journal, Shelf) else None
        )
        if taken is None:
            outcome = await self._ask(request, site, budget, allowance, within)
        else:
            outcome = Outcome(response=taken, attempts=0, at=self.elapsed())
        await journal.record(site, request, outcome)
        return outcome

    async def _ask(
        self,
        request: Request,
        site: CallSite,
        budget: Budget,
        allowance: Allowance | None,
        within: float | None,
    ) -> Outcome:
        """Make the call; what a replay has to repeat becomes an outcome, all else is raised."""
        left = budget.remaining_seconds(self.elapsed()) if budget.timed else None
        if left is not None and left <= 0:
            return self._late(budget, 0)
        watch = CallWatch(self._emit, self.run, self.clock, site, request.model)
        CALL_KEY.set(f"{self.run}:{site.path}")
        try:
            response, attempts = await self.gateway.complete(
                request,
                deadline=_deadline(left, within),
                sink=watch.delta if self._deltas and self._emit else None,
                on_retry=watch.retry,
                on_fallback=watch.fallback,
                allowance=allowance,
            )
        except ModelError as error:
            at = self.elapsed()
            if isinstance(error, ModelTimeout) and budget.timed and at >= budget.ends_at():
                return self._late(budget, watch.attempts)
            return failed(error, watch.attempts, at)
        return Outcome(response=sound(response), attempts=attempts, at=self.elapsed())

    def _late(self, budget: Budget, attempts: int) -> Outcome:
        at = max(self.elapsed(), budget.ends_at())
        return Outcome(error="BudgetSpent", message=str(budget.out_of_time()), attempts=attempts, at=at)

    def _hand_over(
        self, request: Request, site: CallSite, outcome: Outcome, budget: Budget, held: Reservation
    ) -> Response:
        """Account for an outcome and announce it; never suspends."""
        if outcome.at > self.clock:
            self.clock = outcome.at
        response = outcome.response
        held.settle(used(outcome, request.n))
        if self._emit is not None:
            self._tell(request, site, outcome, self._emit)
        if response is None:
            raise error_of(outcome, request.model, budget)
        return response

    def _tell(self, request: Request, site: CallSite, outcome: Outcome, emit: Emit) -> None:
        response, model = outcome.response, request.model
        if response is not None and response.model and response.model != model:
            text = f"{response.model} answered in the place of {model}"
            data = {"call": site.path, "from": model, "to": response.model}
            emit(Noted(run=self.run, t=self.clock, node=site.node, what="fallback", text=text, data=data))
            model = response.model
        usage = response.usage if response else _NOTHING
        emit(
            CallFinished(
                run=self.run,
                t=self.clock,
                node=site.node,
                visit=site.visit,
                call=site.path,
                agent=site.agent,
                role=site.role,
                model=model,
                texts=tuple([c.text for c in response.completions]) if response else (),
                prompt_tokens=usage.prompt,
                completion_tokens=usage.completion,
                cached_tokens=usage.cached,
                usd=usage.usd,
                seconds=response.seconds if response else 0.0,
                error=None if response else outcome.message,
            )
        )


_NOTHING = Usage()


def _deadline(left: float | None, within: float | None) -> float | None:
    if left is None and within is None:
        return None
    seconds = min(s for s in (left, within) if s is not None)
    return asyncio.get_running_loop().time() + seconds
