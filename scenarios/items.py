"""The items of a scenario: each row of its data held to what the scenario needs, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rebut.errors import InputError, suggest

from .choices import Misfit, choices_of, shown
from .data import ItemsInvalid, Problems, records
from .data.problems import SHOWN
from .data.sources import by_file
from .golds import Golds
from .rows import MISSING, field_of, said, text_of
from .spec import ScenarioSpec

__all__ = ["SHOWN", "Item", "Items", "ItemsInvalid", "items_of", "look"]

HELD = 500_000_000
"""Characters of all inputs together, which are held in memory."""

_OWN = ("id", "answer", "group", "choices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: what a workflow is asked, and what counts as right.

    Attributes:
        id: unique in its scenario.
        inputs: by name of the workflow's inputs, ``question`` among them.
        gold: accepted answers, in the scenario's kind; for ``check: tests`` the tests.
        group: items of one group belong together (one text, one template): for clustered errors.
    """

    id: str
    inputs: Mapping[str, str]
    gold: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a scenario, in order, and what is doubtful about them."""

    items: list[Item]
    warnings: list[str]


def items_of(
    spec: ScenarioSpec, inputs: frozenset[str] = frozenset({"question"}), limit: int | None = None
) -> list[Item]:
    """All items, in order; see `look`."""
    return look(spec, inputs, limit).items


def look(
    spec: ScenarioSpec, inputs: frozenset[str] = frozenset({"question"}), limit: int | None = None
) -> Items:
    """All items, in order; every row is looked at before any is given back.

    Args:
        inputs: what the scenario's workflows need.
        limit: only so many rows are read, from the first.

    Raises:
        ItemsInvalid: rows that do not fit, named by row and field.
        InputError: the data are missing, empty, or of a form that is not known; or a mapped field that
            nothing asks for.
    """
    name = spec.data.file or f"generator {spec.data.generate}"
    problems = Problems(name)
    reader = _Reader(spec, sorted(inputs), problems)
    rows = records(spec, problems, reader.columns, limit)
    items = [item for row, record in rows if (item := reader.item(row, record))]
    reader.finish()
    problems.raise_if_any()
    if not items:
        raise InputError(f"{name}: there are no items")
    return Items(items, problems.warnings)


class _Reader:
    """Makes items of records by the scenario's mapping of fields."""

    def __init__(self, spec: ScenarioSpec, inputs: list[str], problems: Problems) -> None:
        for name in spec.fields:
            if name not in (*inputs, *_OWN):
                note = suggest(name, [*inputs, *_OWN])
                raise InputError(f"fields: no workflow asks for {name!r}{note}")
        self._where = {name: spec.fields.get(name, name) for name in (*inputs, *_OWN)}
        self._inputs, self._problems = inputs, problems
        self._golds = Golds(spec, self._where["answer"], problems)
        self._named = {name: name in spec.fields for name in ("id", "group", "choices")}
        self._several = by_file(spec)
        self._rows: dict[str, tuple[str, int]] = {}
        self._asked: dict[int, tuple[str, int]] = {}
        self._blamed: set[str] = set()
        self._held = 0

    @property
    def columns(self) -> frozenset[str]:
        """What is looked at of a record."""
        return frozenset(self._where.values())

    def item(self, row: int, record: Mapping[str, Any]) -> Item | None:
        """The item of a record; None, with the reason noted, where it does not fit."""
        before = self._problems.count
        inputs = {name: self._text(row, record, name) for name in self._inputs}
        options = self._options(row, record)
        if options and "question" in inputs:
            inputs["question"] = shown(inputs["question"], options)
        gold = self._golds.read(row, self._value(row, record, "answer"), options, inputs.get("question", ""))
        own, group = self._id(row, record), self._optional(row, record, "group")
        if self._problems.count > before:
            return None
        self._again(row, inputs)
        self._weigh(row, inputs)
        return Item(id=own, inputs=inputs, gold=gold, group=group)

    def finish(self) -> None:
        """Look at all answers together."""
        self._golds.finish()

    def _id(self, row: int, record: Mapping[str, Any]) -> str:
        name = self._problems.name
        own = self._optional(row, record, "id") or (f"{name}:{row}" if self._several else str(row))
        first = self._rows.setdefault(own, (name, row))
        if first != (name, row):
            where = self._place(first)
            self._problems.add(row, f"field {self._where['id']!r}: {own!r} is the id of {where} too")
        return own

    def _place(self, at: tuple[str, int]) -> str:
        return f"row {at[1]}" if at[0] == self._problems.name else f"{at[0]}:{at[1]}"

    def _again(self, row: int, inputs: Mapping[str, str]) -> None:
        """Doubt a row that asks what another did: it counts twice."""
        first = self._asked.setdefault(hash(tuple(inputs.values())), (self._problems.name, row))
        if first != (self._problems.name, row):
            self._problems.doubt(row, f"it asks the same as {self._place(first)}")

    def _weigh(self, row: int, inputs: Mapping[str, str]) -> None:
        self._held += sum(map(len, inputs.values()))
        if self._held > HELD:
            raise InputError(
                f"{self._problems.name}:{row}: more than {HELD} characters of inputs (set data.limit)"
            )

    def _value(self, row: int, record: Mapping[str, Any], name: str) -> Any:
        column = self._where[name]
        value = field_of(record, column)
        if value is MISSING and column not in self._blamed:
            self._blamed.add(column)  # once for the whole file
            note = suggest(column, [*(self._problems.columns or map(str, record))])
            self._problems.add(row, f"no field {column!r} for {name!r}{note}; map it with `fields`")
        elif value is MISSING:
            self._problems.count += 1
        return value

    def _text(self, row: int, record: Mapping[str, Any], name: str) -> str:
        value = self._value(row, record, name)
        text = text_of(value)
        if text is not None and text.strip():
            return text
        if value is not MISSING:
            self._problems.add(row, f"field {self._where[name]!r}: a text is needed, not {said(value)}")
        return ""

    def _optional(self, row: int, record: Mapping[str, Any], name: str) -> str:
        if field_of(record, self._where[name]) is MISSING and not self._named[name]:
            return ""
        value = self._value(row, record, name)
        text = "" if value is None or value is MISSING else text_of(value)
        if text is None:
            column = self._where[name]
            self._problems.add(row, f"field {column!r}: a text or number is needed, not {said(value)}")
        return text or ""

    def _options(self, row: int, record: Mapping[str, Any]) -> dict[str, str]:
        """The choices by their letter; none where the scenario names no field for them."""
        if not self._named["choices"]:
            return {}
        value = self._value(row, record, "choices")
        if value is MISSING:
            return {}
        try:
            return choices_of(value)
        except Misfit as misfit:
            self._problems.add(row, f"field {self._where['choices']!r}: {misfit}")
            return {}
