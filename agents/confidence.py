"""How sure a set of answers is, in numbers: entropy, z-scores, aggregated step scores, running moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, isfinite, log, prod, sqrt
from types import MappingProxyType

from rebut.errors import InputError, suggest


def entropy(weights: Sequence[float]) -> float:
    """Shannon entropy in nats of weights, which need not sum to 1.

    Weights that are all zero say nothing and count as uniform; no weights at all give 0.

    Raises:
        InputError: on a negative or non-finite weight.

    >>> round(entropy([1, 1, 1]), 4)
    1.0986
    """
    return -fsum(p * log(p) for p in shares(weights) if p > 0) + 0.0


def shares(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights divided by their sum; equal shares when all are zero.

    Raises:
        InputError: on a negative or non-finite weight.
    """
    _finite(weights, "weights", low=0)
    top = max(weights, default=0)
    if not weights or top == 0:
        return tuple(1 / len(weights) for _ in weights)
    scaled = [w / top for w in weights]  # first by the largest: the sum of finite weights may not be finite
    total = fsum(scaled)
    return tuple(w / total for w in scaled)


def confidence_from_entropy(h: float) -> float:
    """2 (1 - sigmoid(h)) in (0, 1]: 1 for entropy 0, and below 0.5 exactly when `h` > ln 3.

    The confidence of MAgICoRe (Chen et al. 2024, arXiv:2409.12147): below one half, the weights spread over
    more than three effective answers.

    Args:
        h: entropy in nats, from 0.

    Raises:
        InputError: on a negative or non-finite entropy.
    """
    _finite([h], "entropy", low=0)
    return 2 * exp(-h) / (1 + exp(-h))


def zscores(values: Sequence[float], mu: float, sigma: float) -> tuple[float, ...]:
    """(value - mu) / sigma for each value; all 0 when `sigma` is 0, for then nothing stands out.

    Raises:
        InputError: on a non-finite number or a negative `sigma`.
    """
    _finite([*values, mu], "values and mu")
    _finite([sigma], "sigma", low=0)
    return tuple((v - mu) / sigma if sigma else 0.0 for v in values)


def minmax(values: Sequence[float]) -> tuple[float, ...]:
    """Values scaled to [0, 1], the smallest to 0; all 1 when they are equal.

    Raises:
        InputError: on a non-finite value.
    """
    _finite(values, "values")
    if not values:
        return ()
    low, high = min(values), max(values)
    half = high / 2 - low / 2  # halves: the range of finite values may not be finite
    return tuple((v / 2 - low / 2) / half if half else 1.0 for v in values)


def _mean(steps: Sequence[float]) -> float:
    return fsum(steps) / len(steps)


def _last(steps: Sequence[float]) -> float:
    return steps[-1]


AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = MappingProxyType(
    {"product": prod, "min": min, "mean": _mean, "last": _last}
)


def aggregate(steps: Sequence[float], how: str = "product") -> float:
    """One score of a chain from the scores of its steps.

    Args:
        steps: scores in the order of the steps, at least one.
        how: ``product`` (MAgICoRe; punishes long chains), ``min``, ``mean`` or ``last``.

    Raises:
        InputError: on no steps, a non-finite score, or an unknown `how`.

    >>> aggregate([0.5, 0.8], "product"), aggregate([0.5, 0.8], "min")
    (0.4, 0.5)
    """
    if how not in AGGREGATES:
        raise InputError(f"unknown aggregation: {how!r}{suggest(how, list(AGGREGATES))}")
    if not steps:
        raise InputError(f"no step scores to aggregate by {how!r}")
    _finite(steps, "step scores")
    return float(AGGREGATES[how](steps))


@dataclass(frozen=True, slots=True)
class Running:
    """Mean and standard deviation of a stream, one value at a time (Welford's method).

    Frozen: :meth:`add` gives the next one. `m2` is the sum of squared distances from the mean.

    >>> run = Running().add(2).add(4)
    >>> run.mean, run.sd
    (3.0, 1.0)
    """

    count: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def add(self, value: float) -> Running:
        """The moments with one more value.

        Raises:
            InputError: on a non-finite value.
        """
        _finite([value], "value")
        count = self.count + 1
        step = value - self.mean
        mean = self.mean + step / count
        return Running(count, mean, self.m2 + step * (value - mean))

    def merge(self, other: Running) -> Running:
        """The moments of both streams together (Chan et al. 1979)."""
        count = self.count + other.count
        if not count:
            return self
        step = other.mean - self.mean
        mean = self.mean + step * other.count / count
        return Running(count, mean, self.m2 + other.m2 + step * step * self.count * other.count / count)

    @property
    def sd(self) -> float:
        """Population standard deviation (divides by the count); 0 for fewer than two values."""
        return sqrt(self.m2 / self.count) if self.count > 1 else 0.0


def _finite(numbers: Sequence[float], what: str, *, low: float | None = None) -> None:
    for n in numbers:
        if not isfinite(n) or (low is not None and n < low):
            bound = "" if low is None else f" and at least {low:g}"
            raise InputError(f"{what} must be finite{bound}: {n!r}")
