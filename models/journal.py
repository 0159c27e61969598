"""What the gateway asks of a journal; `memory` has the one that keeps it in the store."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rebut.events import Event

from .wire import Request, Response

CALL_KEY: ContextVar[str | None] = ContextVar("rebut_call_key", default=None)
"""``run:path`` of the call being made: what a server that knows idempotency keys should pay for once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSite:
    """Where in a run a call is made. `path` is unique and deterministic within the run, such as ``weigh/2``,
    ``solve/1#3`` (sample 3), ``review/1[4]`` (item 4), ``weigh/2~1`` (first re-ask)."""

    path: str
    node: str
    visit: int
    agent: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended: a response, or an error by class name and text (and the facts of a ModelError).

    `at` is the run's clock (seconds since its start) when it ended. `attempts` counts the requests that this
    run sent: none for what a fork took over from another run, or what a person wrote in a model's place.
    """

    response: Response | None = None
    error: str | None = None
    message: str = ""
    status: int | None = None
    attempts: int = 1
    at: float = 0.0


class RunJournal(Protocol):
    """The journal of one run.

    The order in which `record` and `recall` hand outcomes over is the run's order of crossings, and a
    replay repeats it: all that a run does between two crossings is deterministic.
    """

    async def recall(self, site: CallSite, request: Request) -> Outcome | None:
        """The recorded outcome of this call, in the recorded order; None if the call is to be made.

        While recorded outcomes are left, a call that is not among them waits for them to be handed over.

        Raises:
            JournalDrift: the journal holds another request at this path; or, in a strict replay, none.
        """
        ...

    async def record(self, site: CallSite, request: Request, outcome: Outcome) -> None:
        """Commit the outcome; returns once it is on disk, in the order of the calls to `record`."""
        ...

    def event(self, event: Event) -> None:
        """Keep a durable event; written with the next commit, never waited for."""
        ...

    @property
    def recalling(self) -> bool:
        """Whether recorded outcomes are left, so that `recall` must be asked; False costs nothing."""
        ...


@runtime_checkable
class Shelf(Protocol):
    """A journal that also knows what other runs were answered, where they let others take it."""

    async def known(self, site: CallSite, request: Request) -> Response | None:
        """A reply to this request that may be taken, at no cost; None if none is there."""
        ...

    def keep(self, site: CallSite, request: Request) -> None:
        """Let other runs take the reply of this call to the request; not waited for."""
        ...
