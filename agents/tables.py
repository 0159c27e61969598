"""Tables as text: read from Markdown, CSV or TSV, and written as Markdown, CSV or HTML."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from html import escape

from rebut.errors import InputError, suggest

FORMS = ("markdown", "csv", "html")
_DELIMITERS = ("\t", ";", ",", "|")
_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?")
_CELL = re.compile(r"(?<!\\)\|")
_LARGEST_CELL = 131_072
"""Characters; what `csv` allows by default."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: the names of its columns, and its rows, each with one cell for each column."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_table(text: str) -> Grid:
    """The table that a text holds, its first line being the header; short rows are filled with empty cells.

    Lines of Markdown begin with a bar, and text around them is passed over; else the separator is the tab,
    semicolon, comma or bar that splits the most lines into as many cells as the header.

    Raises:
        InputError: there are not two columns or more, or a row has more cells than the header.

    >>> read_table("name,age\\nAna,41\\n\\"Lee, B.\\",37").rows
    (('Ana', '41'), ('Lee, B.', '37'))
    >>> read_table("| name | age |\\n|---|---|\\n| Ana | 41 |").header
    ('name', 'age')
    """
    lines = [line.strip(" ") for line in text.splitlines() if line.strip()]  # a tab may be an empty cell
    lines = [line for line in lines if "|" not in line or not _RULE.fullmatch(line)]
    barred = [line for line in lines if line.startswith("|")]
    if len(barred) > 1:
        return _grid([_cells(line) for line in barred])
    readings = [_split("\n".join(lines), delimiter) for delimiter in _DELIMITERS]
    return _grid(max(readings, key=_agreement))


def _cells(line: str) -> list[str]:
    parts = _CELL.split(line.removeprefix("|"))
    if len(parts) > 1 and not parts[-1].strip():
        parts = parts[:-1]
    return [part.strip().replace("\\|", "|") for part in parts]


def _split(text: str, delimiter: str) -> list[list[str]]:
    if any(len(line) > _LARGEST_CELL for line in text.split("\n")):
        raise InputError(f"the table has a line of more than {_LARGEST_CELL} characters")
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
        return [[cell.strip() for cell in row] for row in reader if row]
    except csv.Error as error:
        raise InputError(f"the table cannot be read: {error}") from error


def _agreement(rows: list[list[str]]) -> tuple[int, int]:
    """How many rows are as long as the first, and how long that is; nothing for a single column."""
    width = len(rows[0]) if rows else 0
    return (sum(len(row) == width for row in rows), width) if width > 1 else (0, 0)


def _grid(rows: list[list[str]]) -> Grid:
    if not rows or len(rows[0]) < 2:
        raise InputError("the text holds no table (possible: Markdown, or CSV with two columns or more)")
    width = len(rows[0])
    for number, row in enumerate(rows[1:], 1):
        if len(row) > width:
            raise InputError(f"row {number} of the table has {len(row)} cells, its header has {width}")
    filled = (tuple(row) + ("",) * (width - len(row)) for row in rows[1:])
    return Grid(tuple(rows[0]), tuple(filled))


def write_table(table: Grid, form: str = "markdown", rows: int = 0) -> str:
    """The table as text; of more than `rows` rows (0: any number) the last line says how many are left out.

    Raises:
        InputError: `form` is none of `FORMS`.
    """
    if form not in FORMS:
        raise InputError(f"unknown form of a table: {form!r}{suggest(form, FORMS)}")
    shown = table.rows[:rows] if rows else table.rows
    text = {"markdown": _markdown, "csv": _csv, "html": _html}[form](table.header, shown)
    left = len(table.rows) - len(shown)
    return f"{text}\n({left} further rows are not shown)" if left else text


def _markdown(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(_flat(c).replace("|", "\\|") for c in line) + " |" for line in lines)


def _csv(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([header, *rows])
    return written.getvalue().rstrip("\n")


def _html(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    head = "".join(f"<th>{escape(_flat(c), quote=False)}</th>" for c in header)
    body = ["".join(f"<td>{escape(_flat(c), quote=False)}</td>" for c in row) for row in rows]
    return "\n".join(["<table>", *(f"<tr>{line}</tr>" for line in (head, *body)), "</table>"])


def _flat(cell: str) -> str:
    return " ".join(cell.split())
