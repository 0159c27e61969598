"""Functions of the expression language that take texts apart."""

from __future__ import annotations

from typing import Any

from .faults import Fault
from .registry import register
from .values import charge


@register()
def steps_of(text: Any, most: int = 0) -> list[str]:
    """The steps of a reasoning text; the last of `most` (0: any number) holds what is left."""
    from ...agents.steps import split_steps

    if not isinstance(text, str):
        raise Fault(f"{type(text).__name__} is no text")
    charge(len(text))
    steps = split_steps(text)
    return steps if most < 1 or len(steps) <= most else [*steps[: most - 1], "\n".join(steps[most - 1 :])]
