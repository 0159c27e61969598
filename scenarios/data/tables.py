"""Tables of cells: comma or tab separated, or by what the scenario says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rebut.errors import InputError

from ..spec import DataSpec
from .lines import LONGEST, opened
from .problems import Problems

_NAMES = {";": "';'", "\t": "tabs", ",": "','", "|": "'|'"}


def table(
    path: Path, problems: Problems, data: DataSpec, _: frozenset[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table whose first line names its columns; a row is numbered by its last line."""
    name = problems.name
    usual = "\t" if path.name.lower().removesuffix(".gz").endswith(".tsv") else ","
    csv.field_size_limit(LONGEST)
    reader = None
    try:
        with opened(path, name) as raw:
            reader = csv.DictReader(_lines(raw, name), delimiter=data.separator or usual, strict=True)
            columns = _columns(reader, name, data.separator or usual)
            for record in reader:
                row = reader.line_num
                if None in record:
                    problems.add(row, f"more cells than the {len(columns)} columns")
                elif None in record.values():
                    problems.add(row, f"fewer cells than the {len(columns)} columns")
                else:
                    yield row, record
    except csv.Error as error:
        near = reader.line_num if reader else 1
        raise InputError(f"{name}: not a table of cells after line {near}: {error}") from error


def _lines(raw: IO[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: raw.readline(LONGEST + 1), b""), 1):
        if len(line) > LONGEST:
            raise InputError(f"{name}:{number}: the line is longer than {LONGEST} bytes")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            wrong = f"byte {error.start + 1} of the line is {line[error.start]:#x}"
            raise InputError(f"{name}:{number}: not UTF-8 ({wrong})") from error


def _columns(reader: csv.DictReader[str], name: str, separator: str) -> list[str]:
    columns = list(reader.fieldnames or [])
    if doubled := [one for one in columns if columns.count(one) > 1]:
        raise InputError(f"{name}: two columns are called {doubled[0]!r}")
    if len(columns) == 1:
        for mark, words in _NAMES.items():
            if mark != separator and mark in columns[0]:
                said = "\\t" if mark == "\t" else mark
                note = f'are its cells separated by {words}? say so: data: {{separator: "{said}"}}'
                raise InputError(f"{name}: there is only one column, {columns[0]!r}; {note}")
    return columns
