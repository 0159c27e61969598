"""What a run gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rebut.events import Noted
from rebut.records import Usage

StopReason = Literal["answered", "budget", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a run.

    Attributes:
        answer: the workflow's answer, or None when there is none.
        stop_reason: ``answered``; ``budget`` when a limit ended or shortened the run (`answer` is then the
            best so far); `detail` says more.
        run: the run's id, for ``rebut show``.
        usage: what all its calls used.
        seconds: wall time.
        notes: abstentions, failures, ties, re-asks: what a careful reader of the answer should know.
        state: every name that the workflow saved.
    """

    answer: Any
    stop_reason: StopReason
    detail: str = ""
    run: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    notes: tuple[Noted, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
