"""Flat tables in files of each form."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
from typing import Any

import pytest

from rebut.errors import InputError, SettingsError
from rebut.memory.flat import BATCH, Columns, form_of, write_table

COLUMNS: Columns = {"who": "text", "n": "whole", "share": "number", "right": "yesno"}
ROWS: list[tuple[Any, ...]] = [
    ('ada, "a"\nb ☃', 2**40, 0.1, True),
    (None, None, None, None),
    ("", 0, 1e-9, False),
]


def written(form: str, rows: list[tuple[Any, ...]] = ROWS) -> bytes:
    out = io.BytesIO()
    assert write_table(out, form, COLUMNS, rows) == len(rows)
    return out.getvalue()


def test_csv_keeps_line_breaks_and_leaves_empty_what_is_missing() -> None:
    heading, *rows = csv.reader(io.StringIO(written("csv").decode(), newline=""))
    assert heading == list(COLUMNS)
    assert rows[0] == ['ada, "a"\nb ☃', str(2**40), "0.1", "true"]
    assert rows[1] == ["", "", "", ""]


def test_json_lines_are_objects_with_all_columns() -> None:
    rows = [json.loads(line) for line in written("jsonl").splitlines()]
    assert rows == [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]


@pytest.mark.data
def test_parquet_gives_back_what_was_written_in_batches() -> None:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    many = ROWS * BATCH
    table = parquet.read_table(io.BytesIO(written("parquet", many)))
    assert [tuple(row.values()) for row in table.to_pylist()] == many
    assert [str(kind) for kind in table.schema.types] == ["string", "int64", "double", "bool"]
    empty = parquet.read_table(io.BytesIO(written("parquet", [])))
    assert (empty.num_rows, empty.schema.names) == (0, list(COLUMNS))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_more_rows_than_a_batch_are_all_written(form: str) -> None:
    assert written(form, [("x", 1, 1.0, True)] * (2 * BATCH + 1)).count(b"\n") == 2 * BATCH + 1 + (
        form == "csv"
    )


def test_rows_are_written_as_they_come() -> None:
    out = io.BytesIO()

    def rows() -> Any:
        for number in range(4 * BATCH):
            assert number - out.getvalue().count(b"\n") <= BATCH
            yield ("x", number, 1.0, True)

    write_table(out, "jsonl", COLUMNS, rows())


def test_the_form_follows_from_the_name() -> None:
    names = {
        "a.csv": "csv",
        "A.CSV.gz": "csv",
        "a.b.jsonl": "jsonl",
        "a.ndjson": "jsonl",
        "a.parquet": "parquet",
    }
    assert {name: form_of(name) for name in names} == names
    for name in ("a", "csv", "a.xlsx", "a.parquet.gz", ""):
        with pytest.raises(InputError, match="of no known form"):
            form_of(name)


def test_parquet_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"install rebut\[data\]"):
        written("parquet")
