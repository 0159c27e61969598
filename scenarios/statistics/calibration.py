"""Whether a confidence means what it says: reliability, ECE, Brier; and what leaving items out would gain."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import fsum
from statistics import fmean

from .checks import alike, chosen, count, fraction, fractions, numbers, truths
from .resampling import quantile

BINNINGS = ("width", "mass")
BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The items of one range of confidence, `low` exclusive (but for the first bin) and `high` inclusive.

    Attributes:
        n: how many items.
        confidence: their mean confidence.
        accuracy: the share of them that is right.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = BINS, binning: str = "width"
) -> tuple[Bin, ...]:
    """The bins of a reliability diagram, empty ones left out.

    ``width``: ((m - 1) / M, m / M] as Guo et al. (2017, arXiv:1706.04599), 0 in the first. ``mass``: the
    edges are quantiles of the confidences, so that the bins hold about as many items each; equal confidences
    stay together, so there may be fewer bins.

    Raises:
        InputError: no items, a confidence outside of [0, 1], or the two differ in length.
    """
    given, labels = _judged(confidence, right)
    chosen("binning", binning, BINNINGS)
    count("bins", bins, least=1)
    edges = [m / bins for m in range(1, bins)] if binning == "width" else _even(sorted(given), bins)
    held: list[list[tuple[float, bool]]] = [[] for _ in range(len(edges) + 1)]
    for item in zip(given, labels, strict=True):
        held[bisect_left(edges, item[0])].append(item)
    ends = [0.0, *edges, 1.0]
    return tuple(
        Bin(ends[m], ends[m + 1], len(items), fmean(c for c, _ in items), fmean(y for _, y in items))
        for m, items in enumerate(held)
        if items
    )


def _even(ordered: Sequence[float], bins: int) -> list[float]:
    return sorted({quantile(ordered, m / bins) for m in range(1, bins)})


def ece(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = BINS, binning: str = "width"
) -> float:
    """Expected calibration error, in [0, 1]: mean of |accuracy - confidence| over bins, by their items.

    `bins` and `binning` as in `reliability`; say which when you report it. It is biased upwards when bins
    hold few items.
    """
    found = reliability(confidence, right, bins=bins, binning=binning)
    n = sum(one.n for one in found)
    return fsum(one.n * abs(one.accuracy - one.confidence) for one in found) / n


def brier(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Brier's score (1950), the mean of (confidence - right)^2, in [0, 1]; always saying .5 gives .25.

    Raises:
        InputError: no items, a confidence outside of [0, 1], or the two differ in length.
    """
    given, labels = _judged(confidence, right)
    return fmean((c - y) ** 2 for c, y in zip(given, labels, strict=True))


def _judged(confidence: Sequence[float], right: Sequence[bool]) -> tuple[list[float], list[bool]]:
    given, labels = fractions("confidence", confidence), truths("right", right)
    alike("confidence", given, "right", labels)
    return given, labels


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a risk-coverage curve.

    Attributes:
        coverage: the share of items that are answered, the surest first.
        risk: the share of those that are wrong.
        threshold: the confidence of the last of them.
    """

    coverage: float
    risk: float
    threshold: float


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Point, ...]:
    """What is risked when only the k surest items are answered, for k = 1 to n (El-Yaniv and Wiener 2010).

    Among items of equal confidence the order is chance: the risk is its mean over all their orders, so the
    curve does not depend on the order of the data. Any scores will do for confidences.

    Raises:
        InputError: no items, a score that is not finite, or the two differ in length.
    """
    given, labels = numbers("confidence", confidence), truths("right", right)
    alike("confidence", given, "right", labels)
    surest = sorted(zip(given, labels, strict=True), key=lambda item: -item[0])
    points: list[Point] = []
    wrong, k = 0, 0
    for score, level in groupby(surest, key=lambda item: item[0]):
        errors = [not label for _, label in level]
        lost, size = sum(errors), len(errors)
        points += [
            Point((k + i) / len(given), (wrong + i * lost / size) / (k + i), score)
            for i in range(1, size + 1)
        ]
        wrong, k = wrong + lost, k + size
    return tuple(points)


def aurc(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Area under the risk-coverage curve, the mean of its risks; guessing has the error rate."""
    return fmean(point.risk for point in risk_coverage(confidence, right))


def excess_aurc(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """AURC less that of the best order of these items, all right ones first; 0 is perfect.

    Of the n items at hand, where Geifman et al. (2019, arXiv:1805.08206) take the limit of many,
    r + (1 - r) ln(1 - r) for the error rate r.
    """
    return aurc(confidence, right) - aurc([float(label) for label in truths("right", right)], right)


def coverage_at(confidence: Sequence[float], right: Sequence[bool], risk: float) -> Point | None:
    """The farthest point of the curve whose risk is at most `risk`; None where there is none.

    Only where a threshold can be set, so never between items of equal confidence.
    """
    fraction("risk", risk)
    points = risk_coverage(confidence, right)
    ends = {point.threshold: point for point in points}
    return next((point for point in reversed(ends.values()) if point.risk <= risk + 1e-12), None)
