"""Tells those who watch a run live what happens to a call on its way."""

from __future__ import annotations

from dataclasses import dataclass

from rebut.errors import ModelError
from rebut.events import CallDelta, CallRetrying, Emit

from .journal import CallSite


@dataclass(slots=True, eq=False)
class CallWatch:
    """Announces what happens to one call while it is on its way; counts its attempts."""

    emit: Emit | None
    run: str
    t: float
    site: CallSite
    model: str
    attempts: int = 1

    def delta(self, index: int, text: str) -> None:
        site = self.site
        if self.emit:
            self.emit(
                CallDelta(
                    run=self.run,
                    t=self.t,
                    node=site.node,
                    call=site.path,
                    agent=site.agent,
                    index=index,
                    text=text,
                )
            )

    def retry(self, attempt: int, wait: float, error: ModelError) -> None:
        self.attempts += 1
        self._again(attempt, wait, str(error))

    def fallback(self, model: str, other: str, error: ModelError) -> None:
        self.attempts += 1
        self._again(self.attempts - 1, 0.0, f"{error}; asking {other} instead of {model}")

    def _again(self, attempt: int, wait: float, error: str) -> None:
        site = self.site
        if self.emit:
            self.emit(
                CallRetrying(
                    run=self.run,
                    t=self.t,
                    node=site.node,
                    call=site.path,
                    agent=site.agent,
                    attempt=attempt,
                    wait=wait,
                    error=error,
                )
            )
