"""How many items are needed to tell two workflows apart, and what a given number can tell."""

from __future__ import annotations

from math import ceil, sqrt

from rebut.errors import InputError

from .checks import fraction, inner, number, positive
from .distributions import NORMAL

LEVEL = 0.05
POWER = 0.8


def items_needed(
    difference: float, variance: float, *, within: float = 0.0, level: float = LEVEL, power: float = POWER
) -> int:
    """Items for a paired comparison of means to find a true `difference` (Miller 2024, arXiv:2411.00640)::

        n = (z_{1 - level/2} + z_power)^2 (variance + within) / difference^2

    Args:
        difference: of the means, in the unit of the scores; not 0.
        variance: of the paired differences of the items' true means.
        within: variance of a paired difference from seed to seed, s1^2 / K1 + s2^2 / K2 for K seeds each;
            0 where `variance` was taken from the scores themselves and so holds it already.
        level: of the two-sided test.
        power: the wished chance to find the difference.

    Raises:
        InputError: a difference of 0, a negative variance, both of them 0, or a level outside of (0, 1).

    >>> items_needed(0.03, 1 / 9)
    969
    """
    spread = _variance("variance", variance) + _variance("within", within)
    positive("variance and within together", spread)
    return _whole(((_z(level) + _power(power)) / _gap(difference)) ** 2 * spread)


def items_to_differ(lost: float, won: float, *, level: float = LEVEL, power: float = POWER) -> int:
    """Items for McNemar's test to tell two accuracies apart (Connor 1987)::

        n = (z_{1 - level/2} sqrt(d) + z_power sqrt(d - g^2))^2 / g^2,  d = lost + won,  g = won - lost

    Args:
        lost: the expected share of items that only the first has right; `won`: only the second.

    Raises:
        InputError: shares outside of [0, 1], above 1 together, or equal (no number of items is enough).
    """
    differing = fraction("lost", lost) + fraction("won", won)
    if differing > 1 + 1e-12:
        raise InputError(f"lost and won are above 1 together: {lost!r} and {won!r}")
    gap = _gap(won - lost)
    found = _z(level) * sqrt(differing) + _power(power) * sqrt(max(0.0, differing - gap * gap))
    return _whole((found / gap) ** 2)


def detectable(error: float, *, level: float = LEVEL, power: float = POWER) -> float:
    """The least true difference that would be found, (z_{1 - level/2} + z_power) standard errors.

    `error` is the standard error of the difference (`difference(...).error`); print it beside every
    difference. About 2.8 standard errors at the defaults.

    Raises:
        InputError: a negative error, or a level outside of (0, 1).
    """
    return (_z(level) + _power(power)) * _variance("error", error)


def power_of(difference: float, error: float, *, level: float = LEVEL) -> float:
    """The chance that a two-sided test finds a true `difference`, from its standard error (normal).

    Raises:
        InputError: an error that is not above 0.
    """
    far, z = abs(number("difference", difference)) / positive("error", error), _z(level)
    return NORMAL.cdf(far - z) + NORMAL.cdf(-far - z)


def _z(level: float) -> float:
    return -NORMAL.inv_cdf(inner("level", level) / 2)


def _power(power: float) -> float:
    if inner("power", power) < 0.5:
        raise InputError(f"power must be at least 0.5: {power!r}")
    return NORMAL.inv_cdf(power)


def _gap(difference: float) -> float:
    if not number("difference", difference):
        raise InputError("a difference of 0 cannot be found by any number of items")
    return difference


def _variance(what: str, value: float) -> float:
    found = number(what, value)
    if found < 0:
        raise InputError(f"{what} must not be negative: {value!r}")
    return found


def _whole(items: float) -> int:
    return max(1, ceil(items - 1e-9))
