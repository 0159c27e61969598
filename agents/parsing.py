"""Reading a model's JSON: as it is, out of a fence, out of prose, and at last repaired. Never guessed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rebut.errors import Unparsed

from .answers.surface import visible
from .wires import Wire

W = TypeVar("W", bound=Wire)

CUT = "the reply was cut off before its end, so it must be shorter"

_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n?(.*?)```", re.DOTALL)
_OPENING = re.compile(r'\{\s*"')
_QUOTE = "[\"'`“”]"
# A reply is some hundred tokens long; what a runaway model wrote beyond is not searched.
_SEARCHED, _REPAIRED, _STARTS = 100_000, 20_000, 200
# The repairer takes time with the square of the depth, and it runs in the event loop.
_MOST_BRACKETS = 100


class _Unfit(ValueError):
    """There is no one object to read; the text says why."""


def parse(text: str, wire: type[W], *, cut: bool = False) -> tuple[W, bool]:
    """What the model wrote, and whether its JSON had to be repaired.

    `cut` says that the reply was stopped by its length limit; broken JSON is then not repaired, as the
    last value may be half of one.

    Raises:
        Unparsed: its `reason` can be sent back to the model.
    """
    shown = visible(text)
    try:
        data, repaired = _object(shown, frozenset(wire.model_fields), cut)
        read = wire.model_validate(data)
    except _Unfit as error:
        raise Unparsed(text, str(error)) from None
    except ValidationError as error:
        problems = [_problem(e) for e in error.errors(include_url=False, include_context=False)]
        raise Unparsed(text, "; ".join(problems)) from None
    for key, values in read.rulings().items():
        if not _plain(shown, key, values):
            raise Unparsed(text, f'"{key}" must be followed by nothing but its value')
    return read, repaired


def _object(text: str, keys: Collection[str], cut: bool) -> tuple[dict[str, Any], bool]:
    for data in _readings(text, keys):
        return data, False
    if cut:
        raise _Unfit(CUT)
    mended = _mended(text, keys)
    if mended is None:
        raise _Unfit("the reply holds no JSON object")
    return mended, True


def _readings(text: str, keys: Collection[str]) -> Iterator[dict[str, Any]]:
    """Objects that stand in the text as valid JSON, the likeliest first."""
    for piece in (text, *reversed(_FENCED.findall(text[-_SEARCHED:]))):
        data = _loaded(piece.strip())
        if isinstance(data, dict):
            yield data
    found = [data for data in _embedded(text[-_SEARCHED:]) if keys & data.keys()]
    yield from reversed(found)


def _embedded(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost object that stands in the text."""
    end = 0
    for opening in [match.start() for match in _OPENING.finditer(text)][-_STARTS:]:
        if opening < end:
            continue
        try:
            data, end = _DECODER.raw_decode(text, opening)
        except _Unfit:
            raise
        except (ValueError, RecursionError):
            continue
        yield data


def _mended(text: str, keys: Collection[str]) -> dict[str, Any] | None:
    start = text.find("{")
    if start < 0 or text.count("{", start) + text.count("[", start) > _MOST_BRACKETS:
        return None
    from json_repair import repair_json

    try:
        data: Any = repair_json(text[start : start + _REPAIRED], return_objects=True, skip_json_loads=True)
    except Exception:  # a third party's parser on hostile text: whatever it raises, there is no object
        return None
    found = [item for item in (data if isinstance(data, list) else [data]) if isinstance(item, dict)]
    return next((item for item in reversed(found) if keys & item.keys()), found[-1] if found else None)


def _loaded(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except _Unfit:
        raise
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise _Unfit(f'"{twice}" is given twice')  # either value would be a guess
    return data


# Numbers stay as they were written: nothing is rounded, and no huge one is computed.
_DECODER = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_once, strict=False
)


def _plain(text: str, key: str, values: tuple[str, ...]) -> bool:
    """Whether the key is followed by just these values, and by nothing that would qualify them."""
    body = r"\s*,\s*".join(rf"{_QUOTE}?(?:{value})(?:\.0+)?[.!]?{_QUOTE}?" for value in values)
    pattern = rf"{key}{_QUOTE}?\s*[:=]\s*(?:\[\s*)?{body}\s*?(?:,|\}}|\]|\n|\Z|{_QUOTE})"
    return re.search(pattern, text, re.IGNORECASE | re.ASCII) is not None


def _problem(error: ErrorDetails) -> str:
    key, *place = error["loc"] or ("the object",)
    where = f" item {place[0] + 1}" if place and isinstance(place[0], int) else ""
    if error["type"] == "missing":
        return f'"{key}" is missing'
    return f'"{key}"{where}: {error["msg"].removeprefix("Value error, ")}'
