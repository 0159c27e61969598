"""``sample``: several completions of one prompt, in one request where possible, stopped early if asked."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from rebut.errors import BudgetSpent

from ..context import RunContext, Scope, value_of
from ..expressions import Expression
from ..fanout import FanOut
from ..spec import SampleNode
from . import Work
from .common import EXPECTED, demand, failed, prompt_facts, saved, terms_of, whole


def sampling(node: SampleNode) -> Work:
    """The work of a `sample` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        n = await run.think(lambda: whole(node.n, scope, what=f"n of {node.name!r}"))
        drawing = _Drawing(node, run, scope, visit, n)
        await drawing.draw()
        samples = drawing.in_order()
        of = n if drawing.stopped_at is None else drawing.stopped_at
        demand(run, node.name, len(samples), drawing.quorum, of, drawing.errors)
        return saved(node.save, samples)

    return work


class _Drawing:
    """One visit of a `sample` node."""

    def __init__(self, node: SampleNode, run: RunContext, scope: Scope, visit: int, n: int) -> None:
        self.node, self.run, self.scope, self.visit, self.n = node, run, scope, visit, n
        self.agent = run.agents[node.agent]
        self.budget = run.limits(node.name, node.budget, scope)
        self.quorum = min(whole(node.quorum, scope, what=f"quorum of {node.name!r}", least=0), n)
        self.ended = 0
        self.samples: dict[int, Any] = {}
        self.errors: list[Exception] = []
        self.stopped_at: int | None = None

    def in_order(self) -> list[Any]:
        return [self.samples[i] for i in sorted(self.samples)]

    async def draw(self) -> None:
        native = not self.agent.seats and self.run.session.gateway.capabilities(self.agent.model).n
        if native and self.n > 1 and self.node.stop is None:
            await self._draw_at_once()
            if self.agent.role.mode(self.node.mode).answer_required:
                return  # who was asked again and still has no answer abstains
        missing = [i for i in range(self.n) if i not in self.samples]
        if missing and self.run.spent is None and not self.errors:
            await self._draw_singly(missing)

    async def _draw_at_once(self) -> None:
        """One request for all; what it leaves out is drawn singly after it."""
        granted = self.budget.grant(self.n)
        path = f"{self.run.at(self.node.name)}/{self.visit}#0-{self.n - 1}"
        try:
            drawn = await self._ask(path, 0, max(granted, 1))
        except EXPECTED as error:
            self._fail("samples", error, self.n)
            return
        for index, sample in enumerate(drawn):
            if sample is not None:
                self.samples[index] = sample.model_copy(update={"index": index}) if index else sample
        if granted < self.n:
            self._fail("samples", self._spent(), self.n - granted)

    def _spent(self) -> BudgetSpent:
        try:
            self.budget.reserve(calls=1).release()
        except BudgetSpent as spent:
            return spent
        return BudgetSpent("calls", self.budget.limits.calls or 0, self.budget.scope)

    async def _draw_singly(self, indices: list[int]) -> None:
        def settled(job: int, outcome: Any) -> bool | Awaitable[bool]:
            index = indices[job]
            self.ended += 1
            if isinstance(outcome, Exception):
                self._fail(f"sample {index}", outcome)
            elif outcome[0] is not None:
                self.samples[index] = outcome[0].model_copy(update={"index": index})
            return self._enough(len(indices) - self.ended)

        def job(index: int) -> Any:
            path = f"{self.run.at(self.node.name)}/{self.visit}#{index}"
            return lambda: self._ask(path, index, 1)

        wave = None
        if self.node.stop is not None:
            wave = whole(self.node.wave, self.scope, what=f"wave of {self.node.name!r}")
        await FanOut([job(i) for i in indices], settled, expected=EXPECTED, limit=wave).run()

    def _enough(self, remaining: int) -> bool | Awaitable[bool]:
        """Whether the node's `stop` ends the drawing; not before the quorum stands."""
        stop = self.node.stop
        if stop is None or len(self.samples) < max(self.quorum, 1):
            return False
        return self._stopped(stop, {**self.scope, "samples": self.in_order()}, remaining)

    async def _stopped(self, stop: Expression, scope: Scope, remaining: int) -> bool:
        done = bool(await self.run.think(lambda: stop({**scope, "remaining": remaining})))
        if done and remaining > 0:
            self.stopped_at = self.ended
            self.run.note(
                self.node.name,
                "stopped_early",
                f"stopped after {self.ended} of {self.n} samples",
                {"drawn": self.ended, "of": self.n},
            )
        return done

    def _fail(self, label: str, error: Exception, times: int = 1) -> None:
        """Take note of a failure that cost so many samples."""
        self.errors += [error] * times
        failed(self.run, self.node.name, label, error)

    async def _ask(self, path: str, index: int, n: int) -> Any:
        node, run, scope = self.node, self.run, self.scope
        bound = {**scope, "index": index}
        facts = await run.think(lambda: prompt_facts(run, bound, node.facts, self.visit, index))
        return await self.agent.seat(index).ask(
            run.session,
            path=path,
            node=run.at(node.name),
            visit=self.visit,
            mode=node.mode,
            facts=facts,
            kind=run.kind,
            seed=run.seed_for(path),
            n=n,
            logprobs=0 if value_of(node.logprobs, scope) else None,
            terms=terms_of(node, scope),
            budget=self.budget,
            timeout=value_of(node.timeout, scope),
            on_note=lambda what, text, data: run.note(node.name, what, text, data),
        )
