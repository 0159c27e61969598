"""Functions of the expression language over several rulings on one point."""

from __future__ import annotations

from typing import Any

from .faults import Fault
from .registry import register
from .values import charge, items_of


@register()
def mostly(flags: Any) -> bool | None:
    """What more than half of the truth values say; None at a tie or of none. None among them abstains."""
    given = [flag for flag in items_of(flags) if flag is not None]
    charge(len(items_of(flags)))
    for flag in given:
        if not isinstance(flag, bool):
            raise Fault(f"{type(flag).__name__} is neither true nor false")
    yes = sum(given)
    return None if 2 * yes == len(given) else 2 * yes > len(given)
