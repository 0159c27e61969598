"""Quotes from a source, checked word for word: what a debater marks is marked again as found or not found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .answers.surface import visible

MOST_PLACES = 1000
"""Places of a source at which a quote is tried; one that only parts of words hold is given up then."""

MOST_QUOTES = 20
"""Quotes of a text that are looked up; the others count as unverified."""

_QUOTE = re.compile(r"<\s?q\s?>((?:(?!<\s?/?\s?q\s?>).)*)<\s?/\s?q\s?>", re.DOTALL | re.IGNORECASE)
_FORGED = re.compile(
    r"[<＜‹〈]\s{0,3}(/?)\s{0,3}((?:un)?verified)\b([^<>＞›〉]{0,80})[>＞›〉]", re.IGNORECASE
)
_FOUND = re.compile(r"<verified>(.*?)</verified>", re.DOTALL)
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"),
        "…": "...",
    }
)
_NUMBER = re.compile(r"\d[.,:]\d")
_AROUND = " \"'.,;:"
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0xABFF), (0xF900, 0xFAFF))


@dataclass(frozen=True, slots=True)
class Evidence:
    """A text whose quotes were checked.

    Attributes:
        text: the text, its quotes marked ``<verified>`` or ``<unverified>``.
        verified: the quotes that the source holds, each once.
        unverified: the quotes that it does not hold.
    """

    text: str
    verified: tuple[str, ...]
    unverified: tuple[str, ...]


def check_quotes(text: str, source: str) -> Evidence:
    """Check each passage between ``<q>`` and ``</q>`` against a source.

    A quote is verified where the source holds it word for word. White space, the shape of quotation marks and
    dashes, and punctuation around the quote do not matter; case does, and words must be whole. Marks of
    verification that the text itself holds are made harmless, and hidden thoughts are left out. At most
    `MOST_QUOTES` different ones are looked up.

    >>> check_quotes("He says <q>I  left</q>, not <q>we left</q>.", "Then I left.").text
    'He says <verified>I  left</verified>, not <unverified>we left</unverified>.'
    """
    found: dict[str, None] = {}
    missed: dict[str, None] = {}

    def mark(match: re.Match[str]) -> str:
        said = match[1].strip()
        holds = len(found) + len(missed) < MOST_QUOTES and holds_quote(source, said)
        (found if holds else missed).setdefault(said)
        name = "verified" if holds else "unverified"
        return f"<{name}>{said}</{name}>"

    harmless = _FORGED.sub(r"(\1\2\3)", visible(text))
    return Evidence(_QUOTE.sub(mark, harmless), tuple(found), tuple(missed))


def verified_quotes(text: str) -> list[str]:
    """The different quotes that a text checked by `check_quotes` marks as verified, in plain marks."""
    return list(dict.fromkeys(_levelled(quote) for quote in _FOUND.findall(text)))


def holds_quote(source: str, quote: str) -> bool:
    """Whether a source holds a quote word for word; one without a letter or digit it does not."""
    wanted = _levelled(quote)
    if not any(character.isalnum() for character in wanted):
        return False
    held = _held(source)
    place = held.find(wanted)
    for _ in range(MOST_PLACES):
        if place < 0:
            return False
        if _whole(held, place, place + len(wanted)):
            return True
        place = held.find(wanted, place + 1)
    return False


def _levelled(quote: str) -> str:
    return _plain(quote).strip(_AROUND)


def _plain(text: str) -> str:
    """The text with one space between words and plain marks."""
    return " ".join(text.translate(_ALIKE).split())


_held = lru_cache(maxsize=4)(_plain)
"""The same of a source, which is looked into again for each quote."""


def _whole(text: str, begin: int, end: int) -> bool:
    """Whether no word or number of a passage goes on outside of it."""
    before = begin > 0 and _one_word(text[begin - 1], text[begin])
    after = end < len(text) and _one_word(text[end - 1], text[end])
    number = _NUMBER.match(text, begin - 2) if begin > 1 else None
    return not (before or after or number or _NUMBER.match(text, end - 1))


def _one_word(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and not (_unspaced(left) or _unspaced(right))


def _unspaced(character: str) -> bool:
    """Whether the character's script puts no spaces between words."""
    return any(low <= ord(character) <= high for low, high in _UNSPACED) or ord(character) >= 0x20000
