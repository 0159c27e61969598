"""The chance of success in k attempts, from n that were made."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from .checks import alike, count, enough
from .means import Estimate, mean


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that at least one of k attempts is right, without bias: 1 - C(n - c, k) / C(n, k).

    From `n` attempts of which `right` (c) were right (Chen et al. 2021, arXiv:2107.03374).

    Raises:
        InputError: k above n, right above n, or a number that is negative or not whole.

    >>> pass_at_k(4, 1, 2)
    0.5
    """
    count("n", n, least=1)
    count("right", right, most=n)
    count("k", k, least=1, most=n)
    every = comb(n, k)
    return (every - comb(n - right, k)) / every


def all_at_k(n: int, right: int, k: int) -> float:
    """The chance that all of k attempts are right, C(c, k) / C(n, k).

    The pass^k of Yao et al. (2024, arXiv:2406.12045).

    >>> all_at_k(4, 2, 2)
    0.16666666666666666
    """
    count("n", n, least=1)
    count("right", right, most=n)
    return comb(right, count("k", k, least=1, most=n)) / comb(n, k)


def mean_pass_at_k(attempts: Sequence[tuple[int, int]], k: int) -> Estimate:
    """The mean `pass_at_k` over problems, each given as (attempts, right ones), with its standard error.

    Raises:
        InputError: no problems, or one with fewer than k attempts.
    """
    enough("attempts", attempts, 1)
    for i, pair in enumerate(attempts):
        alike(f"attempts[{i}]", pair, "(attempts, right)", (0, 0))
    return mean([pass_at_k(n, right, k) for n, right in attempts])
