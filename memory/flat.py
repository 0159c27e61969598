"""Flat tables in files that other tools read: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any, Literal

import orjson

from rebut.errors import InputError, SettingsError
from rebut.records import jsonable

Kind = Literal["text", "whole", "number", "yesno"]
"""What a column holds; any cell may be empty (None)."""

Columns = Mapping[str, Kind]
USED: Columns = {
    "calls": "whole",
    "requests": "whole",
    "prompt_tokens": "whole",
    "completion_tokens": "whole",
    "cached_tokens": "whole",
    "reasoning_tokens": "whole",
    "usd": "number",
}
"""Columns of what a run used."""

Rows = Iterable[Sequence[Any]]

BATCH = 2000
"""Rows that are written at a time."""


def form_of(name: str) -> str:
    """The form of a table by its file's name: ``csv``, ``jsonl`` or ``parquet``.

    Raises:
        InputError: no known ending.
    """
    lower = name.lower()
    if lower.endswith(".parquet"):
        return "parquet"
    for ending, form in ((".csv", "csv"), (".jsonl", "jsonl"), (".ndjson", "jsonl")):
        if lower.removesuffix(".gz").endswith(ending):
            return form
    raise InputError(f"{name!r} is of no known form (possible endings: .csv, .jsonl, .parquet)")


def ready(form: str) -> None:
    """Refuse a form for which a library is missing.

    Raises:
        SettingsError: Parquet without pyarrow.
    """
    if form == "parquet":
        _arrow()


def write_table(out: IO[bytes], form: str, columns: Columns, rows: Rows) -> int:
    """Write a table as rows come; returns how many.

    Raises:
        SettingsError: Parquet without pyarrow.
    """
    count = 0
    with_form = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[form]
    for size in with_form(out, columns, rows):
        count += size
    return count


def _csv(out: IO[bytes], columns: Columns, rows: Rows) -> Iterator[int]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for batch in _batches(rows):
        writer.writerows([_plain(cell) for cell in row] for row in batch)
        _pour(text, out)
        yield len(batch)
    _pour(text, out)


def _pour(text: io.StringIO, out: IO[bytes]) -> None:
    out.write(text.getvalue().encode())
    text.seek(0)
    text.truncate()


def _plain(cell: Any) -> Any:
    return str(cell).lower() if isinstance(cell, bool) else cell


def _jsonl(out: IO[bytes], columns: Columns, rows: Rows) -> Iterator[int]:
    names = list(columns)
    for batch in _batches(rows):
        made = (dict(zip(names, row, strict=True)) for row in batch)
        out.writelines(orjson.dumps(row, default=jsonable) + b"\n" for row in made)
        yield len(batch)


def _parquet(out: IO[bytes], columns: Columns, rows: Rows) -> Iterator[int]:
    arrow, parquet = _arrow()
    kinds = {
        "text": arrow.string(),
        "whole": arrow.int64(),
        "number": arrow.float64(),
        "yesno": arrow.bool_(),
    }
    schema = arrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            cells = [list(column) for column in zip(*batch, strict=True)]
            writer.write_table(arrow.table(cells, schema=schema))
            yield len(batch)


def _arrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise SettingsError("a Parquet file needs pyarrow: install rebut[data], or write .csv") from error


def _batches(rows: Rows) -> Iterator[Sequence[Sequence[Any]]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch
