"""The items of a scenario: read from a file or generated, each held to what the scenario needs of it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rebut.errors import InputError, suggest

from ..agents.answers import extract
from .generators import generate
from .spec import ScenarioSpec

SHOWN = 10
"""Problems of a file that are told in full; the rest is counted."""
MOST = 1_000_000
LONGEST = 10_000_000
"""Characters of one row."""

_OWN = ("id", "answer", "group")
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: what a workflow is asked, and what counts as right.

    Attributes:
        id: unique in its scenario.
        inputs: by name of the workflow's inputs, ``question`` among them.
        gold: accepted answers, in the scenario's kind.
        group: items of one group belong together (one text, one template): for clustered errors.
    """

    id: str
    inputs: Mapping[str, str]
    gold: tuple[str, ...]
    group: str = ""


class ItemsInvalid(InputError):
    """Rows of a data file do not fit; the text names rows and fields."""


@dataclass(slots=True)
class _Problems:
    """What is wrong, row by row."""

    name: str
    found: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, message: str) -> None:
        self.count += 1
        if len(self.found) < SHOWN:
            self.found.append(f"{self.name}:{row}: {message}")

    def raise_if_any(self) -> None:
        if self.count:
            more = f"\nand {self.count - SHOWN} more" if self.count > SHOWN else ""
            raise ItemsInvalid("\n".join(self.found) + more)


def items_of(spec: ScenarioSpec, inputs: frozenset[str] = frozenset({"question"})) -> list[Item]:
    """All items, in order; every row is looked at before any is given back.

    Args:
        inputs: what the scenario's workflows need.

    Raises:
        ItemsInvalid: rows that do not fit, named by row and field.
        InputError: the file is missing, empty, or of a form that is not known.
    """
    name = spec.data.file or f"generator {spec.data.generate}"
    problems = _Problems(name)
    reader = _Reader(spec, sorted(inputs), problems)
    items = [item for row, record in _records(spec, problems) if (item := reader.item(row, record))]
    problems.raise_if_any()
    if not items:
        raise InputError(f"{name}: there are no items")
    return items


def _records(spec: ScenarioSpec, problems: _Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Records with their row, as far as the limit."""
    data = spec.data
    if data.generate is not None:
        yield from enumerate(generate(data.generate, data.n, data.seed, data.options), 1)
        return
    path = _path(spec)
    rows = _READERS[path.suffix.lower()](path, problems)
    for count, (row, record) in enumerate(islice(rows, data.limit)):
        if count >= MOST:
            raise InputError(f"{data.file}: more than {MOST} items (set data.limit)")
        yield row, record


def _path(spec: ScenarioSpec) -> Path:
    assert spec.data.file is not None
    path = (spec.path.parent if spec.path else Path()) / Path(spec.data.file).expanduser()
    if not path.is_file():
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"no data file {spec.data.file!r}{suggest(path.name, near[:500])}")
    if path.suffix.lower() not in _READERS:
        raise InputError(
            f"data file {spec.data.file!r} is of no known form (possible: {', '.join(_READERS)})"
        )
    return path


def _json_lines(path: Path, problems: _Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as lines:
        for row, line in enumerate(iter(lambda: lines.readline(LONGEST + 1), b""), 1):
            if len(line) > LONGEST:
                raise InputError(f"{problems.name}:{row}: the row is longer than {LONGEST} bytes")
            text = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not text:
                continue
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                problems.add(row, f"not JSON: {error}")
                continue
            if b"\\ud" in text.lower() and (half := _HALF.search(json.dumps(record, ensure_ascii=False))):
                problems.add(row, f"half a character ({half[0]!a}): not Unicode")
            elif isinstance(record, dict):
                yield row, record
            else:
                problems.add(row, f"a JSON object is needed, not {type(record).__name__}")


def _table(path: Path, problems: _Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    csv.field_size_limit(LONGEST)
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
            columns = reader.fieldnames or []
            if doubled := [name for name in columns if columns.count(name) > 1]:
                raise InputError(f"{problems.name}: two columns are called {doubled[0]!r}")
            for record in reader:
                row = reader.line_num
                if None in record:
                    problems.add(row, f"more cells than the {len(columns)} columns")
                elif None in record.values():
                    problems.add(row, f"fewer cells than the {len(columns)} columns")
                else:
                    yield row, record
    except UnicodeDecodeError as error:
        raise InputError(f"{problems.name}: not UTF-8 (byte {error.start})") from error
    except csv.Error as error:
        raise InputError(f"{problems.name}: not a table of cells: {error}") from error


_READERS = {".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _table, ".tsv": _table}


class _Reader:
    """Makes items of records by the scenario's mapping of fields."""

    def __init__(self, spec: ScenarioSpec, inputs: list[str], problems: _Problems) -> None:
        self._columns = {name: spec.fields.get(name, name) for name in (*inputs, *_OWN)}
        self._inputs, self._kind, self._problems = inputs, spec.kind, problems
        self._named = {"id": "id" in spec.fields, "group": "group" in spec.fields}
        self._rows: dict[str, int] = {}
        self._blamed: set[str] = set()

    def item(self, row: int, record: Mapping[str, Any]) -> Item | None:
        """The item of a record; None, with the reason noted, where it does not fit."""
        before = self._problems.count
        inputs = {name: self._text(row, record, name) for name in self._inputs}
        gold = self._gold(row, record)
        own = self._optional(row, record, "id") or str(row)
        if (first := self._rows.setdefault(own, row)) != row:
            self._problems.add(row, f"field {self._columns['id']!r}: {own!r} is the id of row {first} too")
        group = self._optional(row, record, "group")
        if self._problems.count > before:
            return None
        return Item(id=own, inputs=inputs, gold=gold, group=group)

    def _value(self, row: int, record: Mapping[str, Any], name: str) -> Any:
        column = self._columns[name]
        if column not in record and column not in self._blamed:
            self._blamed.add(column)  # once for the whole file
            note = suggest(column, list(map(str, record)))
            self._problems.add(row, f"no field {column!r} for {name!r}{note}; map it with `fields`")
        elif column not in record:
            self._problems.count += 1
        return record.get(column)

    def _text(self, row: int, record: Mapping[str, Any], name: str) -> str:
        value = self._value(row, record, name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if self._columns[name] in record:
            self._problems.add(row, f"field {self._columns[name]!r}: a text is needed, not {_said(value)}")
        return ""

    def _optional(self, row: int, record: Mapping[str, Any], name: str) -> str:
        if self._columns[name] not in record and not self._named[name]:
            return ""
        value = self._value(row, record, name)
        if value is None or isinstance(value, str | int | float):
            return "" if value is None else str(value)
        self._problems.add(
            row, f"field {self._columns[name]!r}: a text or number is needed, not {_said(value)}"
        )
        return ""

    def _gold(self, row: int, record: Mapping[str, Any]) -> tuple[str, ...]:
        value = self._value(row, record, "answer")
        accepted = [self._accepted(row, one) for one in (value if isinstance(value, list) else [value])]
        if isinstance(value, list) and not value:
            self._problems.add(
                row, f"field {self._columns['answer']!r}: the list of accepted answers is empty"
            )
        return tuple(one for one in accepted if one is not None)

    def _accepted(self, row: int, value: Any) -> str | None:
        column = self._columns["answer"]
        if isinstance(value, bool):
            value = ("yes" if value else "no") if self._kind == "yesno" else str(value).lower()
        elif isinstance(value, int | float):
            value = repr(value)
        elif self._kind == "json" and isinstance(value, dict):
            value = json.dumps(value, ensure_ascii=False)
        if not isinstance(value, str) or not value.strip():
            if value is not None or column not in self._blamed:
                self._problems.add(row, f"field {column!r}: an answer is needed, not {_said(value)}")
            return None
        if self._kind in ("number", "choice", "yesno") and extract(f"Answer: {value}", self._kind) is None:
            self._problems.add(row, f"field {column!r}: {_said(value)} is no answer of kind {self._kind!r}")
            return None
        return value


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:39] + "…"
        return f"the text {text!r}" if text.strip() else "an empty text"
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)
