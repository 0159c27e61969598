"""The answer in a model's text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from . import blocks, numbers, words
from .guess import guess
from .kinds import check_kind
from .statements import statements
from .surface import clean, is_void, visible

_FORMULA = re.compile(
    r"\$\$([^$]{1,2000})\$\$|\$((?:\s[^$\n]{1,500}\s|\S[^$\n]{0,500}(?<!\s)))\$(?!\d)|\\\(([^\n]{1,500}?)\\\)|\\\[([\s\S]{1,2000}?)\\\]"
)
_SHORT = 300

Choices = Sequence[str] | None
Reader = Callable[[str, Choices], str | None]
"""Gives an answer, None where there is none, and ``""`` where there is one that cannot be told."""


def extract(text: str, kind: str = "auto", *, choices: Choices = None, strict: bool = False) -> str | None:
    """The answer that `text` gives, without what is around it; None when there is none.

    The last stated answer wins: ``Answer: x``, ``the answer is x``, ``\\boxed{x}``, ``#### x``,
    ``<answer>x</answer>``. A statement that does not fit the kind is passed over for the one before. A text
    whose last one cannot be read (``2 and a half``), or whose statements are all empty, cut off or a
    placeholder (``Answer: <number>``), has no answer. In a text without any statement the last number,
    option, yes or no, formula, code block or JSON value is taken; `strict` forbids that (code and JSON have
    no statements and are always read so).

    Thoughts in ``<think>`` tags are not read. Never raises for any text; linear in its length.

    Args:
        kind: one of `KINDS`; ``auto`` decides from the text.
        choices: the options' texts, or their one-letter labels; the answer is the label (A, B, ...) then.

    Raises:
        InputError: on an unknown kind.

    >>> extract("6 * 3 is 18, so\\nThe answer is $18 a day.", "number")
    '18'
    """
    check_kind(kind)
    shown = visible(text)
    if kind in ("code", "json"):
        return blocks.last_code(shown) if kind == "code" else blocks.last_json(shown)
    read, fallback = _READERS[kind]
    void = False
    for said in statements(shown, choice=kind == "choice" or bool(choices)):
        value = clean(said)
        if is_void(value):
            void = True
        elif (answer := read(value, choices)) is not None:
            return answer or None  # there is one, and it cannot be told
    return None if void or strict or not shown.strip() else fallback(shown, choices) or None


def _number(value: str, _: Choices) -> str | None:
    return numbers.stated(value)


def _last_number(text: str, _: Choices) -> str | None:
    return numbers.last(text)


def _yesno(value: str, _: Choices) -> str | None:
    return words.yesno(value)


def _last_yesno(text: str, _: Choices) -> str | None:
    return words.last_yesno(text)


def _text(value: str, _: Choices) -> str | None:
    return value


def _whole(text: str, _: Choices) -> str | None:
    """A short text of one paragraph is an answer as a whole."""
    value = clean(text)
    return value if len(value) <= _SHORT and "\n" not in value and not is_void(value) else None


def _math(value: str, _: Choices) -> str | None:
    """The formula in a statement, when it stands in dollars among words; else the statement."""
    formula = _last_formula(value)
    return formula or value


def _last_math(text: str, choices: Choices) -> str | None:
    tail = text[-4000:]
    return _last_formula(tail) or numbers.last(text) or _whole(text, choices)


def _last_formula(text: str) -> str | None:
    found = _formulas(text)
    return None if not found or is_void(found[-1]) else found[-1]


def _auto(value: str, choices: Choices) -> str | None:
    if choices:
        return words.letter(value, choices)
    kind = guess(value)
    if kind in ("text", "math") and (formula := _sole_formula(value)):
        value, kind = formula, guess(formula)
    return _READERS[kind][0](value, None) if kind != "math" else value


def _sole_formula(value: str) -> str | None:
    """The formula of a statement that has exactly one among its words."""
    found = _formulas(value)
    return found[0] if len(found) == 1 else None


def _formulas(text: str) -> list[str]:
    return [clean(next(g for g in m.groups() if g)) for m in _FORMULA.finditer(text)]


def _last_auto(text: str, choices: Choices) -> str | None:
    """A short text as a whole; else what the last line shows: an option, a formula, a number."""
    if choices:
        return words.last_letter(text, choices)
    whole = _whole(text, None)
    if whole is not None:
        return _auto(whole, None)
    line = text.rstrip()[-4000:].rpartition("\n")[2]
    return words.last_letter(line) or _last_formula(line) or numbers.last(line)


_READERS: Mapping[str, tuple[Reader, Reader]] = {
    "auto": (_auto, _last_auto),
    "number": (_number, _last_number),
    "math": (_math, _last_math),
    "choice": (words.letter, words.last_letter),
    "yesno": (_yesno, _last_yesno),
    "text": (_text, _whole),
}
