"""Two decimals of which one is larger."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """Decimals with one whole part: in half of the items the one with more digits is the smaller."""
    whole, digits = rng.randint(0, 99), options["digits"]
    while True:
        pair = [f"{whole}.{_tail(rng, rng.randint(1, digits))}" for _ in range(2)]
        if Fraction(pair[0]) != Fraction(pair[1]):
            break
    larger = max(pair, key=Fraction)
    misleading = len(larger) < max(map(len, pair))
    question = f"Which number is larger, {pair[0]} or {pair[1]}? Answer with that number."
    return {"question": question, "answer": larger, "topic": "shorter is larger" if misleading else "plain"}


def _tail(rng: random.Random, digits: int) -> str:
    return "".join(str(rng.randint(0, 9)) for _ in range(digits - 1)) + str(rng.randint(1, 9))
