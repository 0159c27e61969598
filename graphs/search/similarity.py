"""How alike two texts are, by the words that they share: it stands in for an embedding."""

from __future__ import annotations

import re
from collections import Counter

_WORD = re.compile(r"\w+|[^\w\s]")


def similarity(a: str, b: str) -> float:
    """Twice the words (and marks) that both have, over those of each, in [0, 1]; case is passed over.

    Of meaning it knows nothing: "big" and "large" have nothing in common.

    >>> similarity("The sky is blue.", "the sky is blue!"), similarity("a", "b")
    (0.8, 0.0)
    """
    one, two = (Counter(_WORD.findall(text.casefold())) for text in (a, b))
    total = one.total() + two.total()
    if not total:
        return 1.0 if a == b else 0.0
    return 2 * (one & two).total() / total
