"""The options of a question with choices: shown by letters, found again by label, letter, place or text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from ..agents.answers import extract
from ..agents.answers.words import folded
from .rows import said, text_of

_SHOWN = r"(?:^|[\s(])\(?{letter}[).:](?:\s|$)"


class Misfit(Exception):
    """A value does not fit; the text says what is needed."""


class Options(dict[str, str]):
    """The texts of options by the letters that they are shown with.

    Attributes:
        labels: of the data's own, in the same order; empty where it has none.
    """

    def __init__(self, texts: Sequence[str], labels: Sequence[str] = ()) -> None:
        super().__init__(zip(ascii_uppercase, texts, strict=False))
        self.labels = tuple(labels)


def choices_of(value: Any) -> Options:
    """Options by letter, from a list of texts, an object of texts, or lists of ``label`` and ``text``.

    The keys of an object are its labels.

    Raises:
        Misfit: it is none of these, there are fewer than two or more than 26 options, or their labels do not
            tell them apart.
    """
    labels: Any = None
    if isinstance(value, Mapping):
        named = isinstance(value.get("text"), list)
        labels = value.get("label") if named else list(value)
        value = value["text"] if named else list(value.values())
    if not isinstance(value, list):
        raise Misfit(f"a list of choices is needed, not {said(value)}")
    texts = [text_of(one) for one in value]
    for one, text in zip(value, texts, strict=True):
        if text is None or not text.strip():
            raise Misfit(f"a choice is a text, not {said(one)}")
    if not 2 <= len(texts) <= len(ascii_uppercase):
        raise Misfit(f"2 to 26 choices are needed, not {len(texts)}")
    return Options(list(map(str, texts)), [] if labels is None else _labels(labels, len(texts)))


def _labels(value: Any, count: int) -> list[str]:
    if not isinstance(value, list):
        raise Misfit(f"a list of labels is needed, not {said(value)}")
    if len(value) != count:
        raise Misfit(f"{count} choices need as many labels, not {len(value)}")
    found: dict[str, str] = {}
    for one in value:
        label = (text_of(one) or "").strip()
        if not label:
            raise Misfit(f"a label is a text or number, not {said(one)}")
        if _bare(label) in found:
            raise Misfit(f"two choices have the label {label!r}")
        found[_bare(label)] = label
    return list(found.values())


def shown(question: str, options: Mapping[str, str]) -> str:
    """A question with its options below."""
    return "\n".join([question, "", *(f"{letter}. {text}" for letter, text in options.items())])


def letter_of(value: Any, options: Mapping[str, str]) -> str:
    """The letter that the right option is shown with.

    It is given by its label, where the options have labels of their own, else by its letter or its place from
    0; or by its text.

    Raises:
        Misfit: it is none of the options, or one of them by its label or letter and another by its text.
    """
    labels = dict(zip(map(_bare, _own(options)), options, strict=False))
    if isinstance(value, int) and not isinstance(value, bool):
        if not any(map(str.isdecimal, labels)):
            return _at(value, list(options))
        text = str(value)
    else:
        text = value.strip() if isinstance(value, str) else ""
    way = "label" if labels else "letter"
    named = (labels or {letter.casefold(): letter for letter in options}).get(_bare(text))
    worded = _by_text(text, options)
    if named and worded and named != worded:
        raise Misfit(f"{text!r} is the {way} of one choice and the text of another")
    found = named or worded or _stated(text, options, labels)
    if found is None:
        there = ", ".join(_own(options)) or f"A to {list(options)[-1]}"
        told = value if isinstance(value, int) and not isinstance(value, bool) else said(value)
        raise Misfit(f"{told} is none of the {len(options)} choices ({there})")
    return found


def _own(options: Mapping[str, str]) -> tuple[str, ...]:
    return options.labels if isinstance(options, Options) else ()


def _at(place: int, letters: Sequence[str]) -> str:
    if not 0 <= place < len(letters):
        raise Misfit(f"{place} is no place of the {len(letters)} choices (0 to {len(letters) - 1})")
    return letters[place]


def _bare(text: str) -> str:
    """A label or letter without what is written around it: ``(B)``, ``b.``"""
    return text.strip("()[]{}.: ").casefold() or text


def _by_text(text: str, options: Mapping[str, str]) -> str | None:
    found = [letter for letter, one in options.items() if text and folded(one) == folded(text)]
    return found[0] if len(found) == 1 else None


def _stated(text: str, options: Mapping[str, str], labels: Mapping[str, str]) -> str | None:
    """The option that a longer text names (``B. bee``); labels of one sign or numbers go before A, B, ..."""
    letter = extract(f"Answer: {text}", "choice") if text else None
    if letter is None or letter.casefold() in labels:
        return labels[letter.casefold()] if letter else None
    names = not any(len(label) == 1 or label.isdecimal() for label in labels)
    return letter if names and letter in options else None


def among_shown(letter: str, question: str) -> bool:
    """Whether a letter is one of the options that a question shows; true where it shows none."""

    def there(one: str) -> bool:
        return re.search(_SHOWN.format(letter=one), question, re.MULTILINE) is not None

    return there(letter) or not (there("A") and there("B"))
