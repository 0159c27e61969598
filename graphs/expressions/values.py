"""How expressions read fields and do sums: only declared data, and no result that could fill the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property, lru_cache
from typing import Any

from pydantic import BaseModel

from rebut.errors import suggest

from .faults import Fault

LONGEST_LIST = 100_000
LONGEST_TEXT = 1_000_000
LARGEST_BITS = 4_096
MOST_WORK = 5_000_000
STEP = 25
"""Work of one step of a comprehension."""

NUMBERS = frozenset({int, float, bool})


def _readable(kind: type) -> frozenset[str]:
    if issubclass(kind, BaseModel):
        names = {*kind.model_fields, *kind.model_computed_fields, *_properties(kind, BaseModel)}
    elif is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        names = {*(f.name for f in fields(kind)), *_properties(kind, object)}
    else:
        return frozenset()
    return frozenset(name for name in names if not name.startswith("_"))


def _properties(kind: type, base: type) -> set[str]:
    ours = [cls for cls in kind.__mro__ if cls is not base and not issubclass(base, cls)]
    return {
        name
        for cls in ours
        for name, value in vars(cls).items()
        if isinstance(value, property | cached_property)
    }


readable: Callable[[type], frozenset[str]] = lru_cache(maxsize=1024)(_readable)
"""The names that an expression may read of a value of this class: declared fields and properties."""


def attribute(value: Any, name: str) -> Any:
    """`value.name`: a record's field, a mapping's key, or of a list the list of its items' values.

    None, which stands for an agent that abstained, gives None.
    """
    if type(value) is dict:
        if name in value:
            return value[name]
        raise Fault(f"no {name!r} here{suggest(name, [str(k) for k in value])}")
    if name in readable(type(value)):
        return getattr(value, name)
    return _slow_attribute(value, name)


def _slow_attribute(value: Any, name: str) -> Any:
    if isinstance(value, list | tuple):
        charge(len(value))
        return [attribute(item, name) for item in value]
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        raise Fault(f"no {name!r} here{suggest(name, [str(k) for k in value])}")
    if value is None:
        return None  # who abstained has no fields; `verdict.decided` of an abstaining judge is not true
    raise Fault(f"{type(value).__name__} has no field {name!r}{suggest(name, sorted(readable(type(value))))}")


def subscript(value: Any, key: Any) -> Any:
    """`value[key]` of a list, a text or a mapping."""
    if not isinstance(value, list | tuple | str | Mapping):
        raise Fault(f"{type(value).__name__} cannot be indexed (possible: list, text, mapping)")
    if isinstance(key, slice) and not isinstance(value, Mapping):
        charge(len(value))
    try:
        return value[key]
    except IndexError:
        raise Fault(f"index {key!r} is outside a {type(value).__name__} of {len(value)}") from None
    except KeyError:
        raise Fault(f"no key {key!r}{suggest(str(key), [str(k) for k in value])}") from None


def items_of(value: Any) -> Any:
    """`value` itself if it can be walked through: a list, a text's letters or a mapping's keys."""
    if isinstance(value, list | tuple | str | Mapping | range | frozenset | set):
        return value
    raise Fault(f"{type(value).__name__} is no list")


class _Meter(threading.local):
    """The work that the running evaluation of this thread may still do."""

    left = MOST_WORK


_meter = _Meter()


def start() -> None:
    """Begin an evaluation: all its steps, items and characters together stay below `MOST_WORK`."""
    _meter.left = MOST_WORK


def charge(work: int) -> None:
    """Count work: one an item or character that is built or looked at."""
    _meter.left -= work
    if _meter.left < 0:
        raise Fault(f"too many steps (limit: {MOST_WORK})")


def contains(items: Any, item: Any) -> bool:
    """`item in items`."""
    items = items_of(items)
    if isinstance(items, list | tuple | str):
        charge(len(items))
    return item in items


def checked(length: int, *, text: bool = False) -> int:
    """`length`, if a list (or text) that long is allowed."""
    limit = LONGEST_TEXT if text else LONGEST_LIST
    if length > limit:
        raise Fault(f"result of {length} {'characters' if text else 'items'} is too long (limit: {limit})")
    charge(max(length, 0))
    return length


def _numbers(a: Any, sign: str, b: Any) -> None:
    for value in (a, b):
        if type(value) not in NUMBERS and not isinstance(value, int | float):
            names = f"{type(a).__name__} {sign} {type(b).__name__}".replace("NoneType", "None")
            raise Fault(f"cannot compute {names}")


def add(a: Any, b: Any) -> Any:
    """Sum of numbers, or two texts or lists in a row."""
    if type(a) in NUMBERS and type(b) in NUMBERS:
        return a + b
    if isinstance(a, str) and isinstance(b, str):
        checked(len(a) + len(b), text=True)
        return a + b
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        checked(len(a) + len(b))
        return [*a, *b]
    _numbers(a, "+", b)
    return a + b


def subtract(a: Any, b: Any) -> Any:
    """Difference of numbers."""
    _numbers(a, "-", b)
    return a - b


def multiply(a: Any, b: Any) -> Any:
    """Product of numbers, or a text or list so many times."""
    if isinstance(a, int) and isinstance(b, str | list | tuple):
        a, b = b, a
    if isinstance(b, int) and isinstance(a, str | list | tuple):
        checked(len(a) * b, text=isinstance(a, str))
        return a * b
    _numbers(a, "*", b)
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > LARGEST_BITS:
        raise Fault("product is too large")
    return a * b


def divide(a: Any, b: Any) -> Any:
    """Quotient of numbers."""
    _numbers(a, "/", b)
    return a / b


def floor_divide(a: Any, b: Any) -> Any:
    """Whole part of a quotient, rounded down."""
    _numbers(a, "//", b)
    return a // b


def modulo(a: Any, b: Any) -> Any:
    """Rest of a division; never text formatting."""
    _numbers(a, "%", b)
    return a % b


def power(a: Any, b: Any) -> Any:
    """A power of numbers that stays below 4,096 bits."""
    _numbers(a, "**", b)
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() * abs(b) > LARGEST_BITS:
        raise Fault("power is too large")
    result = a**b
    if isinstance(result, complex):
        raise Fault("root of a negative number")
    return result


def negative(a: Any) -> Any:
    """`-a` of a number."""
    _numbers(a, "*", -1)
    return -a


def positive(a: Any) -> Any:
    """`+a` of a number."""
    _numbers(a, "*", 1)
    return +a
