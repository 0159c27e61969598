"""The game of 24 without a model: what can be done, who proposes and grades it exactly, and brute force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

from rebut.models.wire import Request
from rebut.scenarios.checkers import expressions

Values = tuple[Fraction, ...]
Parts = tuple[str, ...]
"""Expressions that are still to be joined."""


@cache
def value(part: str) -> Fraction:
    """What an expression is worth."""
    return expressions.read(part)[0]


def moves(left: Parts) -> list[Parts]:
    """What can be left after one step, each once by its values."""
    found: dict[Values, Parts] = {}
    for i, j in combinations(range(len(left)), 2):
        rest = [part for k, part in enumerate(left) if k not in (i, j)]
        for joined in _joined(left[i], left[j]):
            parts = tuple(sorted([*rest, joined], key=value))
            found.setdefault(tuple(map(value, parts)), parts)
    return list(found.values())


def _joined(a: str, b: str) -> list[str]:
    made = [f"({a} + {b})", f"({a} - {b})", f"({b} - {a})", f"({a} * {b})"]
    return made + [f"({x} / {y})" for x, y in ((a, b), (b, a)) if value(y)]


def winnable(left: Parts) -> bool:
    """Whether 24 can still be made."""
    return _winnable(tuple(sorted(map(value, left))))


@cache
def _winnable(left: Values) -> bool:
    if len(left) == 1:
        return left[0] == 24
    return any(winnable(after) for after in moves(tuple(map(_written, left))))


def _written(number: Fraction) -> str:
    plain = f"({abs(number.numerator)} / {number.denominator})"
    return plain if number >= 0 else f"(0 - {plain})"


def by_lot(left: Parts) -> float:
    """The share of walks by lot that make 24, exactly."""
    return _by_lot(tuple(sorted(map(value, left))))


@cache
def _by_lot(left: Values) -> float:
    if len(left) == 1:
        return float(left[0] == 24)
    after = moves(tuple(map(_written, left)))
    return sum(map(by_lot, after)) / len(after)


def numbers_of(row: Mapping[str, Any]) -> Parts:
    """The numbers of a puzzle."""
    return tuple(sorted(str(row["question"]).split(), key=int))


def right(answer: str | None, numbers: Parts) -> bool:
    """Whether an answer makes 24 of the numbers, each once, worked out exactly."""
    try:
        made, used = expressions.read(answer or "")
    except expressions.Broken:
        return False
    return made == 24 and sorted(used) == sorted(map(int, numbers))


def brute(numbers: Parts, seed: int) -> int:
    """Places that depth-first search expands until 24 is made, taking the steps in the player's order."""
    player, count = Player(numbers, seed), 0

    def down(left: Parts) -> bool:
        nonlocal count
        if len(left) == 1:
            return value(left[0]) == 24
        count += 1
        return any(down(after) for after in player.order(left))

    down(numbers)
    return count


@dataclass
class Player:
    """Both agents of one puzzle. The grader is wrong about a share `wrong` of texts, and keeps to it."""

    numbers: Parts
    seed: int
    wrong: float = 0.0
    offered: dict[Parts, int] = field(default_factory=dict)

    def order(self, left: Parts) -> list[Parts]:
        """The steps that are possible, in the order in which they are proposed."""
        found = moves(left)
        Random(f"{self.seed}/{left}").shuffle(found)
        return found

    def left(self, text: str) -> Parts:
        """What is left after the steps of a text."""
        told = re.findall(r"left: ([^.\n]*)\.", text)
        return tuple(told[-1].split(" ; ")) if told else self.numbers

    def says(self, request: Request) -> str:
        """The next step, or a grade."""
        if request.model.endswith("/grader"):
            return self._grade(quoted(request))
        last = request.messages[-1]
        if last.role != "assistant":
            return self._step(self.left(quoted(request)))
        left = self.left(last.content)
        number = len(self.numbers) - len(left) + 1
        return f"{'Step ' if number == 1 else ' '}{number}: {self._step(left)}"

    def _step(self, left: Parts) -> str:
        steps = self.order(left)
        if not steps:
            return "Nothing is left to be done."
        turn = self.offered.get(left, 0)
        self.offered[left] = turn + 1
        after = steps[turn % len(steps)]
        end = f" Answer: {after[0]}" if len(after) == 1 else ""
        return f"left: {' ; '.join(after)}.{end}"

    def _grade(self, text: str) -> str:
        slip = Random(f"{self.seed}/{text}").random() < self.wrong
        return f'{{"reason": "worked out", "score": {10 if winnable(self.left(text)) != slip else 0}}}'


def quoted(request: Request) -> str:
    """The text that a prompt quotes."""
    text = "\n".join(message.content for message in request.messages)
    found = re.search(r"<quote(?:-\d+)?>\n(.*?)\n</quote(?:-\d+)?>", text, re.DOTALL)
    return found[1] if found else ""
