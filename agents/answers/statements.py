"""Where a text states its answer: ``Answer: x``, ``the answer is x``, ``\\boxed{x}``, ``#### x``, in tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from .surface import closing_brace

MOST = 64
"""How many of a text's last statements are looked at; a text with more is not an answer but noise."""

_LIMIT = 4000
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_WORDS = r"(?:\s{1,3}[\w'’()\"*-]{1,30}){0,8}?"
_COLON = re.compile(rf"{_WORDS}[*_`\"'’)\]]{{0,4}}\s{{0,3}}[:=：][*_]{{0,3}}")
_IS = re.compile(
    rf"{_WORDS}[*_`\"'’)\]]{{0,4}}\s{{1,3}}(?:is|are|was|(?:will|would|should|must)\s{{1,3}}be)\b(?:\s{{0,3}}[:=：])?[*_]{{0,3}}"
)
_LISTING = re.compile(r"\b(?:choices|options|format|line)\b", re.IGNORECASE)
_HEADING = re.compile(r"[*_:]{0,4}[ \t]{0,8}(?=\n|\Z)")
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Jr|Sr|Prof|No|vs|etc|e\.g|i\.e|[A-Z]\.[A-Z])$"
)
_NEGATED = re.compile(
    r"\s{0,3}(?:not|never|neither|n't|unclear|unknown to|correct\b|right\b|wrong\b|incorrect\b)",
    re.IGNORECASE,
)
_AFTER_BOX = re.compile(r"\s{0,3}(\{|[^\s{}$.,;]{1,40})")
_GSM = re.compile(r"[ \t]{0,8}([^\n]{0,400})")
_FENCED = re.compile(r"```[^\n`]{0,40}\n([\s\S]{0,4000}?)\n?```")
_STEP = re.compile(r"step\b", re.IGNORECASE)
_NUMBER_ONLY = re.compile(r"[-+−]?[$€£]?[\d.,/ ]{1,40}%?")


def statements(text: str, *, choice: bool = False) -> Iterator[str]:
    """The stated answers of `text` as written, the last first; an unfinished one is given as ``""``.

    With `choice`, ``the correct option is x`` counts too.
    """
    return islice(_statements(text, choice), MOST)


def _statements(text: str, choice: bool) -> Iterator[str]:
    low = _lower(text)
    tokens = (*_READERS, "option", "choice") if choice else tuple(_READERS)
    places = {token: low.rfind(token) for token in tokens}
    while (at := max(places.values())) >= 0:
        token = next(t for t, place in places.items() if place == at)
        places[token] = low.rfind(token, 0, at)
        value = _READERS.get(token, _said)(text, at, at + len(token))
        if value is not None:
            yield value


def _lower(text: str) -> str:
    low = text.lower()
    return low if len(low) == len(text) else text.translate(_ASCII_LOWER)


def _said(text: str, start: int, end: int) -> str | None:
    """The value after the word ``answer`` (or ``option``): a tag, a colon, a heading or a sentence."""
    before = text[start - 1] if start else ""
    if before == "<" and text[end : end + 1] == ">":
        return _tagged(text, end + 1)
    if before.isalnum() or before in ("/", "<"):
        return None
    colon = _COLON.match(text, end)
    # `is` and the space before it take three characters
    said = None if colon and colon.end() - end < 3 else _IS.match(text, end)
    anchor = said if said and not (colon and colon.end() <= said.end()) else colon
    if anchor is None:
        heading = _HEADING.match(text, end)
        return _value(text, heading.end()) if heading and _opens_line(text, start) else None
    if _LISTING.search(anchor[0]):
        return None
    if anchor is said:
        return None if _NEGATED.match(text, anchor.end()) else _sentence(_value(text, anchor.end()))
    return _value(text, anchor.end())


def _opens_line(text: str, start: int) -> bool:
    """Whether only marks and ``final`` stand before `start` on its line."""
    line = text[max(0, start - 40) : start].rpartition("\n")[2]
    return line.strip("#*_ \t").lower() in ("", "final", "the final", "my final", "my")


def _tagged(text: str, start: int) -> str:
    window = text[start : start + _LIMIT]
    end = _lower(window).find("</answer>")
    return window[:end] if end >= 0 else ""


def _value(text: str, start: int) -> str:
    """The rest of the line, or the next one when the rest is blank; displayed formulas as a whole."""
    window = text[start : start + _LIMIT].lstrip("*_ \t")
    window = window.lstrip()
    for left, right in (("$$", "$$"), (r"\[", r"\]")):
        if window.startswith(left):
            end = window.find(right, 2)
            return window[2:end] if end >= 0 else ""
    fence = _FENCED.match(window)
    return fence[1] if fence else window.partition("\n")[0]


def _sentence(value: str) -> str:
    """`value` up to the end of its first sentence."""
    for stop in _SENTENCE_END.finditer(value):
        if not _ABBREVIATION.search(value[max(0, stop.start() - 8) : stop.start()]):
            return value[: stop.start()]
    return value


def _boxed(text: str, _start: int, end: int) -> str | None:
    inner = _AFTER_BOX.match(text, end)
    if inner is None:
        return ""
    if inner[1] != "{":
        return inner[1] if not inner[1][0].isalpha() or inner.start(1) > end else None
    close = closing_brace(text, inner.end() - 1, _LIMIT)
    return text[inner.end() : close] if close >= 0 else ""


def _hashes(text: str, start: int, end: int) -> str | None:
    """GSM8K's ``#### 18``; a markdown heading of the fourth level is not an answer, unless it comes last."""
    if text[end : end + 1] == "#" or (start and text[start - 1] == "#"):
        return None
    line = _GSM.match(text, end)
    value = line[1].strip() if line else ""
    last = not text[end + len(line[0] if line else "") :].strip()
    return value if (last and not _STEP.match(value)) or _NUMBER_ONLY.fullmatch(value) else None


_READERS = {"answer": _said, "\\boxed": _boxed, "\\fbox": _boxed, "####": _hashes}
