"""Which kind an answer is, when nobody said."""

from __future__ import annotations

import re
from functools import lru_cache

from .maths import numeric, plain_words

_DATE = re.compile(r"\d/\d{1,4}/\d")
_CHOICE = re.compile(r"[(\[]?[A-Z][)\]]?[.:]?|\([A-Z]\)[ \t].{1,400}|[A-Z][).:][ \t].{1,400}")
_YESNO = re.compile(r"(?:yes|no|true|false)(?:\s{0,2}[.,;:—–-].*)?", re.IGNORECASE | re.DOTALL)
_MATH = re.compile(
    r"\\[A-Za-z]+|[\w)}]\s?[\^=]|_\{|\d\s?[+*/]\s?[\w(\\]|[\d)]\s-\s[\w(]|\d[a-z]\b|[√π∞±×÷≤≥²³]|sqrt\(|^[(\[]\s?-?[\d.]+\s?,"
)


@lru_cache(maxsize=8192)
def guess(answer: str) -> str:
    """``number``, ``choice``, ``yesno``, ``math`` or ``text``, from a cleaned answer alone.

    >>> [guess(a) for a in ("18 dollars", "(B)", "No", "x^2 + 1", "Paris")]
    ['number', 'choice', 'yesno', 'math', 'text']
    """
    return _guess(answer) if len(answer) <= 500 else "text"


@lru_cache(maxsize=8192)
def _guess(answer: str) -> str:
    if numeric(answer) is not None:
        return "number"
    if _CHOICE.fullmatch(answer):
        return "choice"
    if _YESNO.fullmatch(answer):
        return "yesno"
    if _DATE.search(answer) or plain_words(answer):
        return "text"
    return "math" if "\n" not in answer and _MATH.search(answer) else "text"
