"""Two workflows on the same items: the difference, and whether chance would explain it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

from .checks import alike, count, fractions, numbers, truths
from .distributions import fair_tail, normal_tails, student_tails
from .means import Estimate, mean
from .ranks import ranks

EXACT = 50
"""Most differing pairs for which Wilcoxon's distribution is counted out."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A test of no difference.

    Attributes:
        p: two-sided.
        statistic: what the p is of, as the function says.
        n: how many pairs the statistic rests on.
        method: ``exact``, ``mid-p``, ``normal``, ``sign`` or ``student``.
    """

    p: float
    statistic: float
    n: int
    method: str


def discordant(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int]:
    """How many items only `first` had right, and how many only `second`.

    >>> discordant([True, True, False], [True, False, True])
    (1, 1)
    """
    before, after = truths("first", first), truths("second", second)
    alike("first", before, "second", after)
    pairs = list(zip(before, after, strict=True))
    return pairs.count((True, False)), pairs.count((False, True))


def mcnemar(lost: int, won: int, *, mid_p: bool = False) -> Tested:
    """McNemar's test from the numbers of pairs that differ in one direction and in the other.

    Exact: of the pairs that differ, could each side have won half? ``p = 2 P(X <= min)``, at most 1. With
    `mid_p` the chance of the outcome itself counts by half (Fagerland, Lydersen and Laake 2013): less
    conservative, and in their simulations seldom above its level. The statistic is the smaller number.

    Raises:
        InputError: a number is negative or not whole.

    >>> mcnemar(0, 5).p, mcnemar(0, 5, mid_p=True).p
    (0.0625, 0.03125)
    """
    n, least = count("lost", lost) + count("won", won), min(lost, won)
    below, here = fair_tail(least, n)
    if not mid_p:
        return Tested(min(1.0, 2 * below), least, n, "exact")
    p = 1.0 if lost == won else 2 * below - here
    return Tested(min(1.0, p), least, n, "mid-p")


def difference(
    first: Sequence[float], second: Sequence[float], *, groups: Sequence[Hashable] | None = None
) -> Estimate:
    """The mean of `second` less that of `first` with the standard error of the paired differences.

    Pairing takes the difficulty of the items out of the error (Miller 2024, arXiv:2411.00640). `groups` as
    in `mean`; `interval` of the result gives the interval.

    Raises:
        InputError: as `mean`, or the two differ in length.
    """
    return mean(_gains(first, second), groups=groups)


def clustered(found: Estimate) -> Tested:
    """Whether a mean gain, as `difference` has it, could be 0, from its clustered standard error.

    The normal score of the gain in its errors. Where the error is 0 though there is a gain, all clusters gain
    alike and no score can be had: then the exact sign test over the n clusters, which all went one way,
    ``p = 2 * 0.5^n``, at most 1. p is 1 where the error is not known (a single cluster), or the gain is 0.
    The statistic is the gain.

    >>> clustered(Estimate(0.5, 0.0, 12, 6)).p, clustered(Estimate(0.0, 0.0, 12, 6)).p
    (0.03125, 1.0)
    """
    gain, error, n = found.mean, found.error, found.groups
    if error is None or not gain:
        return Tested(1.0, gain, n, "normal")
    if error <= 1e-12 * abs(gain):  # 0 but for rounding
        return Tested(min(1.0, 2 * 0.5**n), gain, n, "sign")
    return Tested(normal_tails(gain / error), gain, n, "normal")


def paired_t(first: Sequence[float], second: Sequence[float]) -> Tested:
    """Student's paired t test; the statistic is t, positive where `second` is the larger.

    p is 1 where all pairs are equal, and 0 where all differ by the same amount.

    Raises:
        InputError: fewer than two pairs, one that is not finite, or the two differ in length.
    """
    gains = _gains(first, second, least=2)
    found = mean(gains)
    error = found.error or 0.0
    if error <= 1e-15 * abs(found.mean) or not error:
        t = 0.0 if not found.mean else float("inf") if found.mean > 0 else float("-inf")
    else:
        t = found.mean / error
    return Tested(student_tails(t, found.n - 1), t, found.n, "student")


def wilcoxon(first: Sequence[float], second: Sequence[float]) -> Tested:
    """Wilcoxon's signed-rank test; the statistic is the smaller of the two sums of ranks.

    Pairs that are equal are left out, ranks of equal distance shared. Up to `EXACT` differing pairs the
    distribution over all signs is counted out (shared ranks included); above, the normal approximation
    with the correction for ties and none for continuity.

    Raises:
        InputError: no pairs, one that is not finite, or the two differ in length.
    """
    gains = [gain for gain in _gains(first, second) if gain]
    places = ranks([abs(gain) for gain in gains]) if gains else []
    up = sum(place for gain, place in zip(gains, places, strict=True) if gain > 0)
    n, least = len(gains), min(up, sum(places) - up)
    if n <= EXACT:
        return Tested(
            _signs_below([round(2 * place) for place in places], round(2 * least)), least, n, "exact"
        )
    spread = sqrt(sum(place**2 for place in places) / 4)
    return Tested(normal_tails((least - sum(places) / 2) / spread), least, n, "normal")


def _signs_below(doubled: Sequence[int], least: int) -> float:
    """Two-sided p of a sum of ranks, all given twice as large so that shared ones are whole."""
    ways = [1] + [0] * sum(doubled)
    top = 0
    for place in doubled:
        top += place
        for total in range(top, place - 1, -1):
            ways[total] += ways[total - place]
    return min(1.0, 2 * sum(ways[: least + 1]) / (1 << len(doubled)))


def _gains(first: Sequence[float], second: Sequence[float], least: int = 1) -> list[float]:
    before, after = numbers("first", first, least=least), numbers("second", second, least=least)
    alike("first", before, "second", after)
    return [b - a for a, b in zip(before, after, strict=True)]


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """The p values, adjusted for being many, in their order (Holm 1979).

    The i-th smallest of m is multiplied by m - i + 1, kept rising and at most 1. A test is significant at
    5 % where its adjusted p is at most .05; the chance of any false alarm among all is then at most 5 %.

    Raises:
        InputError: no p, or one outside of [0, 1].

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    given = fractions("ps", ps)
    order = sorted(range(len(given)), key=given.__getitem__)
    adjusted, floor = [0.0] * len(given), 0.0
    for i, place in enumerate(order):
        floor = max(floor, min(1.0, (len(given) - i) * given[place]))
        adjusted[place] = floor
    return tuple(adjusted)
