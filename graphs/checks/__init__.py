"""Checks of a workflow that has been read, one a file; each notes all the problems of its kind."""

from __future__ import annotations

from collections.abc import Callable

from ..draft import Draft

Check = Callable[[Draft], None]

CHECKS: tuple[Check, ...] = ()


def run(draft: Draft) -> None:
    """Run all checks; what they find stands in `draft.problems`."""
    for check in CHECKS:
        check(draft)
