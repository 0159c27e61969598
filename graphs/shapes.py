"""Shapes that a value of a workflow file can have: each reads a piece of YAML and writes its JSON Schema."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rebut.errors import suggest

from .diagnostics import Problems
from .expressions import Expression, ExpressionInvalid, parse
from .source import Listing, Piece, Scalar, Table, within

Schema = dict[str, Any]

IDENTIFIER = r"^[a-z][a-z0-9_]*$"
WORKFLOW = r"^[a-z][a-z0-9_-]*$"
SAVED = r"^[a-z][a-z0-9_]*\+?$"
EXPRESSION = r"^\s*=[^=]"


class Broken:
    """What reading gives where a value does not fit; the problem has been noted."""


BROKEN = Broken()


class Shape(Protocol):
    """A kind of value."""

    @property
    def words(self) -> str:
        """What a reader should write: ``a whole number``."""
        ...

    def read(self, piece: Piece, problems: Problems) -> Any:
        """The value, or BROKEN after noting what is wrong."""
        ...

    def schema(self) -> Schema:
        """The shape as JSON Schema (draft 2020-12)."""
        ...


def kind_of(piece: Piece) -> str:
    """What a piece is, in the words of messages."""
    if isinstance(piece, Listing):
        return "a list"
    if isinstance(piece, Table):
        return "a mapping"
    value = piece.value
    if value is None:
        return "nothing" if piece.text == "" else "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {_short(value)}" if isinstance(value, str) else f"the number {piece.text}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def misfit(piece: Piece, words: str, problems: Problems, note: str = "") -> Broken:
    """Note that `piece` is not what is needed."""
    problems.error("type", piece.span, f"{words} is needed, not {kind_of(piece)}", note)
    return BROKEN


def formula(piece: Scalar, source: str, shift: int, problems: Problems) -> Expression | Broken:
    """The expression `source`, which begins `shift` characters into the scalar's text."""
    try:
        return parse(source)
    except ExpressionInvalid as error:
        span = within(piece, error.offset + shift, error.end + shift)
        problems.error("expression", span, error.reason)
        return BROKEN


def marked(text: str) -> bool:
    """Whether a text is an expression where a literal could stand: it begins with one ``=``."""
    bare = text.lstrip()
    return bare.startswith("=") and not bare.startswith("==")


def dynamic(piece: Scalar, problems: Problems) -> Expression | Broken:
    """The expression behind a leading ``=``."""
    shift = piece.text.index("=") + 1
    return formula(piece, piece.text[shift:], shift, problems)


@dataclass(frozen=True, slots=True)
class Word:
    """A name or one of a few words."""

    pattern: str = IDENTIFIER
    what: str = "a name"

    @property
    def words(self) -> str:
        return self.what

    def read(self, piece: Piece, problems: Problems) -> Any:
        if not isinstance(piece, Scalar) or not isinstance(piece.value, str):
            return misfit(piece, self.words, problems)
        if not re.fullmatch(self.pattern, piece.value) or "\n" in piece.value:
            problems.error(
                "name", piece.span, f"not {self.what}: {_short(piece.value)}", naming(self.pattern)
            )
            return BROKEN
        return piece.value

    def schema(self) -> Schema:
        return {"type": "string", "pattern": self.pattern}


def naming(pattern: str) -> str:
    """How names of a pattern look."""
    more = {WORKFLOW: ", underscores and hyphens", SAVED: " and underscores, with + at the end to append"}
    return f"small letters, digits{more.get(pattern, ' and underscores')}, a letter first"


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `formulas` says that ``=...`` makes it an expression, `choices` what literals are possible."""

    choices: tuple[str, ...] = ()
    formulas: bool = False
    empty: bool = True
    what: str = "a text"

    @property
    def words(self) -> str:
        return self.what

    def read(self, piece: Piece, problems: Problems) -> Any:
        if not isinstance(piece, Scalar) or not isinstance(piece.value, str):
            quote = isinstance(piece, Scalar) and piece.value is not None
            return misfit(piece, self.words, problems, "put it in quotes" if quote else "")
        if self.formulas and marked(piece.text):
            return dynamic(piece, problems)
        if self.choices and piece.value not in self.choices:
            problems.error(
                "choice",
                piece.span,
                f"unknown value: {_short(piece.value)}",
                suggest(piece.value, self.choices),
            )
            return BROKEN
        if not self.empty and not piece.value.strip():
            return misfit(piece, self.words, problems)
        return piece.value

    def schema(self) -> Schema:
        if not self.choices:
            return {"type": "string"} | ({} if self.empty else {"pattern": r"\S"})
        literal: Schema = {"enum": list(self.choices)}
        return {"anyOf": [literal, {"type": "string", "pattern": EXPRESSION}]} if self.formulas else literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number in bounds; with `formulas` also an expression, with or without a leading ``=``."""

    whole: bool = False
    least: float | None = None
    above: float | None = None
    most: float | None = None
    formulas: bool = True

    @property
    def words(self) -> str:
        word = "a whole number" if self.whole else "a number"
        bounds = [
            f"at least {self.least:g}" if self.least is not None else "",
            f"above {self.above:g}" if self.above is not None else "",
            f"at most {self.most:g}" if self.most is not None else "",
        ]
        bound = " and ".join(b for b in bounds if b)
        return f"{word} ({bound})" if bound else word

    def read(self, piece: Piece, problems: Problems) -> Any:
        value = piece.value if isinstance(piece, Scalar) else None
        if self.formulas and isinstance(piece, Scalar) and isinstance(value, str) and value.strip():
            return dynamic(piece, problems) if marked(value) else formula(piece, value, 0, problems)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return misfit(piece, self.words, problems, "or an expression" if self.formulas else "")
        if (self.whole and value != int(value) if math.isfinite(value) else True) or not self._fits(value):
            return misfit(piece, self.words, problems)
        return int(value) if self.whole else value

    def _fits(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
        )

    def schema(self) -> Schema:
        bounds = {"minimum": self.least, "exclusiveMinimum": self.above, "maximum": self.most}
        number: Schema = {"type": "integer" if self.whole else "number"}
        number |= {key: bound for key, bound in bounds.items() if bound is not None}
        return {"anyOf": [number, {"type": "string", "pattern": r"\S"}]} if self.formulas else number


@dataclass(frozen=True, slots=True)
class Flag:
    """true, false, or, with `formulas`, an expression."""

    formulas: bool = True

    @property
    def words(self) -> str:
        return "true or false"

    def read(self, piece: Piece, problems: Problems) -> Any:
        if isinstance(piece, Scalar) and isinstance(piece.value, bool):
            return piece.value
        if (
            self.formulas
            and isinstance(piece, Scalar)
            and isinstance(piece.value, str)
            and marked(piece.value)
        ):
            return dynamic(piece, problems)
        note = "or an expression with a leading =" if self.formulas else ""
        return misfit(piece, self.words, problems, note)

    def schema(self) -> Schema:
        flag: Schema = {"type": "boolean"}
        return {"anyOf": [flag, {"type": "string", "pattern": EXPRESSION}]} if self.formulas else flag


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression, always; a leading ``=`` may stand before it."""

    what: str = "an expression"

    @property
    def words(self) -> str:
        return self.what

    def read(self, piece: Piece, problems: Problems) -> Any:
        if not isinstance(piece, Scalar) or piece.value is None:
            note = (
                "put it in quotes: [ and { begin a list or mapping in YAML"
                if not isinstance(piece, Scalar)
                else ""
            )
            return misfit(piece, self.words, problems, note)
        if isinstance(piece.value, str):
            return dynamic(piece, problems) if marked(piece.text) else formula(piece, piece.text, 0, problems)
        source = str(piece.value) if isinstance(piece.value, bool) else piece.text
        return formula(piece, source, 0, problems)

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any literal; a text with a leading ``=`` is an expression, one with two a text with one."""

    formulas: bool = True
    what: str = "a value"

    @property
    def words(self) -> str:
        return self.what

    def read(self, piece: Piece, problems: Problems) -> Any:
        if isinstance(piece, Scalar) and isinstance(piece.value, str) and marked(piece.value):
            if self.formulas:
                return dynamic(piece, problems)
            problems.error("type", piece.span, "a literal is needed, not an expression")
            return BROKEN
        return self._literal(piece, problems)

    def _literal(self, piece: Piece, problems: Problems) -> Any:
        if isinstance(piece, Listing):
            return [self._inner(item, problems) for item in piece.items]
        if isinstance(piece, Table):
            return {key.text: self._inner(value, problems) for key, value in piece.entries}
        if isinstance(piece.value, str) and piece.value.lstrip().startswith("=="):
            return piece.value.replace("==", "=", 1)
        if isinstance(piece.value, float) and not math.isfinite(piece.value):
            return misfit(piece, "a finite number", problems)
        return piece.value

    def _inner(self, piece: Piece, problems: Problems) -> Any:
        if isinstance(piece, Scalar) and isinstance(piece.value, str) and marked(piece.value):
            problems.error(
                "type", piece.span, "an expression cannot stand within a literal list or mapping",
                "write the whole value as one expression, such as \"=[params.a, 'b']\"",
            )  # fmt: skip
            return BROKEN
        return self._literal(piece, problems)

    def schema(self) -> Schema:
        return {}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one shape; with `single`, one value may stand for a list of one."""

    item: Shape
    least: int = 1
    single: bool = False
    distinct: bool = False

    @property
    def words(self) -> str:
        return f"{self.item.words} or a list" if self.single else "a list"

    def read(self, piece: Piece, problems: Problems) -> Any:
        if self.single and isinstance(piece, Scalar):
            value = self.item.read(piece, problems)
            return BROKEN if value is BROKEN else (value,)
        if not isinstance(piece, Listing):
            return misfit(piece, self.words, problems)
        if len(piece.items) < self.least:
            problems.error("type", piece.span, f"the list needs {self.least} or more items")
            return BROKEN
        values = [self.item.read(item, problems) for item in piece.items]
        if self.distinct:
            self._repeated(piece, values, problems)
        return tuple(dict.fromkeys(v for v in values if v is not BROKEN))

    def _repeated(self, piece: Listing, values: Sequence[Any], problems: Problems) -> None:
        for index, value in enumerate(values):
            if value is not BROKEN and value in values[:index]:
                problems.error("duplicate", piece.items[index].span, f"{value!r} stands twice in the list")

    def schema(self) -> Schema:
        many: Schema = {"type": "array", "items": self.item.schema(), "minItems": self.least}
        if self.distinct:
            many["uniqueItems"] = True
        return {"anyOf": [self.item.schema(), many]} if self.single else many


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping from names to one shape."""

    value: Shape
    key: Word = field(default_factory=Word)
    least: int = 0

    @property
    def words(self) -> str:
        return "a mapping"

    def read(self, piece: Piece, problems: Problems) -> Any:
        if not isinstance(piece, Table):
            return misfit(piece, self.words, problems)
        if len(piece.entries) < self.least:
            problems.error("type", piece.span, f"the mapping needs {self.least} or more entries")
            return BROKEN
        found: dict[str, Any] = {}
        for key, value in piece.entries:
            name = self.key.read(key, problems)
            read = self.value.read(value, problems)
            if name is not BROKEN:
                found[name] = read
        return found

    def schema(self) -> Schema:
        return {
            "type": "object",
            "patternProperties": {self.key.pattern: self.value.schema()},
            "additionalProperties": False,
        } | ({"minProperties": self.least} if self.least else {})


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a mapping with fixed keys. `needs` is another key without which it means nothing."""

    name: str
    shape: Shape
    help: str
    required: bool = False
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A mapping with fixed keys; with `more`, any other key is read by that shape."""

    what: str
    keys: tuple[Key, ...]
    more: MapOf | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Keys that are possible in other places, and where: for the note of an unknown key."""

    @property
    def words(self) -> str:
        return "a mapping"

    def read(self, piece: Piece, problems: Problems) -> Any:
        if not isinstance(piece, Table):
            return misfit(
                piece, f"a mapping ({self.what})", problems, f"keys: {', '.join(k.name for k in self.keys)}"
            )
        known = {key.name: key for key in self.keys}
        found: dict[str, Any] = {}
        for name, value in piece.entries:
            if name.text in known:
                found[name.text] = known[name.text].shape.read(value, problems)
            elif self.more is not None:
                found |= self._more(name, value, problems)
            else:
                self._unknown(name, value, problems)
        self._complete(piece, found, problems)
        return {name: value for name, value in found.items() if value is not BROKEN}

    def _more(self, name: Scalar, value: Piece, problems: Problems) -> dict[str, Any]:
        assert self.more is not None
        key = self.more.key.read(name, problems)
        return {} if key is BROKEN else {key: self.more.value.read(value, problems)}

    def _unknown(self, name: Scalar, value: Piece, problems: Problems) -> None:
        if " " in name.text and isinstance(value, Scalar) and value.text == "":
            note = "within { } a comma ends a text: put texts with commas in quotes"
        else:
            note = self.elsewhere.get(name.text) or suggest(name.text, [key.name for key in self.keys])
        message = f"unknown key {_short(name.text)} in {self.what}"
        problems.error("unknown-key", name.span, message, note)

    def _complete(self, piece: Table, found: Mapping[str, Any], problems: Problems) -> None:
        for key in self.keys:
            if key.required and key.name not in found:
                problems.error("missing-key", piece.span, f"{self.what} has no {key.name!r}", key.help)
            if key.needs and key.name in found and key.needs not in found:
                at = piece.key(key.name)
                problems.error(
                    "needs-key",
                    at.span if at else piece.span,
                    f"{key.name!r} means nothing without {key.needs!r}",
                )

    def schema(self) -> Schema:
        properties = {k.name: {**k.shape.schema(), "description": k.help} for k in self.keys}
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [k.name for k in self.keys if k.required]
        dependent = {k.name: [k.needs] for k in self.keys if k.needs}
        if self.more is not None:
            schema["patternProperties"] = {self.more.key.pattern: self.more.value.schema()}
        return schema | ({"required": required} if required else {}) | (
            {"dependentRequired": dependent} if dependent else {}
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Either:
    """One of several shapes, told apart by whether the piece is a scalar, a list or a mapping."""

    scalar: Shape | None = None
    listing: Shape | None = None
    table: Shape | None = None

    @property
    def words(self) -> str:
        return " or ".join(shape.words for shape in self._shapes())

    def _shapes(self) -> list[Shape]:
        return [shape for shape in (self.scalar, self.listing, self.table) if shape is not None]

    def read(self, piece: Piece, problems: Problems) -> Any:
        by_kind = {Scalar: self.scalar, Listing: self.listing, Table: self.table}
        shape = by_kind[type(piece)]
        return misfit(piece, self.words, problems) if shape is None else shape.read(piece, problems)

    def schema(self) -> Schema:
        schemas: list[Schema] = []
        for shape in self._shapes():
            if (schema := shape.schema()) not in schemas:
                schemas.append(schema)
        return {"anyOf": schemas}
