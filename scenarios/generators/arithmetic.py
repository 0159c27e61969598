"""Arithmetic with several whole numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers joined by +, - and *, the product binding tighter; the answer is exact."""
    numbers = [rng.randint(0, options["largest"]) for _ in range(options["numbers"])]
    signs = [rng.choice("++-*") for _ in numbers[1:]]
    text, terms = str(numbers[0]), [numbers[0]]
    for sign, number in zip(signs, numbers[1:], strict=True):
        text += f" {sign} {number}"
        if sign == "*":
            terms[-1] *= number
        else:
            terms.append(number if sign == "+" else -number)
    products = sum(sign == "*" for sign in signs)
    return {"question": f"What is {text}?", "answer": str(sum(terms)), "topic": f"{products} products"}
