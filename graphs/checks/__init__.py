"""Checks of a workflow that has been read, one a file; each notes all the problems of its kind."""

from __future__ import annotations

from collections.abc import Callable

from ..draft import Draft
from ..sites import Sites
from . import (
    branches,
    calls,
    fields,
    forks,
    identifiers,
    loops,
    names,
    parameters,
    races,
    reach,
    reads,
    references,
    replies,
    searches,
    seats,
    templates,
    unused,
    votes,
)

Check = Callable[[Draft, Sites], None]

CHECKS: tuple[Check, ...] = (
    identifiers.check,
    parameters.check,
    references.check,
    replies.check,
    names.check,
    fields.check,
    votes.check,
    searches.check,
    seats.check,
    calls.check,
    branches.check,
    reach.check,
    loops.check,
    forks.check,
    races.check,
    reads.check,
    templates.check,
    unused.check,
)


def run(draft: Draft) -> None:
    """Run all checks; what they find stands in `draft.problems`."""
    sites = Sites(draft)
    for check in CHECKS:
        check(draft, sites)
