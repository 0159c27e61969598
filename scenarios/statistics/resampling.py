"""Bootstrap intervals: of any statistic over items or groups of items, and of a paired difference."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum, sqrt
from random import Random
from statistics import fmean, stdev
from typing import TypeVar

from rebut.errors import InputError

from .checks import alike, chosen, count, enough, gathered, inner, number, numbers
from .distributions import NORMAL
from .means import Interval

T = TypeVar("T")
Statistic = Callable[[Sequence[T]], float | None]
METHODS = ("percentile", "bca")
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """A statistic with its bootstrap interval.

    Attributes:
        value: of the data as given.
        interval: at `level`.
        error: standard deviation of the resamples' values.
        resamples: how many were drawn.
        undefined: in how many of them the statistic did not exist; they are left out.
        method: ``percentile`` or ``bca``; ``percentile`` where BCa was asked for but does not exist (all
            resamples on one side of the value, or a statistic that no item moves).
        p: two-sided p of no difference; None where no difference was asked about.
    """

    value: float
    interval: Interval
    level: float
    error: float
    resamples: int
    undefined: int
    method: str
    p: float | None = None


def bootstrap(
    values: Sequence[T],
    statistic: Statistic[T],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: str = "percentile",
) -> Bootstrapped:
    """The interval of a statistic of the values, by drawing as many of them, with replacement.

    With `groups`, whole groups are drawn. `statistic` gives None where it does not exist (AUROC of one
    class). The same seed gives the same interval on every platform. Methods (Efron 1987; Efron and
    Tibshirani 1993, ch. 14): ``percentile``, the quantiles of the resamples' values; ``bca``, the same
    corrected for bias and for an error that grows with the statistic: better for skewed statistics and
    small samples, at one more evaluation for each item or group.

    Raises:
        InputError: fewer than two values or groups, an unknown method, a statistic that does not exist of
            the data or of more than half of the resamples, or is not finite.
    """
    chosen("bootstrap method", method, METHODS)
    enough("values", values, 2)
    parts = gathered(values, groups) if groups is not None else None
    if parts is not None and len(parts) < 2:
        raise InputError("all values are of one group: at least 2 groups needed")
    value = _finite(statistic(values))
    drawn = [_finite(statistic(some)) for some in _draws(values, parts, resamples, seed)]
    stood = sorted(one for one in drawn if one is not None)
    if value is None:
        raise InputError("the statistic is not defined for these values")
    if 2 * len(stood) < resamples or len(stood) < 2:
        raise InputError(f"the statistic is defined for only {len(stood)} of {resamples} resamples")
    interval = None
    if method == "bca":
        interval = bca(value, stood, _jackknife(values, parts, statistic), level)
    return Bootstrapped(
        value=value,
        interval=interval or percentile(stood, level),
        level=level,
        error=stdev(stood),
        resamples=resamples,
        undefined=resamples - len(stood),
        method="percentile" if interval is None else "bca",
    )


def bootstrap_difference(
    first: Sequence[float],
    second: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: str = "percentile",
) -> Bootstrapped:
    """The mean of `second` less that of `first` on the same items, which are drawn together.

    The p, two-sided, is that of the shifted bootstrap (Efron and Tibshirani 1993, ch. 16; Berg-Kirkpatrick
    et al. 2012), with the data counted as one of the resamples so that it is never 0::

        p = (1 + #{|d* - d| >= |d|}) / (1 + resamples)

    Raises:
        InputError: as `bootstrap`, or the two differ in length.
    """
    before, after = numbers("first", first, least=2), numbers("second", second, least=2)
    alike("first", before, "second", after)
    gains = [b - a for a, b in zip(before, after, strict=True)]
    shifts: list[float] = []

    def gain(some: Sequence[float]) -> float:
        shifts.append(fmean(some))
        return shifts[-1]

    found = bootstrap(gains, gain, groups=groups, level=level, resamples=resamples, seed=seed, method=method)
    far, value = abs(found.value) - 1e-12 * max(map(abs, gains)), found.value
    extreme = sum(abs(shift - value) >= far for shift in shifts[1 : resamples + 1])
    return replace(found, p=(1 + extreme) / (1 + resamples))


def percentile(resampled: Sequence[float], level: float = 0.95) -> Interval:
    """The interval between the quantiles (1 - level) / 2 and (1 + level) / 2 of a statistic's resamples."""
    tail = (1 - inner("level", level)) / 2
    given = sorted(numbers("resampled", resampled))
    return Interval(quantile(given, tail), quantile(given, 1 - tail))


def bca(
    value: float, resampled: Sequence[float], left_out: Sequence[float], level: float = 0.95
) -> Interval | None:
    """The bias-corrected and accelerated interval (Efron 1987) of a statistic's resamples.

    `left_out` holds the statistic with each item (or group) left out. With z0 the normal quantile of the
    share of resamples below the value (ties by half), m the mean of `left_out`, and::

        a = sum (m - x_i)^3 / (6 (sum (m - x_i)^2)^1.5)

    the ends are the quantiles Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the resamples. None where all
    resamples lie on one side of the value, or no item moves it.
    """
    given = sorted(numbers("resampled", resampled))
    share = (bisect_left(given, value) + bisect_right(given, value)) / (2 * len(given))
    speed = _acceleration(numbers("left_out", left_out, least=2))
    if not 0 < share < 1 or speed is None:
        return None
    bias = NORMAL.inv_cdf(share)
    tail = (1 - inner("level", level)) / 2

    def end(q: float) -> float:
        moved = bias + NORMAL.inv_cdf(q)
        slope = 1 - speed * moved
        return quantile(given, NORMAL.cdf(bias + moved / slope) if slope > 0 else float(moved > 0))

    return Interval(end(tail), end(1 - tail))


def _acceleration(left_out: Sequence[float]) -> float | None:
    middle = fmean(left_out)
    pulls = [middle - one for one in left_out]
    most = max(map(abs, pulls))
    if most <= 1e-13 * abs(middle) or not most:
        return None
    cubes, squares = fsum((pull / most) ** 3 for pull in pulls), fsum((pull / most) ** 2 for pull in pulls)
    return cubes / (6 * sqrt(squares) ** 3)


def quantile(ordered: Sequence[float], q: float) -> float:
    """The `q`-quantile of values in rising order, linear between two (Hyndman and Fan 1996, type 7)."""
    place = (len(ordered) - 1) * q
    low = min(int(place), len(ordered) - 1)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _draws(
    values: Sequence[T], parts: Sequence[Sequence[T]] | None, resamples: int, seed: int
) -> Iterator[Sequence[T]]:
    """Resamples of the values, or of whole parts; only `Random.random` is promised to stay as it is."""
    count("resamples", resamples, least=2)
    draw = Random(count("seed", seed)).random
    n = len(values if parts is None else parts)
    for _ in range(resamples):
        if parts is None:
            yield [values[int(draw() * n)] for _ in range(n)]
        else:
            yield [value for _ in range(n) for value in parts[int(draw() * n)]]


def _jackknife(
    values: Sequence[T], parts: Sequence[Sequence[T]] | None, statistic: Statistic[T]
) -> list[float]:
    units = parts if parts is not None else [[value] for value in values]
    found: list[float] = []
    for i in range(len(units)):
        rest = [value for k, unit in enumerate(units) if k != i for value in unit]
        one = _finite(statistic(rest))
        if one is None:
            raise InputError(f"the statistic is not defined without unit {i}: use the percentile method")
        found.append(one)
    return found


def _finite(value: float | None) -> float | None:
    return None if value is None else number("statistic", value)
