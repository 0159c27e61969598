"""What the store takes and gives back: frozen values, no table rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rebut.records import Usage

from ..models.journal import CallSite, Outcome
from ..models.wire import Request

Status = Literal["running", "finished", "failed", "cancelled", "interrupted"]
"""``interrupted``: the process that ran it is gone before it finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """All that determines a run before its first call.

    Attributes:
        run: the run's id.
        workflow: the workflow's name.
        snapshot: what the workflow was (source, roles, ...), as JSON types; opaque to the store.
        budget: the limits that hold for the run, as JSON types.
        started: seconds since the epoch.
        parent: the run that this one was forked from.
    """

    run: str
    workflow: str
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    budget: Mapping[str, Any] = field(default_factory=dict)
    started: float = 0.0
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended, or stands: its last three fields are empty while it runs.

    `seconds` is the wall time of the run; `finished` is in seconds since the epoch.
    """

    status: Status = "running"
    answer: Any = None
    stop_reason: str = ""
    detail: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float | None = None
    finished: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run as it is listed; `start` comes without its snapshot, which `Store.cassette` has."""

    start: RunStart
    result: RunResult
    version: str

    @property
    def id(self) -> str:
        """The run's id."""
        return self.start.run

    @property
    def status(self) -> Status:
        """How the run stands."""
        return self.result.status


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call in a journal. Calls were handed over in the order of `seq`.

    `wall` is when it was recorded, in seconds since the epoch. `used` is False when the asking task was
    cancelled while the outcome was being committed: it was paid for, and never handed over.
    """

    seq: int
    site: CallSite
    request: Request
    outcome: Outcome
    wall: float = 0.0
    used: bool = True

    @property
    def taken(self) -> bool:
        """Whether the outcome came from the run that this one was forked from, or from the one who forked."""
        return self.outcome.attempts == 0 and self.outcome.error != "BudgetSpent"

    @property
    def edited(self) -> bool:
        """Whether a person wrote a completion of it."""
        response = self.outcome.response
        return response is not None and any(c.finish == "edited" for c in response.completions)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScore:
    """The score of the first sample of a run at the first visit of a node that grades."""

    workflow: str
    models: Mapping[str, str]
    params: Mapping[str, Any]
    node: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One completion as it was said. `seq` is its call's, `place` its index among the call's completions."""

    seq: int
    place: int
    call: str
    node: str
    agent: str
    role: str
    model: str
    text: str
