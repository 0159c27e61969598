"""Statistics of order: ranks, rank correlations, and how well a score tells right from wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from math import fsum, sqrt
from statistics import fmean

from .checks import alike, numbers, truths


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value from 1, the smallest first; equal values share the mean of theirs.

    >>> ranks([10, 30, 10])
    [1.5, 3.0, 1.5]
    """
    given = numbers("values", values)
    counts = Counter(given)
    place, found = 0, dict[float, float]()
    for value in sorted(counts):
        found[value] = place + (counts[value] + 1) / 2
        place += counts[value]
    return [found[value] for value in given]


def pearson(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation, in [-1, 1]; None where one of the two does not vary.

    Raises:
        InputError: fewer than two pairs, one that is not finite, or the two differ in length.
    """
    one, other = _two(first, second)
    a, b = _centred(one), _centred(other)
    if a is None or b is None:
        return None
    return max(-1.0, min(1.0, fsum(x * y for x, y in zip(a, b, strict=True))))


def _centred(values: Sequence[float]) -> list[float] | None:
    """The values about their mean, scaled to a length of 1; None where they do not vary."""
    if min(values) == max(values):
        return None
    middle = fmean(values)
    off = [value - middle for value in values]
    most = max(map(abs, off))
    length = most * sqrt(fsum((value / most) ** 2 for value in off))
    return [value / length for value in off]


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rho: the correlation of the ranks; None where one of the two does not vary."""
    one, other = _two(first, second)
    return pearson(ranks(one), ranks(other))


def kendall(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Kendall's tau-b, in [-1, 1], corrected for ties; None where one of the two does not vary::

        (concordant - discordant) / sqrt((pairs - tied in first) (pairs - tied in second))

    In O(n log n) steps (Knight 1966).
    """
    one, other = _two(first, second)
    rows = sorted(zip(one, other, strict=True))
    pairs = len(rows) * (len(rows) - 1) // 2
    a, b, both = _ties(one), _ties(other), _ties(rows)
    if pairs in (a, b):
        return None
    swaps = _inversions([second for _, second in rows])[1]
    agreeing = pairs - a - b + both - 2 * swaps
    return max(-1.0, min(1.0, agreeing / sqrt((pairs - a) * (pairs - b))))


def _ties(values: Iterable[Hashable]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(values).values())


def _inversions(values: Sequence[float]) -> tuple[list[float], int]:
    """The values in order, and how many pairs of them were out of order."""
    if len(values) < 2:
        return list(values), 0
    half = len(values) // 2
    left, first = _inversions(values[:half])
    right, second = _inversions(values[half:])
    merged, swaps, i = list[float](), first + second, 0
    for value in right:
        while i < len(left) and left[i] <= value:
            merged.append(left[i])
            i += 1
        swaps += len(left) - i
        merged.append(value)
    return merged + left[i:], swaps


def auroc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """The chance that a right item's score is above a wrong one's, ties by half; None for one class only.

    The area under the receiver operating characteristic: .5 is guessing, 1 a perfect separation.

    Raises:
        InputError: no items, a score that is not finite, or the two differ in length.

    >>> auroc([0.9, 0.8, 0.8, 0.1], [True, True, False, False])
    0.875
    """
    given, labels = numbers("scores", scores), truths("right", right)
    alike("scores", given, "right", labels)
    good = sum(labels)
    bad = len(labels) - good
    if not good or not bad:
        return None
    above = fsum(rank for rank, label in zip(ranks(given), labels, strict=True) if label)
    return (above - good * (good + 1) / 2) / (good * bad)


def _two(first: Sequence[float], second: Sequence[float]) -> tuple[list[float], list[float]]:
    one, other = numbers("first", first, least=2), numbers("second", second, least=2)
    alike("first", one, "second", other)
    return one, other
