"""YAML with positions: scalars by the core schema of YAML 1.2, no duplicate keys, no tags, no bombs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from .diagnostics import Problems
from .spec import Span

LARGEST = 1_000_000
DEEPEST = 40
MOST_PIECES = 20_000


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, true, false or null. `raw` is the file's text between the marks, quotes included."""

    value: Any
    text: str
    raw: str
    span: Span
    plain: bool
    size: int = 1


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple[Piece, ...]
    span: Span
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping: keys are texts, in order, each once."""

    entries: tuple[tuple[Scalar, Piece], ...]
    span: Span
    size: int

    def get(self, name: str) -> Piece | None:
        """The value of a key."""
        return next((value for key, value in self.entries if key.text == name), None)

    def key(self, name: str) -> Scalar | None:
        """The key itself, for its place."""
        return next((key for key, _ in self.entries if key.text == name), None)


Piece = Scalar | Listing | Table


class _Stop(Exception):
    """The rest of the file cannot be read; the problem has been noted."""


def read(text: str, problems: Problems) -> Piece | None:
    """The document of a YAML text; None, with the reason in `problems`, when it cannot be read."""
    if len(text) > LARGEST:
        problems.error("too-large", None, f"file too large: {len(text)} characters (limit: {LARGEST})")
        return None
    try:
        text.encode()
        return _Composer(text, problems).document()
    except _Stop:
        return None
    except UnicodeEncodeError as error:
        problems.error("yaml", None, f"not valid unicode: character {text[error.start]!r} at {error.start}")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = Span(mark.line + 1, mark.column + 1, mark.column + 2) if mark else None
        context = f"{error.context}: " if error.context else ""
        problems.error(
            "yaml", span, f"not valid YAML: {context}{error.problem or 'cannot be read'}", _hint(error)
        )
    except yaml.YAMLError as error:
        problems.error(
            "yaml", None, f"not valid YAML: {getattr(error, 'reason', None) or error}".splitlines()[0]
        )
    return None


def _hint(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "mapping values are not allowed" in problem:
        return "put a text that holds ': ' in quotes"
    if "\\t" in problem or "tab" in problem or "cannot start any token" in problem:
        return "indent with spaces; put a text that begins with a special character in quotes"
    return ""


class _Composer:
    """Builds pieces from the events of the YAML parser, which does not recurse: no file can overflow it."""

    def __init__(self, text: str, problems: Problems) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._text = text
        self._problems = problems
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))
        self._anchors: dict[str, Piece] = {}
        self._open: set[str] = set()

    def document(self) -> Piece | None:
        next(self._events)  # start of stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            self._problems.error("empty", None, "the file is empty")
            return None
        piece = self._piece(next(self._events), 1)
        next(self._events)  # end of document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._problems.error(
                "yaml", self._span(event), "a second document begins here", "one workflow a file"
            )
        return piece

    def _piece(self, event: Any, depth: int) -> Piece:
        span = self._span(event)
        if depth > DEEPEST:
            raise self._stop("too-deep", span, f"nested more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, span)
        anchor = event.anchor
        if anchor:
            self._open.add(anchor)
        piece = self._build(event, span, depth)
        if piece.size > MOST_PIECES:
            raise self._stop("too-large", span, f"more than {MOST_PIECES} values, aliases counted out")
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = piece
        return piece

    def _build(self, event: Any, span: Span, depth: int) -> Piece:
        if event.tag is not None and event.tag != "!":
            self._problems.error("tag", span, f"tags are not possible: {event.tag!r}")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, span)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._listing(span, depth)
        return self._table(span, depth)

    def _alias(self, name: str | None, span: Span) -> Piece:
        if name in self._open:
            raise self._stop("alias", span, f"alias {name!r} stands within what it names")
        if name is None or name not in self._anchors:
            raise self._stop("alias", span, f"alias {name!r} has no anchor before it")
        return self._anchors[name]

    def _scalar(self, event: Any, span: Span) -> Scalar:
        plain = event.style is None or event.style == ""
        raw = self._text[event.start_mark.index : event.end_mark.index]
        value = core(event.value) if plain and event.tag is None else event.value
        return Scalar(value, event.value, raw, span, plain)

    def _listing(self, span: Span, depth: int) -> Listing:
        items: list[Piece] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._piece(event, depth + 1))
        return Listing(tuple(items), span, 1 + sum(item.size for item in items))

    def _table(self, span: Span, depth: int) -> Table:
        entries: dict[str, tuple[Scalar, Piece]] = {}
        merged: dict[str, tuple[Scalar, Piece]] = {}
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._piece(event, depth + 1)
            value = self._piece(next(self._events), depth + 1)
            size += 1 + value.size
            if not isinstance(key, Scalar):
                self._problems.error("key", key.span, "a key must be a text")
            elif key.text == "<<" and key.plain:
                self._merge(merged, value)
            elif key.text in entries:
                first = entries[key.text][0].span.line
                self._problems.error(
                    "duplicate-key", key.span, f"key {key.text!r} is given twice", f"first in line {first}"
                )
            else:
                entries[key.text] = (key, value)
        return Table(tuple({**merged, **entries}.values()), span, size)

    def _merge(self, merged: dict[str, tuple[Scalar, Piece]], value: Piece) -> None:
        for table in value.items if isinstance(value, Listing) else (value,):
            if not isinstance(table, Table):
                self._problems.error("key", table.span, "`<<` takes in mappings only")
                continue
            for key, item in table.entries:
                merged.setdefault(key.text, (key, item))

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        column = start.column + 1
        if end.line == start.line:
            return Span(start.line + 1, column, max(end.column + 1, column + 1))
        stop = self._text.find("\n", start.index)
        length = (stop if stop >= 0 else len(self._text)) - start.index
        return Span(start.line + 1, column, column + max(length, 1))

    def _stop(self, code: str, span: Span, message: str) -> _Stop:
        self._problems.error(code, span, message)
        return _Stop()


_INT = re.compile(r"[-+]?[0-9]{1,300}")
_BASED = re.compile(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


def core(text: str) -> Any:
    """The value of a plain scalar by the core schema of YAML 1.2, where yes, no, on and off are texts.

    >>> [core(text) for text in ("12", "0x1f", "1e3", "yes", "true", "~", "1_000")]
    [12, 31, 1000.0, 'yes', True, None, '1_000']
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if len(text) <= 300 and _FLOAT.fullmatch(text):
        return float(text)
    return text


def within(piece: Scalar, offset: int, end: int) -> Span:
    """The place in the file of the characters `offset` to `end` of a scalar's text."""
    start, stop = _raw_index(piece, offset), _raw_index(piece, max(end - 1, offset)) + 1
    before = piece.raw[:start]
    line = piece.span.line + before.count("\n")
    newline = before.rfind("\n")
    column = piece.span.column + start if newline < 0 else start - newline
    same_line = piece.raw[start:stop].split("\n", 1)[0].rstrip()
    return Span(line, column, column + max(len(same_line), 1))


def _raw_index(piece: Scalar, offset: int) -> int:
    """Where in `raw` the character at `offset` of the text stands; as many non-blanks lie before both."""
    first = 0
    if piece.raw[:1] in ("|", ">"):
        first = piece.raw.find("\n") + 1
    elif not piece.plain:
        first = 1
    if piece.text in piece.raw[first:]:
        return piece.raw.index(piece.text, first) + offset
    wanted = sum(not c.isspace() for c in piece.text[:offset])
    for index in range(first, len(piece.raw)):
        if not piece.raw[index].isspace():
            if wanted == 0:
                return index
            wanted -= 1
    return max(len(piece.raw) - 1, 0)
