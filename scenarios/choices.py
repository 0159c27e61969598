"""The options of a question with choices: told by letters, and found again by letter, place or text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from ..agents.answers import extract
from ..agents.answers.words import folded
from .rows import said, text_of

_SHOWN = r"(?:^|[\s(])\(?{letter}[).:](?:\s|$)"


class Misfit(Exception):
    """A value does not fit; the text says what is needed."""


def choices_of(value: Any) -> dict[str, str]:
    """Options by letter, from a list of texts, an object of texts, or lists of ``label`` and ``text``.

    Raises:
        Misfit: it is none of these, or there are fewer than two or more than 26 options.
    """
    if isinstance(value, Mapping):
        named = isinstance(value.get("text"), list)
        value = value["text"] if named else list(value.values())
    if not isinstance(value, list):
        raise Misfit(f"a list of choices is needed, not {said(value)}")
    texts = [text_of(one) for one in value]
    for one, text in zip(value, texts, strict=True):
        if text is None or not text.strip():
            raise Misfit(f"a choice is a text, not {said(one)}")
    if not 2 <= len(texts) <= len(ascii_uppercase):
        raise Misfit(f"2 to 26 choices are needed, not {len(texts)}")
    return dict(zip(ascii_uppercase, map(str, texts), strict=False))


def shown(question: str, options: Mapping[str, str]) -> str:
    """A question with its options below."""
    return "\n".join([question, "", *(f"{letter}. {text}" for letter, text in options.items())])


def letter_of(value: Any, options: Mapping[str, str]) -> str:
    """The letter of the right option: given as it is, by its place from 0, or by its text.

    Raises:
        Misfit: it is none of the options.
    """
    letters, texts = list(options), [folded(text) for text in options.values()]
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < len(letters):
            raise Misfit(f"{value} is no place of the {len(letters)} choices (0 to {len(letters) - 1})")
        return letters[value]
    text = value.strip() if isinstance(value, str) else ""
    if text and texts.count(folded(text)) == 1:
        return letters[texts.index(folded(text))]
    letter = extract(f"Answer: {text}", "choice") if text else None
    if letter is None or letter not in options:
        raise Misfit(f"{said(value)} is none of the {len(letters)} choices (A to {letters[-1]})")
    return letter


def among_shown(letter: str, question: str) -> bool:
    """Whether a letter is one of the options that a question shows; true where it shows none."""

    def there(one: str) -> bool:
        return re.search(_SHOWN.format(letter=one), question, re.MULTILINE) is not None

    return there(letter) or not (there("A") and there("B"))
