"""Replies in a form of a role's own: fields named in its front matter, checked like every other reply.

returns:
  reason: text (one or two sentences)
  checks: flags of questions
  points: texts 1..8 (a point, in a few words)
  best: whole 1..answers (the number of the best answer)
  kind: one of easy, hard
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, create_model

from rebut import records

from .wires import Text, Wire, YesNo

What = Literal["text", "number", "whole", "flag", "choice"]

HOW = (
    "text, number, whole, flag, each also as a list (texts, numbers, wholes, flags), or 'one of a, b'; then, "
    "each if wanted, a range such as 0..10 or 1..answers (for texts: of how many), 'of questions' for one of "
    "each, a hint in brackets"
)
RESERVED = frozenset({"agent", "model", "call"})

_FIELD = re.compile(
    r"(?P<what>text|number|whole|flag)(?P<many>s?)"
    r"(?:\s+(?P<low>-?\d{1,9})\.\.(?P<high>-?\d{1,9}|[a-z][a-z0-9_]*))?"
    r"(?:\s+of\s+(?P<of>[a-z][a-z0-9_]*))?"
    r"(?:\s+\((?P<hint>[^()]+)\))?"
)
_CHOICE = re.compile(r"one of (?P<choices>[^()]+?)(?:\s+\((?P<hint>[^()]+)\))?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form.

    Attributes:
        what: the kind of value; `many` says that it is a list.
        low: the least number (of a list of texts: the least length), None for any.
        high: the greatest number (length), or the name of a fact whose length it is.
        of: the name of a fact whose length the list has.
        choices: the possible texts of a choice.
        hint: words for whoever fills it in.
    """

    name: str
    what: What
    many: bool = False
    low: int | None = None
    high: int | str | None = None
    of: str | None = None
    choices: tuple[str, ...] = ()
    hint: str = ""

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts that it is measured by."""
        return tuple(name for name in (self.high, self.of) if isinstance(name, str))


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a reply, in the order in which they are asked for."""

    fields: tuple[Field, ...]

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that its fields are measured by."""
        return frozenset(name for field in self.fields for name in field.facts)

    @property
    def record(self) -> type[Reply]:
        """The record that a reply becomes."""
        return _record(self)

    def __str__(self) -> str:
        return "form"


Sizes = Mapping[str, int]


def form_of(written: Mapping[str, Any]) -> Form:
    """The form that a role's front matter describes.

    Raises:
        ValueError: a field cannot be read; the text says which and what is possible.
    """
    if not written:
        raise ValueError("a form needs a field or more")
    return Form(tuple(_field(str(name), text) for name, text in written.items()))


def _field(name: str, text: Any) -> Field:
    if not _free(name):
        raise ValueError(f"{name!r} cannot name a field (small letters, digits and underscores; not taken)")
    if not isinstance(text, str):
        raise ValueError(f"field {name!r} is {text!r} (possible: {HOW})")
    if chosen := _CHOICE.fullmatch(text.strip()):
        choices = tuple(part.strip() for part in chosen["choices"].split(","))
        if len(set(choices)) < max(2, len(choices)) or not all(choices):
            raise ValueError(f"field {name!r} needs two or more different choices")
        return Field(name=name, what="choice", choices=choices, hint=chosen["hint"] or "")
    found = _FIELD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"field {name!r} is {text!r} (possible: {HOW})")
    return _checked(name, found)


def _checked(name: str, found: re.Match[str]) -> Field:
    low, high = found["low"], found["high"]
    counts = found["what"] == "text" and found["many"]
    if low is not None and found["what"] not in ("number", "whole") and not counts:
        raise ValueError(f"field {name!r}: only numbers and lists of texts have a range")
    if low is not None and counts and (found["of"] or int(low) < 0):
        raise ValueError(f"field {name!r}: a list of texts has a length from 0 up, or that of a list")
    if found["of"] and not found["many"]:
        raise ValueError(f"field {name!r}: 'of {found['of']}' needs a list, such as {found['what']}s")
    top: int | str | None = int(high) if high and high.lstrip("-").isdigit() else high
    if isinstance(top, int) and low is not None and top < int(low):
        raise ValueError(f"field {name!r}: nothing is between {low} and {high}")
    return Field(
        name=name,
        what=found["what"],  # type: ignore[arg-type] # the pattern knows no other
        many=bool(found["many"]),
        low=None if low is None else int(low),
        high=top,
        of=found["of"],
        hint=found["hint"] or "",
    )


def sizes(form: Form, facts: Mapping[str, Any]) -> dict[str, int]:
    """The lengths of the facts that a form's fields are measured by.

    Raises:
        ValueError: such a fact is not bound, or has no length.
    """
    found: dict[str, int] = {}
    for name in sorted(form.facts):
        value = facts.get(name)
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise ValueError(f"the form of the reply is measured by {name!r}, which is no list here")
        found[name] = len(value)  # type: ignore[arg-type]
    return found


def schema(form: Form, lengths: Sizes) -> dict[str, Any]:
    """The form as JSON Schema, fit for strict modes."""
    properties = {field.name: _schema(field, lengths) for field in form.fields}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(field: Field, lengths: Sizes) -> dict[str, Any]:
    kinds = {"text": "string", "number": "number", "whole": "integer", "flag": "boolean", "choice": "string"}
    one: dict[str, Any] = {"type": kinds[field.what]}
    high = _high(field, lengths)
    if field.choices:
        one["enum"] = list(field.choices)
    elif field.what == "whole" and field.low is not None and high is not None and high - field.low <= 100:
        one["enum"] = list(range(field.low, high + 1))
    elif field.what != "text" and field.low is not None and high is not None:
        one |= {"minimum": field.low, "maximum": high}
    if not field.many:
        return one
    count = _count(field, lengths)
    return {"type": "array", "items": one} | ({"minItems": count[0], "maxItems": count[1]} if count else {})


def _count(field: Field, lengths: Sizes) -> tuple[int, int] | None:
    """The least and the greatest length of a list; None for any."""
    if field.of is not None:
        return lengths[field.of], lengths[field.of]
    if field.what != "text" or field.low is None:
        return None
    high = _high(field, lengths)
    assert high is not None
    return min(field.low, high), high


def keys(form: Form, lengths: Sizes) -> str:
    """How a reply looks, for the prompt."""
    return ", ".join(f'"{field.name}": {_shown(field, lengths)}' for field in form.fields)


def _shown(field: Field, lengths: Sizes) -> str:
    one = _one(field, lengths)
    if not field.many:
        return one
    count = _count(field, lengths)
    if count is None:
        return f"[{one}, {one}, ...]"
    return f"[{one}, ...: {_span(*count)} of them]"


def _span(low: int, high: int) -> str:
    return str(high) if low == high else f"{low} to {high}"


def _one(field: Field, lengths: Sizes) -> str:
    hint = f": {field.hint}" if field.hint else ""
    if field.what == "choice":
        return " or ".join(f'"{choice}"' for choice in field.choices)
    if field.what == "text":
        return f'"<{field.hint or "text"}>"'
    if field.what == "flag":
        return f"<true or false{hint}>"
    word = "whole number" if field.what == "whole" else "number"
    high = _high(field, lengths)
    return f"<{word}{'' if field.low is None else f' from {field.low} to {high}'}{hint}>"


def _high(field: Field, lengths: Sizes) -> int | None:
    return lengths[field.high] if isinstance(field.high, str) else field.high


def _typed(generic: Any, parameters: tuple[Any, ...]) -> Any:
    """`generic[parameters]` for parameters that are known only now."""
    return generic[parameters]


class Reply(records.Reply):
    """What a filled-in form becomes, for pickle and for checkpoints of a graph.

    A checkpoint keeps a record as the name of its class and its values, and makes it again with
    ``Reply(**values)``: that gives a record with a field for each of them.
    """

    def __new__(cls, /, *_: Any, **values: Any) -> Self:
        made = cls
        if cls is Reply and (kinds := tuple((n, _kind_of(v)) for n, v in values.items() if _free(n))):
            made = cast("type[Self]", _with(kinds))
        return super().__new__(made)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = type(self).model_fields.items()
        kinds = tuple((name, field.annotation) for name, field in fields if name not in RESERVED)
        return _blank, (kinds,), self.__getstate__()


Kinds = tuple[tuple[str, Any], ...]
"""The fields of a record with what they hold, in order."""


def _record(form: Form) -> type[Reply]:
    kinds: dict[str, Any] = {"text": str, "number": float, "whole": int, "flag": bool, "choice": str}
    return _with(
        tuple(
            (field.name, _typed(tuple, (kinds[field.what], ...)) if field.many else kinds[field.what])
            for field in form.fields
        )
    )


@lru_cache(maxsize=256)
def _with(kinds: Kinds) -> type[Reply]:
    fields: dict[str, Any] = {name: (kind, ...) for name, kind in kinds}
    return create_model("Reply", __base__=Reply, **fields)


def _blank(kinds: Kinds) -> Reply:
    """A record whose values come later."""
    made = _with(kinds) if kinds else Reply
    return made.__new__(made)


def _kind_of(value: Any) -> Any:
    """What a field holds, told by its value."""
    if not isinstance(value, list | tuple):
        return type(value) if isinstance(value, str | bool | int | float) else Any
    kinds = {_kind_of(one) for one in value}
    return _typed(tuple, (kinds.pop() if len(kinds) == 1 else Any, ...))


def _free(name: str) -> bool:
    """Whether a field may be named so."""
    return bool(_NAME.fullmatch(name)) and name not in RESERVED and name not in _TAKEN


def wire(form: Form, lengths: Sizes) -> type[Wire]:
    """What the model is to write, for `parsing.parse`."""
    return _wire(form, tuple(sorted(lengths.items())))


@lru_cache(maxsize=1024)
def _wire(form: Form, lengths: tuple[tuple[str, int], ...]) -> type[Wire]:
    known = dict(lengths)
    fields: dict[str, Any] = {field.name: (_kind(field, known), ...) for field in form.fields}

    class Filled(Wire):
        """A filled-in form."""

        def rulings(self) -> Mapping[str, tuple[str, ...]]:
            """Truth values and whole numbers stand literally in the reply."""
            return _literally(form, self)

    return create_model("Filled", __base__=Filled, **fields)


def _literally(form: Form, filled: Wire) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for field in form.fields:
        value = getattr(filled, field.name)
        values: Sequence[Any] = value if field.many else (value,)
        if field.what == "flag" and values:
            found[field.name] = tuple("true|yes" if v else "false|no" for v in values)
        elif field.what == "whole" and values:
            found[field.name] = tuple(rf"[+]?0?{v}" for v in values)
    return found


def _kind(field: Field, lengths: Sizes) -> Any:
    one = _value(field, _high(field, lengths))
    if not field.many:
        return one
    some = _typed(tuple, (one, ...))
    count = _count(field, lengths)
    if count is None:
        return some
    low, high = count

    def counted(values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not low <= len(values) <= high:
            raise ValueError(f"must hold {_span(low, high)}, it holds {len(values)}")
        return values

    return _typed(Annotated, (some, AfterValidator(counted)))


def _value(field: Field, high: int | None) -> Any:
    if field.what == "text":
        return Text
    if field.what == "flag":
        return YesNo
    if field.what == "choice":
        return Annotated[str, BeforeValidator(lambda value: _chosen(value, field.choices))]
    whole = field.what == "whole"
    kind: Any = int if whole else float
    return _typed(Annotated, (kind, BeforeValidator(lambda value: _number(value, whole, field.low, high))))


def _chosen(value: object, choices: tuple[str, ...]) -> str:
    written = str(value).strip(" .\"'").casefold()
    for choice in choices:
        if choice.casefold() == written:
            return choice
    raise ValueError(f"must be one of {', '.join(choices)}")


def _number(value: object, whole: bool, low: int | None, high: int | None) -> float:
    span = "" if low is None else f" from {low} to {high}"
    wanted = f"must be a {'whole ' if whole else ''}number{span}"
    written = str(value).strip()
    if isinstance(value, bool) or not _NUMBER.fullmatch(written):
        raise ValueError(wanted)
    number = float(written)
    if (whole and number != int(number)) or (low is not None and number < low):
        raise ValueError(wanted)
    if high is not None and number > high:
        raise ValueError(wanted)
    return int(number) if whole else number


_TAKEN = frozenset(name for name in dir(Wire) if not name.startswith("_")) | frozenset(
    name for name in dir(Reply) if not name.startswith("_")
)
