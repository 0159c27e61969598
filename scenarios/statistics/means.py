"""Means and shares, and how far off they may be."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import fmean
from typing import NamedTuple

from .checks import count, gathered, inner, numbers, truths
from .distributions import beta_quantile, normal_quantile, student_quantile


class Interval(NamedTuple):
    """A confidence interval, both ends belonging to it."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error.

    Attributes:
        mean: in the unit of the values.
        error: the standard error of the mean, same unit; None for a single value or group.
        n: how many values.
        groups: how many independent groups; `n` where every value stands for itself.
    """

    mean: float
    error: float | None
    n: int
    groups: int

    def interval(self, level: float = 0.95, *, student: bool = False) -> Interval | None:
        """`mean` and as many standard errors to either side as cover the share `level`.

        Of the normal distribution, as Miller (2024, arXiv:2411.00640) has it, or with `student` of
        Student's t with `groups` - 1 degrees of freedom, which is honest for few groups or seeds.
        None where the standard error is not known. Not cut off at 0 and 1: see `wilson` for shares.
        """
        inner("level", level)
        if self.error is None:
            return None
        wide = student_quantile(level, self.groups - 1) if student else normal_quantile(level)
        return Interval(self.mean - wide * self.error, self.mean + wide * self.error)


def mean(values: Sequence[float], *, groups: Sequence[Hashable] | None = None) -> Estimate:
    """The mean with its standard error, clustered where `groups` names each value's group.

    Without groups sqrt(s^2 / n) with s^2 = sum (x_i - m)^2 / (n - 1). Values of one group (questions on
    one text, variants of one problem) are not independent; with groups (Liang and Zeger 1986)::

        sqrt(G / (G - 1) * sum_g (sum_{i in g} (x_i - m))^2) / n

    over G groups: with groups of one it is the first formula exactly.

    Raises:
        InputError: no values, one that is not finite, or groups of another length.

    >>> mean([1, 0, 1, 1]).error
    0.25
    >>> round(mean([1, 1, 0, 0], groups="aabb").error, 3)
    0.5
    """
    given = numbers("values", values)
    middle = fmean(given)
    parts = gathered(given, groups) if groups is not None else [[value] for value in given]
    n, g = len(given), len(parts)
    if g < 2:
        return Estimate(middle, None, n, g)
    squares = fsum(fsum(value - middle for value in part) ** 2 for part in parts)
    return Estimate(middle, sqrt(g / (g - 1) * squares) / n, n, g)


def miller_error(values: Sequence[float], groups: Sequence[Hashable]) -> float:
    """The clustered standard error as Miller writes it (2024, arXiv:2411.00640)::

        sqrt(SE^2 + sum_g sum_{i in g} sum_{j in g, j != i} (x_i - m)(x_j - m) / n^2)

    where SE is the standard error without groups. It corrects for n rather than for the number of groups,
    so it is smaller than that of `mean` when groups are few; they agree for groups of one.

    Raises:
        InputError: fewer than two values, one that is not finite, or groups of another length.
    """
    given = numbers("values", values, least=2)
    middle, n = fmean(given), len(given)
    off = [value - middle for value in given]
    own = fsum(value**2 for value in off)
    cross = fsum(fsum(part) ** 2 for part in gathered(off, groups)) - own
    return sqrt(max(0.0, own / (n - 1) / n + cross / n**2))


def wilson(right: int, n: int, level: float = 0.95) -> Interval:
    """The score interval of a share (Wilson 1927); (0, 1) when nothing was asked.

    >>> tuple(round(end, 3) for end in wilson(8, 10))
    (0.49, 0.943)
    """
    _of(right, n)
    z = normal_quantile(level)
    if n == 0:
        return Interval(0.0, 1.0)
    share, slack = right / n, z * z / n
    middle = share + slack / 2
    half = z * sqrt(share * (1 - share) / n + slack / (4 * n))
    low = (middle - half) / (1 + slack) if right else 0.0
    high = (middle + half) / (1 + slack) if right < n else 1.0
    return Interval(max(0.0, low), min(1.0, high))


def clopper_pearson(right: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval of a share (Clopper and Pearson 1934), never too narrow; (0, 1) for n = 0.

    >>> tuple(round(end, 3) for end in clopper_pearson(8, 10))
    (0.444, 0.975)
    """
    _of(right, n)
    tail = (1 - inner("level", level)) / 2
    low = beta_quantile(tail, right, n - right + 1) if right else 0.0
    high = 1 - beta_quantile(tail, n - right, right + 1) if right < n else 1.0
    return Interval(low, high)


def _of(right: int, n: int) -> None:
    count("n", n)
    count("right", right, most=n)


def accuracy(right: Sequence[bool]) -> tuple[float, Interval]:
    """The share of true values with its 95 % Wilson interval; raises InputError when there are none."""
    given = truths("right", right)
    return sum(given) / len(given), wilson(sum(given), len(given))
