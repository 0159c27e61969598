"""A minus in words before a number."""

from __future__ import annotations

import re

_MINUS = re.compile(r"(?<![\w-])(minus|negative)\s{1,3}\Z", re.IGNORECASE)
_GREAT = re.compile(r"\b(?:hundred|thousand|million|billion|trillion)\s{1,3}(?:and\s{1,3})?\Z", re.IGNORECASE)
_LEADS = re.compile(
    r"(?:\A|[:=(\[{,;*$\"'“|>]|\b(?:is|are|was|be|to|equals?|of|about|approximately|around|exactly|roughly|nearly|only|just"
    r"|get|gets|gives|yields|at|answer|by|or|than|from|becomes|reaches))\s{0,3}\Z",
    re.IGNORECASE,
)
_BACK = 40


def negated(number: str, text: str, start: int) -> str:
    """A number that begins at `start`, with the sign that words give it; ``""`` where that cannot be told.

    ``minus`` behind something else takes away from that, and what is left is not known here.

    >>> negated("5", "it is minus 5", 12), negated("5", "negative 5", 9), negated("5", "ten minus 5", 10)
    ('-5', '-5', '')
    """
    before = text[max(0, start - _BACK) : start]
    if _GREAT.search(before):  # one hundred and 5
        return ""
    word = _MINUS.search(before)
    if word is None:
        return number
    if number.startswith("-"):
        return ""
    if word[1].lower() == "minus" and not _LEADS.search(before[: word.start()]):
        return ""
    return f"-{number}"
