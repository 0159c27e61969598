"""When to stop sampling: rules that read only the counts of a vote."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, isfinite

from rebut.errors import InputError


def settled(counts: Sequence[float], remaining: float) -> bool:
    """Whether the leader of a vote can no longer be caught by the votes still to come.

    True only when the lead is larger than all that remains, so that not even a tie can follow; an answer
    that nobody gave yet counts as a runner-up of 0. With nothing remaining, a tie is not settled.

    Args:
        counts: votes (or weight) for each answer so far.
        remaining: votes (or weight) still to come.

    Raises:
        InputError: on a negative or non-finite number.

    >>> settled([6, 2], remaining=3), settled([6, 3], remaining=3)
    (True, False)
    """
    if not all(isfinite(n) and n >= 0 for n in (*counts, remaining)):
        raise InputError(
            f"counts and remaining must be finite and not negative: {list(counts)!r}, {remaining!r}"
        )
    first, second = _leaders(counts)
    return first - second > remaining


def beta_certainty(first: int, second: int) -> float:
    """Probability that the leading answer would also lead in the long run, given two counts.

    P(p > 1/2) for p ~ Beta(first + 1, second + 1), the stopping rule of Adaptive-Consistency
    (Aggarwal et al. 2023, arXiv:2305.11860) for the two foremost answers. For whole counts it is the exact
    binomial sum of C(n + 1, j) / 2^(n + 1) over j = 0..first, with n = first + second.

    Args:
        first: votes of the leader, a whole number from 0.
        second: votes of the runner-up, a whole number from 0.

    Raises:
        InputError: on a negative count.

    >>> beta_certainty(0, 0), beta_certainty(3, 0)
    (0.5, 0.9375)
    """
    if first < 0 or second < 0:
        raise InputError(f"counts must not be negative: {first!r}, {second!r}")
    trials = first + second + 1
    if first > second:
        return 1 - _tail(trials, second) / (1 << trials)
    return _tail(trials, first) / (1 << trials)


def _tail(trials: int, upto: int) -> int:
    """Sum of C(trials, j) for j = 0..upto."""
    term = total = comb(trials, 0)
    for j in range(upto):
        term = term * (trials - j) // (j + 1)
        total += term
    return total


def _leaders(counts: Sequence[float]) -> tuple[float, float]:
    ranked = sorted(counts, reverse=True)[:2]
    return (ranked[0] if ranked else 0, ranked[1] if len(ranked) > 1 else 0)
