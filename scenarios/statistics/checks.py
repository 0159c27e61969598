"""What every statistic asks of its numbers, and how it refuses them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Sized
from math import isfinite
from reprlib import repr as short
from typing import TypeVar

from rebut.errors import InputError, suggest

T = TypeVar("T")
LARGEST = 1e150


def number(what: str, value: object) -> float:
    """`value` as a float; True is 1.

    Raises:
        InputError: it is no number, not finite, or beyond `LARGEST`.
    """
    if not isinstance(value, int | float):
        raise InputError(f"{what} must be a number: {short(value)}")
    if isinstance(value, float) and not isfinite(value):
        raise InputError(f"{what} must be finite: {value!r}")
    if abs(value) > LARGEST:
        raise InputError(f"{what} is too large: its square could not be kept (most: {LARGEST:g})")
    return float(value)


def numbers(what: str, values: Sequence[float], *, least: int = 1) -> list[float]:
    """All values as floats.

    Raises:
        InputError: fewer than `least`, or one that is not a finite number (its index is named).
    """
    enough(what, values, least)
    return [number(f"{what}[{i}]", value) for i, value in enumerate(values)]


def fractions(what: str, values: Sequence[float], *, least: int = 1) -> list[float]:
    """All values as floats in [0, 1].

    Raises:
        InputError: as `numbers`, or one outside of [0, 1].
    """
    enough(what, values, least)
    return [fraction(f"{what}[{i}]", value) for i, value in enumerate(values)]


def fraction(what: str, value: object) -> float:
    """`value` as a float in [0, 1]; raises InputError otherwise."""
    found = number(what, value)
    if not 0 <= found <= 1:
        raise InputError(f"{what} must be from 0 to 1: {value!r}")
    return found


def inner(what: str, value: object) -> float:
    """`value` as a float in the open interval (0, 1), such as a confidence level; raises InputError."""
    found = number(what, value)
    if not 0 < found < 1:
        raise InputError(f"{what} must be above 0 and below 1: {value!r}")
    return found


def positive(what: str, value: object) -> float:
    """`value` as a float above 0; raises InputError otherwise."""
    found = number(what, value)
    if found <= 0:
        raise InputError(f"{what} must be above 0: {value!r}")
    return found


def count(what: str, value: object, *, least: int = 0, most: int | None = None) -> int:
    """`value` as a whole number from `least` to `most`; raises InputError otherwise."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{what} must be a whole number: {value!r}")
    if value < least:
        raise InputError(f"{what} must be at least {least}: {value!r}")
    if most is not None and value > most:
        raise InputError(f"{what} must be at most {most}: {value!r}")
    return value


def truths(what: str, values: Sequence[bool], *, least: int = 1) -> list[bool]:
    """All values as booleans; 0 and 1 are taken too.

    Raises:
        InputError: fewer than `least`, or one that is neither (its index is named).
    """
    enough(what, values, least)
    return [truth(f"{what}[{i}]", value) for i, value in enumerate(values)]


def truth(what: str, value: object) -> bool:
    """`value` as a boolean, 0 and 1 too; raises InputError otherwise."""
    if not isinstance(value, int | float) or value not in (0, 1):
        raise InputError(f"{what} must be true or false: {short(value)}")
    return bool(value)


def enough(what: str, values: Sized, least: int) -> None:
    """Raises InputError where there are fewer than `least` values, or something else than a sequence."""
    sequence(what, values, text=False)
    if len(values) < least:
        have = "is empty" if not len(values) else f"has only {len(values)}"
        raise InputError(f"{what} {have}: at least {least} needed")


def sequence(what: str, values: object, *, text: bool = True) -> None:
    """Raises InputError where `values` has no order or no length; a text passes for its letters if `text`."""
    ordered = hasattr(values, "__len__") and hasattr(values, "__getitem__")
    if not ordered or isinstance(values, Mapping) or (not text and isinstance(values, str | bytes)):
        kind = type(values).__name__
        raise InputError(f"{what} must be a sequence of values, not {kind}: {short(values)}")


def alike(first: str, one: Sized, second: str, other: Sized) -> None:
    """Raises InputError where two sequences that belong together differ in length."""
    sequence(first, one)
    sequence(second, other)
    if len(one) != len(other):
        raise InputError(f"{first} and {second} differ in length: {len(one)} and {len(other)}")


def chosen(what: str, value: str, possible: Sequence[str]) -> str:
    """`value` if it is one of the possible; raises InputError otherwise."""
    if value not in possible:
        raise InputError(f"unknown {what}: {value!r}{suggest(str(value), possible)}")
    return value


def gathered(values: Sequence[T], groups: Sequence[Hashable]) -> list[list[T]]:
    """The values of each group, groups in the order of their first value.

    Raises:
        InputError: the lengths differ, or a group's name cannot be a key.
    """
    alike("values", values, "groups", groups)
    found: dict[Hashable, list[T]] = {}
    for i, (value, group) in enumerate(zip(values, groups, strict=True)):
        try:
            found.setdefault(group, []).append(value)
        except TypeError:
            raise InputError(f"groups[{i}] cannot name a group: {group!r}") from None
    return list(found.values())
