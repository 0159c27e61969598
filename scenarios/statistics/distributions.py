"""Distribution functions that the standard library lacks: Student's t, the beta and the binomial."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, inf, lgamma, log, log1p, sqrt
from statistics import NormalDist

from .checks import inner, positive

NORMAL = NormalDist()
_TINY = 1e-300
MOST_THROWS = 5_000
_MOST = 100_000
"""Terms of the continued fraction; about the square root of the larger parameter are needed."""


def normal_tails(z: float) -> float:
    """Two-sided p of a standard normal score."""
    return 2 * NORMAL.cdf(-abs(z))


def normal_quantile(level: float) -> float:
    """The z between whose negative and itself lies the share `level` of a standard normal."""
    return -NORMAL.inv_cdf((1 - inner("level", level)) / 2)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for x in [0, 1] and a, b above 0.

    By its continued fraction (DLMF 8.17.22, evaluated after Lentz), on the side where that converges fast.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    return min(1.0, front / a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    up, down = 1.0, 1 / _apart(1 - (a + b) * x / (a + 1))
    value = down
    for m in range(1, _MOST):
        before = value
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            down = 1 / _apart(1 + term * down)
            up = _apart(1 + term / up)
            value *= up * down
        if abs(value - before) <= 1e-16 * abs(value):
            break
    return value


def _apart(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def student_tails(t: float, df: float) -> float:
    """Two-sided p of Student's t with `df` degrees of freedom: I_{df/(df+t^2)}(df/2, 1/2)."""
    df = positive("degrees of freedom", df)
    return incomplete_beta(df / (df + t * t), df / 2, 0.5)


@lru_cache(maxsize=256)
def student_quantile(level: float, df: float) -> float:
    """The t between whose negative and itself lies the share `level` of Student's distribution.

    >>> round(student_quantile(0.95, 2), 4)
    4.3027
    """
    tail = 1 - inner("level", level)
    df = positive("degrees of freedom", df)
    share = _inverse(lambda x: incomplete_beta(x, df / 2, 0.5), tail)
    return sqrt(df * (1 - share) / share) if share > 0 else inf


def beta_quantile(q: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = q."""
    return _inverse(lambda x: incomplete_beta(x, a, b), q)


def _inverse(rising: Callable[[float], float], target: float) -> float:
    """Where a function that rises from 0 at 0 to 1 at 1 takes a value: to the last digit, by halving."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2 if low > 0 or high > 1e-3 else high / 1e3
        if not low < middle < high or middle < _TINY:
            return middle
        if rising(middle) < target:
            low = middle
        else:
            high = middle


def fair_tail(k: int, n: int) -> tuple[float, float]:
    """The chances of at most `k` heads and of just `k` heads in `n` throws of a fair coin.

    Up to `MOST_THROWS` in whole numbers, so exact before the last rounding; to about 1e-10 above.
    """
    if n > MOST_THROWS:
        here = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2))
        return incomplete_beta(0.5, n - k, k + 1) if k < n else 1.0, here
    term = total = 1
    for i in range(k):
        term = term * (n - i) // (i + 1)
        total += term
    return total / (1 << n), term / (1 << n)
