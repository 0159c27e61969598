"""Functions of the expression language over labels: probabilities, both orders of a pair, layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rebut.errors import InputError
from rebut.records import Label

from .faults import Fault
from .registry import register
from .values import charge, items_of

T = TypeVar("T")
LAYER = 100
"""Work of one layer of one path."""


def _held(function: Callable[..., T], *args: Any) -> T:
    try:
        return function(*args)
    except InputError as error:
        raise Fault(str(error)) from error


def _labels(items: Any) -> list[Label | None]:
    charge(len(items_of(items)))
    return [_label(item) for item in items_of(items)]


def _label(item: Any) -> Label | None:
    if item is None or isinstance(item, Label):
        return item
    raise Fault(f"{type(item).__name__} is no Label")


@register()
def probability(label: Any, of: str) -> float | None:
    """The probability of one label by a Label, or the mean by a list of them; None where there is none."""
    from ...agents.orders import probability as held

    given = _labels(label) if isinstance(label, list | tuple) else _label(label)
    return _held(held, given, of)


@register()
def both_orders(
    straight: Any, swapped: Any, policy: str = "strict", band: float = 0, labels: Any = ("A", "B")
) -> str | None:
    """What two Labels of a pair in either order say together: a label of the first order, or tie."""
    from ...agents.orders import both_orders as held

    return _held(held, _label(straight), _label(swapped), policy, band, list(items_of(labels)))


@register()
def internal_consistency(label: Any, calibration: Any = ()) -> int | None:
    """How many layers predict the label that the last does; None for None."""
    from ...agents.consistency import internal_consistency as held

    found = _label(label)
    if found is None:
        return None
    charge(LAYER * len(found.layers or ()))
    return _held(held, found.layers or (), list(items_of(calibration)))


@register()
def calibration(labels: Any) -> list[float]:
    """What is usual for each label in each layer, over the Labels of many paths: for internal_consistency."""
    from ...agents.consistency import calibrate

    paths = [found.layers or () for found in _labels(labels) if found is not None]
    charge(LAYER * sum(map(len, paths)))
    return list(_held(calibrate, paths))


@register(needs_scope=True, reads=("kind",))
def stated(scope: Mapping[str, Any], text: Any) -> bool:
    """Whether a text states an answer (boxed, Answer: x), rather than leave one to be guessed."""
    from ...agents.answers import extract

    if not isinstance(text, str):
        raise Fault(f"{type(text).__name__} is no text")
    charge(len(text))
    return extract(text, scope.get("kind", "auto"), strict=True) is not None


@register(needs_scope=True, reads=("kind",))
def unanswered(scope: Mapping[str, Any], text: Any, cue: Any = "The answer is") -> str:
    """A text up to where it states its answer; all of it and `cue` where it states none."""
    from ...agents.labels import unanswered as held

    if not isinstance(text, str) or not isinstance(cue, str):
        raise Fault(f"{type(text).__name__} is no text")
    charge(len(text) + len(cue))
    return held(text, scope.get("kind", "auto"), cue)
