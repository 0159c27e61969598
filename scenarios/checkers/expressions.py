"""Expressions of whole numbers with + - * / and parentheses, worked out exactly, without running code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from ...agents.answers.surface import clean

LONGEST = 300
"""Characters of an expression."""
DEEPEST = 40

_TOKEN = re.compile(r"\s*(?:(\d{1,12})(?!\d)|([-+*/()=]))")
_LATEX = (
    (r"\\(?:times|cdot)\b|[×·∗]|(?<=[\d)])\s*[xX]\s*(?=[\d(])", "*"),
    (r"\\div\b|÷", "/"),
    (r"[−–]", "-"),
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_BRACKETS = str.maketrans("[]{}", "()()")


class Broken(Exception):
    """A text is no such expression; the text says why."""


def same(answer: str, gold: str) -> bool:
    """Whether an answer has the numbers of the gold expression, each as often, and its exact value.

    ``= 24`` behind the expression is passed over, if it is true.

    >>> same("(7 - 8 / 8) * 4 = 24", "4 * (7 - 8 / 8)"), same("6 * 4", "4 * (7 - 8 / 8)")
    (True, False)
    """
    try:
        mine, its = read(answer), read(gold)
    except Broken:
        return False
    return mine == its


def unfit(gold: str) -> str:
    """Why a text is no expression; empty where it is one."""
    try:
        read(gold)
    except Broken as error:
        return f"no expression: {error}"
    return ""


def read(text: str) -> tuple[Fraction, list[int]]:
    """The value of an expression, and its numbers in rising order.

    Raises:
        Broken: it is none, divides by zero, or says that it equals something else.

    >>> read("8 / (3 - 8 / 3)")
    (Fraction(24, 1), [3, 3, 8, 8])
    """
    if len(text) > LONGEST:
        raise Broken(f"longer than {LONGEST} characters")
    parts = [_Reader(tokens) for tokens in _sides(list(_tokens(_plain(text))))]
    values = [part.whole() for part in parts]
    if len(set(values)) > 1:
        raise Broken("its sides are not equal")
    first = parts[0].numbers if len(parts) == 1 or len(parts[0].numbers) > 1 else parts[1].numbers
    return values[0], sorted(first)


def _plain(text: str) -> str:
    text = clean(text)
    while (inner := _FRACTION.sub(r"((\1)/(\2))", text)) != text:
        text = inner
    text = text.translate(_BRACKETS)
    for pattern, sign in _LATEX:
        text = re.sub(pattern, sign, text)
    return re.sub(r"\\(?:left|right)\b|\\[,;! ]|\$", "", text).rstrip(". ")


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise Broken(f"what is {text[place : place + 10].strip()!r}?")
        place = token.end()
        yield token[1] or token[2]


def _sides(tokens: list[str]) -> list[list[str]]:
    sides: list[list[str]] = [[]]
    for token in tokens:
        if token == "=":
            sides.append([])
        else:
            sides[-1].append(token)
    if len(sides) > 2:
        raise Broken("more than one equals sign")
    return sides


class _Reader:
    """Reads a sum of products of numbers and sums in parentheses."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._place, self._depth = tokens, 0, 0
        self.numbers: list[int] = []

    def whole(self) -> Fraction:
        value = self._sum()
        if self._place < len(self._tokens):
            raise Broken(f"{self._tokens[self._place]!r} is too many")
        return value

    def _next(self, *wanted: str) -> str:
        token = self._tokens[self._place] if self._place < len(self._tokens) else ""
        if wanted and token not in wanted:
            return ""
        self._place += 1
        return token

    def _sum(self) -> Fraction:
        value = self._product()
        while sign := self._next("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Fraction:
        value = self._part()
        while sign := self._next("*", "/"):
            other = self._part()
            if sign == "/" and not other:
                raise Broken("it divides by zero")
            value = value * other if sign == "*" else value / other
        return value

    def _part(self) -> Fraction:
        token = self._next()
        if token == "-":
            return -self._part()
        if token == "(":
            return self._inner()
        if not token.isdigit():
            raise Broken(f"a number is needed, not {token!r}" if token else "it ends too soon")
        self.numbers.append(int(token))
        return Fraction(int(token))

    def _inner(self) -> Fraction:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Broken("too many parentheses")
        value = self._sum()
        if not self._next(")"):
            raise Broken("a parenthesis is not closed")
        self._depth -= 1
        return value
