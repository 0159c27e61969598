"""What stands in a row: fields found by name or dotted path, and what their values are in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MISSING = object()
"""The value of a field that is not there."""


def field_of(record: Mapping[str, Any], column: str) -> Any:
    """The value of a column, or what a dotted path leads to through objects and lists (``answers.0.text``).

    A column whose own name has points goes first. Through a list of objects a name leads to the list of
    their fields. MISSING where there is none.

    >>> field_of({"answer": {"value": 3}}, "answer.value"), field_of({"a": [{"b": 1}, {"b": 2}]}, "a.b")
    (3, [1, 2])
    """
    if column in record:
        return record[column]
    value: Any = record
    for name in column.split("."):
        value = _step(value, name)
        if value is MISSING:
            break
    return value


def _step(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, MISSING)
    if not isinstance(value, list):
        return MISSING
    if name.isdecimal() and len(name) < 10:
        return value[int(name)] if int(name) < len(value) else MISSING
    parts = [_step(one, name) for one in value if isinstance(one, Mapping)]
    return parts if parts and len(parts) == len(value) and MISSING not in parts else MISSING


def text_of(value: Any) -> str | None:
    """A text or finite number as text; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int):
        return str(value)
    return str(value) if math.isfinite(value) else None


def said(value: Any) -> str:
    """What a value is, in words."""
    if value is None or value is MISSING:
        return "nothing"
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:39] + "…"
        return f"the text {text!r}" if text.strip() else "an empty text"
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return "NaN" if value != value else "an infinite number"
    kinds: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return "an object" if isinstance(value, dict) else kinds.get(type(value), type(value).__name__)
