"""Functions of the expression language over tables that stand in texts."""

from __future__ import annotations

from typing import Any

from rebut.errors import InputError

from .faults import Fault
from .registry import register
from .values import charge, checked


def _read(text: Any) -> Any:
    from ...agents.tables import read_table

    if not isinstance(text, str):
        raise Fault(f"{type(text).__name__} is no text")
    charge(4 * len(text))  # it is split by each separator
    try:
        return read_table(text)
    except InputError as error:
        raise Fault(str(error)) from error


@register()
def tabled(text: Any, form: str = "markdown", rows: int = 0) -> str:
    """The table in a text as markdown, csv or html, with at most so many rows (0: all)."""
    from ...agents.tables import write_table

    try:
        written = write_table(_read(text), form, max(0, int(rows)))
    except InputError as error:
        raise Fault(str(error)) from error
    checked(len(written), text=True)
    return written


@register()
def table_size(text: Any) -> tuple[int, int]:
    """How many rows (without the header) and columns the table in a text has."""
    table = _read(text)
    return len(table.rows), len(table.header)
