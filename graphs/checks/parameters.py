"""Parameters whose default, bounds and choices do not fit each other."""

from __future__ import annotations

from ..draft import Draft
from ..sites import Sites
from ..spec import Param


def check(draft: Draft, sites: Sites) -> None:
    """Note defaults out of bounds, empty ranges, and bounds of what is no number."""
    for name, param in draft.spec.params.items():
        _range(draft, name, param)
        _choices(draft, name, param)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(draft: Draft, name: str, param: Param) -> None:
    default, low, high = param.default, param.min, param.max
    if low is None and high is None:
        return
    at = draft.span("params", name, "default")
    if not _is_number(default):
        if default is not None:
            key = draft.key("params", name, "min" if low is not None else "max")
            draft.problems.error("bounds", key, f"bounds of parameter {name!r}, whose default is no number")
        return
    if low is not None and high is not None and low > high:
        span = draft.span("params", name, "min")
        draft.problems.error("bounds", span, f"min {low:g} of parameter {name!r} is above its max {high:g}")
    elif low is not None and default < low:
        draft.problems.error(
            "bounds", at, f"default {default:g} of parameter {name!r} is below its min {low:g}"
        )
    elif high is not None and default > high:
        draft.problems.error(
            "bounds", at, f"default {default:g} of parameter {name!r} is above its max {high:g}"
        )


def _choices(draft: Draft, name: str, param: Param) -> None:
    if not param.choices:
        return
    possible = f"possible: {', '.join(map(str, param.choices))}"
    if param.default is not None and param.default not in param.choices:
        span = draft.span("params", name, "default")
        draft.problems.error(
            "bounds",
            span,
            f"default {param.default!r} of parameter {name!r} is not one of its choices",
            possible,
        )
