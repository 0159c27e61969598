"""Plain functions of the expression language: lists, numbers, texts. All pure, all bounded."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from .faults import Fault
from .registry import register
from .values import attribute, charge, checked, contains, items_of, multiply

_NOTHING = ...


def _list(value: Any) -> list[Any]:
    items = items_of(value)
    charge(len(items))
    return list(items)


def _numbers(value: Any) -> list[float]:
    items = _list(value)
    for index, item in builtins.enumerate(items):
        if not isinstance(item, int | float):
            raise Fault(f"item {index} is {_kind(item)}, not a number")
    return items


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _one_or_more(value: Any, what: str) -> list[Any]:
    items = _list(value)
    if not items:
        raise Fault(f"{what} of an empty list")
    return items


# Lists


@register("len")
def len_(items: Any) -> int:
    """How many items a list has, or characters a text."""
    return len(items_of(items))


@register("any")
def any_(items: Any) -> bool:
    """Whether one item or more is true."""
    return builtins.any(_list(items))


@register("all")
def all_(items: Any) -> bool:
    """Whether every item is true (true for an empty list)."""
    return builtins.all(_list(items))


@register()
def first(items: Any, default: Any = None) -> Any:
    """The first item, or `default` of an empty list."""
    return next(iter(_list(items)), default)


@register()
def last(items: Any, default: Any = None) -> Any:
    """The last item, or `default` of an empty list."""
    return next(iter(_list(items)[::-1]), default)


@register()
def unique(items: Any) -> list[Any]:
    """The items without repetitions, in order of first appearance."""
    found: list[Any] = []
    seen: set[Any] = set()
    for item in _list(items):
        try:
            new = item not in seen
            seen.add(item)
        except TypeError:  # not hashable
            new = not contains(found, item)
        if new:
            found.append(item)
    return found


@register()
def compact(items: Any) -> list[Any]:
    """The items that are not None."""
    return [item for item in _list(items) if item is not None]


@register()
def flatten(items: Any) -> list[Any]:
    """The items of the lists in a list, one level deep."""
    parts = [list(item) if isinstance(item, list | tuple) else [item] for item in _list(items)]
    checked(builtins.sum(len(part) for part in parts))
    return [item for part in parts for item in part]


@register()
def others(items: Any, index: int) -> list[Any]:
    """The items but the one at `index`."""
    return [item for place, item in builtins.enumerate(_list(items)) if place != index]


@register()
def without(items: Any, unwanted: Any) -> list[Any]:
    """The items that are not `unwanted`, or not in it when it is a list."""
    out = unwanted if isinstance(unwanted, list | tuple) else [unwanted]
    return [item for item in _list(items) if not contains(out, item)]


@register("range")
def range_(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """Whole numbers from `start` (default 0) to below `stop`."""
    numbers = range(0, start, step) if stop is None else range(start, stop, step)
    checked(len(numbers))
    return list(numbers)


@register("enumerate")
def enumerate_(items: Any, start: int = 0) -> list[tuple[int, Any]]:
    """Pairs of index and item."""
    return list(builtins.enumerate(_list(items), start))


@register("zip")
def zip_(*lists: Any) -> list[tuple[Any, ...]]:
    """Items of equally long lists side by side."""
    columns = [_list(items) for items in lists]
    if len({len(column) for column in columns}) > 1:
        raise Fault(f"lists of different lengths: {', '.join(str(len(c)) for c in columns)}")
    return list(zip(*columns, strict=True))


def _keys(items: list[Any], by: Any) -> list[Any]:
    if by is None:
        return items
    if isinstance(by, str):
        return [_path(item, by) for item in items]
    keys = _list(by)
    if len(keys) != len(items):
        raise Fault(f"`by` has {len(keys)} values for {len(items)} items")
    return keys


def _path(item: Any, path: str) -> Any:
    for name in path.split("."):
        if name.startswith("_"):
            raise Fault(f"private name: {name!r}")
        item = attribute(item, name)
    return item


def _order(keys: list[Any], *, reverse: bool) -> list[int]:
    for index, key in builtins.enumerate(keys):
        if key is None:
            raise Fault(f"item {index} has no value to sort by (None)")
    return builtins.sorted(builtins.range(len(keys)), key=keys.__getitem__, reverse=reverse)


@register("sorted")
def sorted_(items: Any, by: Any = None, reverse: bool = False) -> list[Any]:
    """The items in rising order, of themselves or `by` an attribute's name or a list of numbers; stable."""
    values = _list(items)
    return [values[index] for index in _order(_keys(values, by), reverse=bool(reverse))]


@register()
def top(items: Any, k: int = 1, by: Any = None) -> list[Any]:
    """The `k` highest items, highest first, `by` an attribute's name or a list of numbers; stable."""
    values = _list(items)
    return [values[index] for index in _order(_keys(values, by), reverse=True)[: max(0, k)]]


# Numbers


def _extreme(pick: Callable[..., Any], values: tuple[Any, ...], default: Any, name: str) -> Any:
    items = _list(values[0]) if len(values) == 1 else list(values)
    if not items and default is not _NOTHING:
        return default
    if not items:
        raise Fault(f"{name} of an empty list (give a default: {name}(items, default=0))")
    return pick(items)


@register("min")
def min_(*values: Any, default: Any = _NOTHING) -> Any:
    """The smallest of a list or of several values."""
    return _extreme(builtins.min, values, default, "min")


@register("max")
def max_(*values: Any, default: Any = _NOTHING) -> Any:
    """The largest of a list or of several values."""
    return _extreme(builtins.max, values, default, "max")


@register("sum")
def sum_(items: Any) -> float:
    """The sum of a list of numbers."""
    return builtins.sum(_numbers(items))


@register()
def mean(items: Any) -> float:
    """The arithmetic mean of a list of numbers."""
    numbers = _numbers(_one_or_more(items, "mean"))
    return math.fsum(numbers) / len(numbers)


@register()
def prod(items: Any) -> float:
    """The product of a list of numbers."""
    product: float = 1
    for number in _numbers(items):
        product = multiply(product, number)
    return product


@register("abs")
def abs_(number: float) -> float:
    """The absolute value."""
    return builtins.abs(_numbers([number])[0])


@register("round")
def round_(number: float, digits: int | None = None) -> float:
    """The nearest whole number, or so many digits behind the point."""
    if digits is not None and not -300 <= digits <= 300:
        raise Fault(f"{digits} digits (possible: -300 to 300)")
    return builtins.round(_numbers([number])[0], digits)


@register()
def sqrt(number: float) -> float:
    """The square root."""
    return math.sqrt(number)


@register()
def exp(number: float) -> float:
    """e to the power of `number`."""
    return math.exp(number)


@register()
def log(number: float, base: float | None = None) -> float:
    """The natural logarithm, or that to a base."""
    return math.log(number) if base is None else math.log(number, base)


@register()
def sigmoid(number: float) -> float:
    """1 / (1 + exp(-number)), without overflow."""
    if number >= 0:
        return 1 / (1 + math.exp(-number))
    return (small := math.exp(number)) / (1 + small)


@register()
def clamp(number: float, low: float = 0, high: float = 1) -> float:
    """`number`, moved into [low, high]."""
    _numbers([number, low, high])
    return builtins.min(builtins.max(number, low), high)


@register()
def zscores(items: Any) -> list[float]:
    """Each number's distance from the list's mean in its standard deviations; 0 where all are equal."""
    numbers = _numbers(items)
    if not numbers:
        return []
    middle = mean(numbers)
    deviation = math.sqrt(math.fsum((n - middle) ** 2 for n in numbers) / len(numbers))
    return [(n - middle) / deviation if deviation else 0.0 for n in numbers]


@register()
def zscore(number: float, items: Any) -> float:
    """Distance of `number` from the list's mean in its standard deviations; 0 where all are equal."""
    numbers = _numbers(_one_or_more(items, "zscore"))
    middle = mean(numbers)
    deviation = math.sqrt(math.fsum((n - middle) ** 2 for n in numbers) / len(numbers))
    return (number - middle) / deviation if deviation else 0.0


# Texts


@register("str")
def str_(value: Any) -> str:
    """A number, text, True, False or None as text."""
    if not isinstance(value, str | int | float | None):
        raise Fault(f"{_kind(value)} is neither text nor number")
    return builtins.str(value)


@register()
def lower(text: str) -> str:
    """The text in lower case."""
    return _text(text).lower()


@register()
def join(items: Any, separator: str = "\n\n") -> str:
    """The texts of a list as one, with `separator` between them (an empty line)."""
    texts = [_text(item) for item in _list(items)]
    checked(builtins.sum(map(len, texts)) + len(_text(separator)) * len(texts), text=True)
    return separator.join(texts)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault(f"{_kind(value)} is not text")
    charge(len(value))
    return value
