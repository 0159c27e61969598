"""Functions of the expression language over the outcomes of tests."""

from __future__ import annotations

from typing import Any

from rebut.errors import InputError

from .faults import Fault
from .registry import register
from .values import charge, items_of


@register()
def dual_agreement(outcomes: Any) -> list[float]:
    """A score for each program: how many pass just the tests that it passes, times how many those are."""
    from ...agents.outcomes import dual_agreement as held

    rows = [
        None if row is None else [_flag(passed) for passed in items_of(row)] for row in items_of(outcomes)
    ]
    charge(sum(len(row or ()) for row in rows))
    try:
        return held(rows)
    except InputError as error:
        raise Fault(str(error)) from error


def _flag(passed: Any) -> bool:
    if not isinstance(passed, bool):
        raise Fault(f"the outcome of a test is true or false, not {type(passed).__name__}")
    return passed
