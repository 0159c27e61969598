"""Letters of options, yes and no, and free text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_SOLE = re.compile(r"[\[({]?([A-Za-z])[\])}]?")
_LEADING = re.compile(
    r"[\[(]?([A-Z])(?:[\])][.:]?|[.:,]|(?=\s{0,3}[-–—]\s))(?:\s|\*|$)|\(([A-Za-z])\)|([A-Z])\)"
)
_PARENTHESISED = re.compile(r"(?<!\w)[(\[]([A-Z])[)\]]")
_NAMED = re.compile(r"\b(?:option|choice)s?\s{0,3}[*_\"'`]{0,3}[(\[]?([A-Z])\b(?!['’])", re.IGNORECASE)
_LONE = re.compile(r"(?<![\w'’.])([B-HJ-Z]|[AI](?=\s{0,2}(?:[.,;:)\]*]|$)))(?![\w'’])")
_MARKED_LINE = re.compile(
    r"^[ \t]{0,8}(?:\*\*|__)?[(\[]?([A-Z])[)\]]?[.:]?(?:\*\*|__)?[ \t]{0,8}$", re.MULTILINE
)

_YESNO = re.compile(r"(?<![\w-])(yes|no|true|false)(?![\w-])", re.IGNORECASE)
_FIRST_YESNO = re.compile(r"\W{0,6}(yes|no|true|false)(?![\w-])", re.IGNORECASE)
_TRUTH = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_DENIED = re.compile(r"(?:\b(?:not|never)|n['’]t|\bcannot)\s{1,3}(?:be\s{1,3})?\Z", re.IGNORECASE)
_DOUBTED = re.compile(
    r"(?:\b(?:not|never|cannot|neither|nor|hardly|no\s{1,3}(?:way|evidence|proof|longer))|n['’]t)\s{1,3}"
    r"(?:(?:necessarily|always|entirely|wholly|fully|completely|quite|exactly|strictly|generally|really|actually"
    r"|simply|just|even|only|both|either|ever|yet|think|believe|say|said|know|known|shown|mean|hold|considered"
    r"|the|a|an|at|all|in|fact|it|is|that|this|to|be|been|case|statement|claim|sentence|answer)\s{1,3}){0,8}\Z",
    re.IGNORECASE,
)
_BACK = 80

_ARTICLE = re.compile(r"\b(?:a|an|the)\s+(?=\w)")
_DASH = re.compile(r"(?<=\w)[-‐-―](?=[^\W\d])")
_POINT = re.compile(r"(?<!\d)[.,]|[.,](?!\d)")
_DROPPED = re.compile(r"[\"'`’‘“”«»;:!?()\[\]{}*…¿¡]")


def letter(value: str, choices: Sequence[str] | None = None) -> str | None:
    """The option that a stated answer names, in upper case; by its words too if `choices` are known.

    `choices` are the options' texts (called A, B, ...), or their labels when each is one letter.

    >>> letter("(b)"), letter("B) Paris"), letter("paris", ["Rome", "Paris"])
    ('B', 'B', 'B')
    """
    value = value[:4000]
    labels = label(choices)
    for pattern in (_SOLE, _LEADING):
        m = pattern.fullmatch(value) if pattern is _SOLE else pattern.match(value)
        if m and (found := _allowed(m, labels)):
            return found
    by_words = _by_words(value, choices, labels)
    if by_words:
        return by_words
    for pattern in (_PARENTHESISED, _NAMED, _LONE):
        for m in pattern.finditer(value):
            if found := _allowed(m, labels):
                return found
    return None


def last_letter(text: str, choices: Sequence[str] | None = None) -> str | None:
    """The last option of a text that stands in parentheses, behind ``option``, or alone on its line."""
    labels = label(choices)
    tail = text[-20_000:]
    found = [
        (m.start(), named)
        for pattern in (_PARENTHESISED, _NAMED, _MARKED_LINE)
        for m in pattern.finditer(tail)
        if (named := _allowed(m, labels))
    ]
    return max(found)[1] if found else None


def label(choices: Sequence[str] | None) -> Sequence[str]:
    """The labels of options: themselves when each is one letter, else A, B, ...; A to Z when unknown."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if not choices:
        return letters
    if all(len(c) == 1 and c.isascii() and c.isalpha() for c in choices):
        return [c.upper() for c in choices]
    return letters[: len(choices)]


def _allowed(m: re.Match[str], labels: Sequence[str]) -> str | None:
    found = next((g.upper() for g in m.groups() if g), None)
    return found if found in labels else None


def _by_words(value: str, choices: Sequence[str] | None, labels: Sequence[str]) -> str | None:
    if not choices:
        return None
    said = folded(value)
    for choice, name in zip(choices, labels, strict=False):
        if said and folded(choice) == said:
            return name
    return None


def yesno(value: str) -> str | None:
    """``yes`` or ``no`` from a stated answer: its first word, else the last yes, no, true or false in it.

    ``""`` where that cannot be told.

    >>> yesno("not true"), yesno("not necessarily true"), yesno("not wrong"), yesno("maybe")
    ('no', '', '', None)
    """
    m = _FIRST_YESNO.match(value)
    if m:
        return _TRUTH[m[1].lower()]
    found = last_yesno(value)
    return "" if found is None and value[:4].lower() == "not " else found


def last_yesno(text: str) -> str | None:
    """The last yes, no, true or false of a text; a ``no`` before a noun counts only when there is no other.

    ``not`` before true or false turns it round; ``""`` where it cannot be told what is denied.

    >>> last_yesno("Yes, since there is no evidence against it."), last_yesno("So it isn't true.")
    ('yes', 'no')
    """
    found = list(_YESNO.finditer(text[-20_000:]))
    firm = [m for m in found if not _determiner(m)]
    return _truth((firm or found)[-1]) if found else None


def _truth(m: re.Match[str]) -> str:
    """What a word says where it stands."""
    word, before = m[1].lower(), m.string[max(0, m.start() - _BACK) : m.start()]
    if word in ("true", "false") and _DENIED.search(before):
        return "no" if word == "true" else "yes"
    return "" if _DOUBTED.search(before) else _TRUTH[word]


def _determiner(m: re.Match[str]) -> bool:
    return m[1].lower() == "no" and re.match(r"\s\w", m.string[m.end() : m.end() + 2]) is not None


def folded(value: str) -> str:
    """Free text for comparison: NFKC, case-folded, without articles, quotes, brackets and stops.

    Signs that carry meaning stay (``C++``, ``C#``, ``3.5``, ``-2``); without a letter or digit all stays.

    >>> folded("  The “Well-Known” Café. ")
    'well known café'
    """
    whole = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    text = _DROPPED.sub("", _POINT.sub("", _DASH.sub(" ", whole)))
    return " ".join(_ARTICLE.sub("", text).split()) if any(map(str.isalnum, text)) else whole
