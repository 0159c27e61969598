"""Numbers in words: ``one hundred and five``, ``minus twelve``, ``two million``."""

from __future__ import annotations

import re

from .signs import negated

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
    "seventeen eighteen nineteen".split()
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORTH = {word: n for n, word in enumerate(_SMALL)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
MAGNITUDE = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_GREAT = "|".join(MAGNITUDE)
WORD = "|".join((*_WORTH, _GREAT))
_PARTS = "third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|hundredth|thousandth|millionth"

UNREAD = (
    rf"[\s-]{{0,3}}(?:{_GREAT}|quadrillion|lakh|lac|crore)s?\b|[\s-]{{1,3}}(?:halves|(?:{_PARTS})s)\b|\s{{1,3}}grand\b(?!\s[a-z])"
    rf"|\s{{1,3}}and\s{{1,3}}(?:an?[\s-]{{1,3}}|one[\s-]{{1,3}}|three[\s-]{{1,3}})?(?:half|quarters?|(?:{_PARTS})s?)\b"
    rf"|\s{{1,3}}and\s{{1,3}}\d{{1,9}}/\d"
    rf"|\s{{1,3}}(?:point|plus|minus|times)\s{{1,3}}(?:\d|(?:{WORD})\b)"
)
"""What makes another number of the one before it (``and a half``, ``lakh``), and is not read."""

_BEGIN = re.compile(rf"(?<![\w-])(?:an?[\s-]{{1,2}}(?=(?:{_GREAT})\b))?({WORD})\b", re.IGNORECASE)
_NEXT = re.compile(rf"([\s-]{{1,3}}|,\s{{1,2}}|\s{{1,2}}and\s{{1,2}})({WORD})\b", re.IGNORECASE)
_UNREAD = re.compile(
    rf"{UNREAD}|[\s-]{{1,3}}(?:half|quarters?|first|{_PARTS})\b|-second\b|\s{{1,3}}\d", re.IGNORECASE
)
_BOUND = re.compile(r"-[a-z]", re.IGNORECASE)


def spelled(text: str) -> str | None:
    """The first number in words, in digits; ``""`` where it cannot be told, None where there is none.

    >>> spelled("two hundred and five"), spelled("minus five"), spelled("two and a half"), spelled("many")
    ('205', '-5', '', None)
    """
    begin = _BEGIN.search(text)
    if begin is None:
        return None
    words = [begin[1].lower()]
    if begin[1] != begin[0]:
        words.insert(0, "one")
    joint, end = "-", begin.end()
    while more := _NEXT.match(text, end):
        joint = more[1].strip().lower() or " "
        if joint in (",", "and"):
            if words[-1] not in MAGNITUDE:
                break
            if joint == ",":
                words.append(joint)
        words.append(more[2].lower())
        end = more.end()
    value = _value(words)
    torn = joint == " " and len(words) > 1 and _BOUND.match(text, end)  # twenty five-dollar bills
    if value is None or torn or _UNREAD.match(text, end):
        return ""
    return negated(str(value), text, begin.start())


def _value(words: list[str]) -> int | None:
    """What words say together; None where they are no single number, as in ``one two``."""
    if "," in words:
        last = len(words) - words[::-1].index(",")
        if not MAGNITUDE.keys() & set(words[last:]):  # two thousand, five of them
            return None
    total = group = 0
    above = max(MAGNITUDE.values()) + 1
    for word in words:
        if word == ",":
            continue
        if word in _WORTH:
            worth, ones = _WORTH[word], group % 100
            if (ones and (ones < 20 or ones % 10 or worth > 9)) or (not worth and len(words) > 1):
                return None
            group += worth
        elif word == "hundred":
            if not 0 < group < 100:
                return None
            group *= 100
        elif not group or MAGNITUDE[word] >= above:
            return None
        else:
            above = MAGNITUDE[word]
            total, group = total + group * 10**above, 0
    return total + group
