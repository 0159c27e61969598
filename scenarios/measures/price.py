"""Quality against cost: what is worth its price, as a frontier and as one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebut.errors import InputError

from ..statistics.checks import enough, number, positive


@dataclass(frozen=True, slots=True)
class Priced:
    """A workflow with what it gives and what it costs.

    Attributes:
        name: of the workflow, with its model and parameters.
        quality: higher is better, such as accuracy.
        cost: lower is better, not negative: tokens, US dollars, seconds; one unit for all.
        base: the quality of the same model without the workflow, in the unit of `quality`; None where it was
            not measured.
    """

    name: str
    quality: float
    cost: float
    base: float | None = None


def frontier(offers: Sequence[Priced]) -> tuple[Priced, ...]:
    """The offers that no other beats, the cheapest first (Pareto).

    One is beaten by another that is at least as good for at most the same cost, and better in one of the
    two. Offers alike in both stay together, in their order.

    Raises:
        InputError: no offers, or a quality or cost that does not fit.
    """
    kept: list[Priced] = []
    best = None
    for offer in sorted(_checked(offers), key=lambda offer: (offer.cost, -offer.quality)):
        twin = bool(kept) and (offer.quality, offer.cost) == (kept[-1].quality, kept[-1].cost)
        if best is None or offer.quality > best or twin:
            kept.append(offer)
            best = offer.quality
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class Ranked:
    """An offer with its `score` and its `rank`, from 1; equal scores share the better rank."""

    rank: int
    score: float
    offer: Priced


def ranked(
    offers: Sequence[Priced], *, gamma: float, alpha: float = 1.0, beta: float = 1.0
) -> tuple[Ranked, ...]:
    """The offers by quality, gain and cost in one number, the best first::

        (alpha * base + beta * (quality - base)) / cost^gamma

    A number after the idea of PeRFICS (Shashidhar et al. 2023, arXiv:2310.07611), which ranks by refined
    performance and inference cost, but not its formula; publish the three weights with it, and the
    `frontier` beside it. Where the numerator is negative it is multiplied by cost^gamma, so that to be
    dearer never helps. The unit of cost does not change the ranks.

    Args:
        gamma: how much cost counts, from 0 (not at all) to 1 (quality for each unit of cost).
        alpha: how much the quality without the workflow counts.
        beta: how much the gain over it counts; with both 1 the numerator is the quality.

    Raises:
        InputError: no offers, a cost that is not above 0 (where gamma is), a negative weight, or an offer
            without `base` while alpha and beta differ.
    """
    for what, weight in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
        if number(what, weight) < 0:
            raise InputError(f"{what} must not be negative: {weight!r}")
    scored = [(_score(offer, alpha, beta, gamma), offer) for offer in _checked(offers)]
    scored.sort(key=lambda pair: -pair[0])
    scores = [score for score, _ in scored]
    return tuple(Ranked(scores.index(score) + 1, score, offer) for score, offer in scored)


def _score(offer: Priced, alpha: float, beta: float, gamma: float) -> float:
    if offer.base is None and alpha != beta:
        raise InputError(f"{offer.name!r} has no base quality: needed where alpha and beta differ")
    base = offer.base or 0.0
    worth = alpha * base + beta * (offer.quality - base)
    price = positive(f"cost of {offer.name!r}", offer.cost) ** gamma if gamma else 1.0
    return worth / price if worth >= 0 else worth * price


def _priced(what: str, offer: object) -> None:
    if not isinstance(offer, Priced):
        raise InputError(f"{what} must be Priced: {offer!r}")


def _checked(offers: Sequence[Priced]) -> list[Priced]:
    enough("offers", offers, 1)
    for i, offer in enumerate(offers):
        _priced(f"offers[{i}]", offer)
        number(f"quality of {offer.name!r}", offer.quality)
        if number(f"cost of {offer.name!r}", offer.cost) < 0:
            raise InputError(f"cost of {offer.name!r} must not be negative: {offer.cost!r}")
        if offer.base is not None:
            number(f"base of {offer.name!r}", offer.base)
    return list(offers)
