"""Functions of the expression language over quotes from a source."""

from __future__ import annotations

from typing import Any

from .faults import Fault
from .registry import register
from .values import charge, checked

_READING = 50
"""Characters of a source that are searched with one unit of work."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault(f"{'None' if value is None else type(value).__name__} is no text")
    charge(len(value))
    return value


@register()
def checked_quotes(text: Any, source: Any) -> str:
    """A text whose quotes (<q>...</q>) become <verified> where the source holds them, else <unverified>."""
    from ...agents.evidence import MOST_QUOTES, check_quotes

    said, held = _text(text), _text(source)
    charge(min(said.count("<"), MOST_QUOTES) * (len(held) // _READING))
    marked = check_quotes(said, held).text
    checked(len(marked), text=True)
    return marked


@register()
def verified_quotes(text: Any) -> list[str]:
    """The different quotes that a text from `checked_quotes` marks as verified."""
    from ...agents.evidence import verified_quotes as found

    quotes = found(_text(text))
    checked(len(quotes))
    return quotes
