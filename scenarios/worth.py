"""Quality and cost in one rank, beside the frontier that needs no weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .measures.price import Priced, frontier, ranked
from .summary import Line

GAMMA = 0.1
"""How much tokens count: twice the tokens must buy 2^0.1 = 1.07 times the right answers to keep its rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a contender gives for its tokens.

    Attributes:
        rank: from 1; equal scores share the better rank.
        score: `right` / `tokens` ^ `GAMMA`, after the idea of PeRFICS (arXiv:2310.07611), not its formula;
            only the order of scores means something.
        best: on the frontier: no other is at least as good for at most the same tokens.
    """

    label: str
    rank: int
    score: float
    right: float
    tokens: float
    best: bool


def worth(lines: Sequence[Line]) -> list[Worth]:
    """The contenders by rank; those whose runs used no token at all have none."""
    offers = [Priced(line.label, line.right, line.tokens) for line in lines if line.tokens > 0]
    if not offers:
        return []
    best = {offer.name for offer in frontier(offers)}
    return [
        Worth(
            label=one.offer.name,
            rank=one.rank,
            score=one.score,
            right=one.offer.quality,
            tokens=one.offer.cost,
            best=one.offer.name in best,
        )
        for one in ranked(offers, gamma=GAMMA)
    ]
