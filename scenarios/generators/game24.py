"""Numbers from which a target is to be made with + - * /, each used once; only those that can be."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

Part = tuple[Fraction, str]


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers that make the target; the answer is one way to do so."""
    target = options["target"]
    while True:
        numbers = sorted(rng.randint(1, options["largest"]) for _ in range(options["numbers"]))
        plain = solution(numbers, target, fractions=False)
        found = plain or solution(numbers, target)
        if found is not None:
            break
    shown = " ".join(map(str, numbers))
    question = (
        f"Use the numbers {shown}, each exactly once, with + - * / and parentheses, to make {target}. Answer "
        "with the expression alone, without an equals sign."
    )
    topic = "whole numbers" if plain else "only by fractions"
    return {"question": question, "answer": found, "topic": topic}


def solution(numbers: Sequence[int], target: int, *, fractions: bool = True) -> str | None:
    """An expression with these numbers, each once, whose exact value is the target; None if there is none.

    Args:
        fractions: whether what is worked out on the way may be a fraction.

    >>> solution([3, 3, 8, 8], 24), solution([3, 3, 8, 8], 24, fractions=False)
    ('8 / (3 - (8 / 3))', None)
    """
    found = next(_ways([(Fraction(n), str(n)) for n in numbers], Fraction(target), fractions, set()), None)
    return None if found is None else _bare(found)


def _ways(parts: list[Part], target: Fraction, fractions: bool, seen: set[Any]) -> Iterator[str]:
    """Expressions of the target: two parts are joined to one until one is left."""
    if len(parts) == 1:
        if parts[0][0] == target:
            yield parts[0][1]
        return
    key = tuple(sorted(value for value, _ in parts))
    if key in seen:
        return
    seen.add(key)
    for i, first in enumerate(parts):
        for j, second in enumerate(parts):
            if i == j:
                continue
            rest = [part for k, part in enumerate(parts) if k not in (i, j)]
            for joined in _joined(first, second, both=i < j):
                if fractions or joined[0].denominator == 1:
                    yield from _ways([*rest, joined], target, fractions, seen)


def _joined(a: Part, b: Part, *, both: bool) -> Iterator[Part]:
    if both:
        yield a[0] + b[0], f"({a[1]} + {b[1]})"
        yield a[0] * b[0], f"({a[1]} * {b[1]})"
    yield a[0] - b[0], f"({a[1]} - {b[1]})"
    if b[0]:
        yield a[0] / b[0], f"({a[1]} / {b[1]})"


def _bare(text: str) -> str:
    """Without the outermost parentheses, which every joined part has."""
    return text[1:-1] if text.startswith("(") else text
