"""Functions of the expression language over the numbers in a text: finding them, hiding one, comparing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .deliberation import VOTER, answers_of
from .faults import Fault
from .registry import register
from .values import charge, checked

_ORDINAL = re.compile(r"(?:st|nd|rd|th)(?!\w)", re.IGNORECASE)
_MARKER = re.compile(r"[.)](?:\s|$)")
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = "xyzkmnpqrtuvwabcdefghijlos"
_MINUS = frozenset("-−")


@dataclass(frozen=True, slots=True)
class _Numeral:
    start: int
    end: int
    plain: str


def _numerals(text: Any) -> Iterator[_Numeral]:
    from ...agents.answers.numbers import NUMBER, numbers, quantity

    charge(len(_text(text)))
    for found in NUMBER.finditer(text):
        start, end = _bounds(found, text)
        plain = next(numbers(text[start:end]), None)
        if plain and quantity(plain) and not _counts_nothing(text, start, end):
            yield _Numeral(start, end, plain)


def _bounds(found: re.Match[str], text: str) -> tuple[int, int]:
    """Where the number itself stands: a sign belongs to it, a currency, a dash or a bullet does not."""
    start = found.start("whole" if found["whole"] else "body")
    return (start - 1 if start > found.start() and text[start - 1] in _MINUS else start), found.end()


def _counts_nothing(text: str, start: int, end: int) -> bool:
    """Whether a number is an ordinal (2nd), or marks an item of a list (2. or 2) where a line begins)."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return bool(_ORDINAL.match(text, end) or (not line.strip() and _MARKER.match(text, end)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault(f"{type(value).__name__} is no text")
    return value


@register()
def numerals(text: Any) -> list[str]:
    """The numbers that a text holds in digits, in order and written plainly; no ordinals, no list marks."""
    return [numeral.plain for numeral in _numerals(text)]


@register()
def masked(text: Any, index: Any, hole: str = "x") -> str:
    """A text with the number at `index` of its numerals hidden behind `hole`."""
    found = list(_numerals(text))
    if not isinstance(index, int) or not 0 <= index < len(found):
        raise Fault(f"{index!r} is no index of {len(found)} numbers")
    before, after = text[: found[index].start], text[found[index].end :]
    gap = " " if after[:1].isalpha() else ""  # 12kg becomes x kg
    checked(len(text) + len(_text(hole)), text=True)
    return f"{before}{hole}{gap}{after}"


@register()
def unused_letter(text: Any) -> str:
    """A letter that is no word of the text, to name an unknown with: x if it is free."""
    charge(len(_text(text)))
    words = {word.lower() for word in _WORD.findall(text)}
    return next((letter for letter in _LETTERS if letter not in words), "x")


@register(needs_scope=True, reads=("kind",))
def same(scope: Mapping[str, Any], a: Any, b: Any) -> bool:
    """Whether two answers say the same (4 and 4.0); None is the same as nothing."""
    from ...agents.answers import equivalent

    left, right = answers_of([a, b])
    charge(2 * VOTER)
    return left is not None and right is not None and equivalent(left, right, scope.get("kind", "auto"))
