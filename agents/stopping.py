"""When to stop sampling: rules that read only the counts of a vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import ceil, comb, exp, expm1, fsum, isfinite, lgamma, log, prod, sqrt
from types import MappingProxyType

from rebut.errors import InputError, suggest

from .confidence import entropy


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


def dirichlet_certainty(counts: Sequence[int]) -> float:
    """Probability that the leading answer would lead all others in the long run, given the counts of all.

    P(p_1 > p_j for every j) for p ~ Dirichlet(counts + 1), the other stopping rule of Adaptive-Consistency
    (Aggarwal et al. 2023, arXiv:2305.11860; their code looks at the five foremost answers). Where fewer than
    two answers were given, one that nobody gave stands beside them, so that up to two answers make it
    `beta_certainty`. The shares of a Dirichlet are independent gamma variables over their sum, which leaves
    one integral over the leader's; it is good to nine digits.

    Args:
        counts: votes for each answer, whole numbers from 0.

    Raises:
        InputError: on a negative count.

    >>> round(dirichlet_certainty([1, 0, 0]), 6)  # 11/18
    0.611111
    """
    if any(count < 0 for count in counts):
        raise InputError(f"counts must not be negative: {list(counts)!r}")
    ranked = sorted(counts, reverse=True)
    leader, *others = [*ranked, *[0] * (2 - len(ranked))]
    shape = leader + 1
    # over t = ln x, where the leader's density is negligible outside of these bounds
    low, high = log(shape) - 1 - 40 / shape, log(shape) + log(2 + 80 / shape)
    cells = max(400, ceil(4 * sqrt(shape)))
    width = (high - low) / cells
    points = (low + (i + 0.5) * width for i in range(cells))
    density = (exp(shape * t - exp(t) - lgamma(shape)) * _all_below(others, t) for t in points)
    return min(1.0, width * fsum(density))


def _all_below(counts: Sequence[int], t: float) -> float:
    """Probability that gamma variables of the shapes count + 1 are all below exp(t)."""
    x = exp(t)
    alike = Counter(counts)
    poisson = accumulate(exp(k * t - x - lgamma(k + 1)) for k in range(max(alike) + 1))
    below = [-expm1(-x) if k == 0 else max(0.0, 1 - done) for k, done in enumerate(poisson)]
    return prod(below[count] ** times for count, times in alike.items())


def _order(counts: Sequence[int]) -> float:
    """1 less the entropy of the counts over its greatest; a lone answer is held against one other vote."""
    given = [count for count in counts if count]
    if sum(given) < 2:
        return 0.0
    given = given if len(given) > 1 else [*given, 1]
    return 1 - entropy(given) / log(len(given))


def _share(counts: Sequence[int]) -> float:
    return max(counts) / sum(counts) if sum(counts) > 1 else 0.0


_CERTAINTY: Mapping[str, Callable[[Sequence[int]], float]] = MappingProxyType(
    {
        "beta": lambda counts: beta_certainty(*map(int, _leaders(counts))),
        "dirichlet": dirichlet_certainty,
        "entropy": _order,
        "majority": _share,
    }
)
CRITERIA = tuple(_CERTAINTY)


def certainty(counts: Sequence[int], by: str = "beta") -> float:
    """How certain the leader of a vote is, in [0, 1], by one of the criteria of Adaptive-Consistency.

    Criteria:
        ``beta``: that it would stay ahead of the second, see `beta_certainty`.
        ``dirichlet``: that it would stay ahead of all others, see `dirichlet_certainty`.
        ``entropy``: 1 - H / ln K, of the entropy H of the K answers; one answer alone is held against one
            vote for another.
        ``majority``: its part of the votes.

    By the last two a single vote is no certainty at all.

    Raises:
        InputError: on a negative count or an unknown criterion.
    """
    if by not in _CERTAINTY:
        raise InputError(f"unknown criterion: {by!r}{suggest(by, CRITERIA)}")
    if any(count < 0 for count in counts):
        raise InputError(f"counts must not be negative: {list(counts)!r}")
    return float(_CERTAINTY[by](counts))


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
