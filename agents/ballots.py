"""Elections: voters approve, rank or give points to candidates; `voting` counts who said what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import fsum, isclose, isfinite

from rebut.errors import InputError, suggest
from rebut.records import Tally, Vote

from .confidence import entropy, shares
from .voting import is_finite, is_weight, present

RULES = ("plurality", "approval", "borda", "condorcet", "cumulative")
TIES = ("first", "last", "none")

Ballot = Sequence[float]
"""Numbers of candidates from 1: approved ones, or ranked from the best; for ``cumulative`` their points."""

MOST_PAIRED = 5_000_000
"""Comparisons in pairs at most: the square of the candidates, times candidates and ballots."""


def elect(
    candidates: Sequence[str | None],
    ballots: Sequence[Ballot | None],
    *,
    rule: str = "borda",
    tie: str = "first",
    weights: Sequence[float | None] | None = None,
) -> Vote:
    """The outcome of an election. A ballot that is None, empty or not valid abstains and is counted.

    Rules:
        ``plurality``: each ballot's first choice counts one.
        ``approval``: every candidate on a ballot counts one.
        ``borda``: of N candidates the r-th on a ballot gets N - r points; those that a ballot leaves out
            share the points of the places left.
        ``condorcet``: who beats every other in pairs; where a cycle leaves nobody, the strongest paths decide
            (Schulze 2011). Those left out stand behind all that are ranked, and level with each other.
            A tally's weight is the number of others that the candidate is ahead of.
        ``cumulative``: a ballot spreads one vote over the candidates in proportion to its points.

    Args:
        candidates: what stands for election, such as answers; one that is None or blank can win nothing.
        tie: who wins a tie for the first place: the first or last candidate, or none.
        weights: of the voters; None for 1 each. A voter whose weight is None abstains.

    Raises:
        InputError: an unknown rule or tie rule, candidates that are no texts, too many of them or of
            the ballots to compare in pairs, or weights that do not fit.

    >>> elect(["a", "b", "c"], [[1, 2, 3], [2, 1, 3], [2, 3, 1]], rule="condorcet").answer
    'b'
    """
    _check(ballots, rule, tie, weights)
    names = [present(i, candidate) for i, candidate in enumerate(candidates)]
    if rule == "condorcet" and len(names) ** 2 * (len(names) + len(ballots)) > MOST_PAIRED:
        raise InputError(f"too many to compare in pairs: {len(names)} candidates by {len(ballots)} ballots")
    heavy = [1.0] * len(ballots) if weights is None else weights
    counted = [
        (valid, weight)
        for ballot, weight in zip(ballots, heavy, strict=True)
        if weight is not None and (valid := _valid(ballot, len(names), rule)) is not None
    ]
    cast, load = [valid for valid, _ in counted], [weight for _, weight in counted]
    points = _POINTS[rule](cast, load, len(names)) if cast else [0.0] * len(names)
    if not all(map(isfinite, points)):
        raise InputError("weights are too large to be added up")
    standing = [i for i, name in enumerate(names) if name is not None]
    return _outcome(names, points, standing if cast else [], len(cast), len(ballots), rule, tie)


def _check(ballots: Sequence[object], rule: str, tie: str, weights: Sequence[object] | None) -> None:
    for what, given, possible in (("rule of election", rule, RULES), ("tie rule", tie, TIES)):
        if given not in possible:
            raise InputError(f"unknown {what}: {given!r}{suggest(str(given), possible)}")
    if weights is None:
        return
    if len(weights) != len(ballots):
        raise InputError(f"weights do not fit: {len(weights)} weights for {len(ballots)} ballots")
    for i, weight in enumerate(weights):
        if weight is not None and not is_weight(weight):
            raise InputError(
                f"weight must be a finite number and not negative: {repr(weight)[:40]} at index {i}"
            )


def _valid(ballot: object, size: int, rule: str) -> list[float] | None:
    """The ballot; of numbers as places from 0. None where it does not hold."""
    if not isinstance(ballot, list | tuple) or not ballot:
        return None
    if not all(is_finite(v) and not isinstance(v, bool) for v in ballot):
        return None
    if rule == "cumulative":
        fits = len(ballot) == size and all(v >= 0 for v in ballot) and max(ballot) > 0
        return [v / max(ballot) for v in ballot] if fits else None
    places = [v - 1 for v in ballot]
    fits = len(set(places)) == len(places) and all(v == int(v) and 0 <= v < size for v in places)
    return places if fits else None


def _plurality(cast: Sequence[list[float]], weights: Sequence[float], size: int) -> list[float]:
    points = [0.0] * size
    for ballot, weight in zip(cast, weights, strict=True):
        points[int(ballot[0])] += weight
    return points


def _approval(cast: Sequence[list[float]], weights: Sequence[float], size: int) -> list[float]:
    points = [0.0] * size
    for ballot, weight in zip(cast, weights, strict=True):
        for place in ballot:
            points[int(place)] += weight
    return points


def _borda(cast: Sequence[list[float]], weights: Sequence[float], size: int) -> list[float]:
    points = [0.0] * size
    for ballot, weight in zip(cast, weights, strict=True):
        ranked = [int(place) for place in ballot]
        left = size - len(ranked)
        given = {place: size - rank for rank, place in enumerate(ranked, 1)}
        for place in range(size):
            points[place] += weight * given.get(place, (left - 1) / 2)
    return points


def _cumulative(cast: Sequence[list[float]], weights: Sequence[float], size: int) -> list[float]:
    points = [0.0] * size
    for ballot, weight in zip(cast, weights, strict=True):
        total = fsum(ballot)
        for place, given in enumerate(ballot):
            points[place] += weight * given / total
    return points


def _condorcet(cast: Sequence[list[float]], weights: Sequence[float], size: int) -> list[float]:
    path = strongest_paths(_preferred(cast, weights, size))
    return [
        float(sum(path[i][j] > path[j][i] and not isclose(path[i][j], path[j][i]) for j in range(size)))
        for i in range(size)
    ]


def _preferred(cast: Sequence[list[float]], weights: Sequence[float], size: int) -> list[list[float]]:
    """How much weight ranks i before j."""
    before = [[0.0] * size for _ in range(size)]
    for ballot, weight in zip(cast, weights, strict=True):
        rank = {int(place): r for r, place in enumerate(ballot)}
        for i, j in combinations(range(size), 2):
            first, second = rank.get(i, size), rank.get(j, size)
            if first < second:
                before[i][j] += weight
            elif second < first:
                before[j][i] += weight
    return before


def strongest_paths(preferred: Sequence[Sequence[float]]) -> list[list[float]]:
    """For each pair the strength of the strongest path of victories (Schulze 2011; strength: winning votes).

    Args:
        preferred: N lists of N: the votes that rank the row's candidate before the column's.
    """
    size = range(len(preferred))
    path = [[preferred[i][j] if preferred[i][j] > preferred[j][i] else 0.0 for j in size] for i in size]
    for via in size:
        for i in size:
            for j in size:
                if i != j and i != via and j != via:
                    path[i][j] = max(path[i][j], min(path[i][via], path[via][j]))
    return path


_POINTS: dict[str, Callable[[Sequence[list[float]], Sequence[float], int], list[float]]] = {
    "plurality": _plurality,
    "approval": _approval,
    "borda": _borda,
    "condorcet": _condorcet,
    "cumulative": _cumulative,
}


def _outcome(
    candidates: Sequence[str | None],
    points: Sequence[float],
    standing: list[int],
    voters: int,
    of: int,
    rule: str,
    tie: str,
) -> Vote:
    order = sorted(standing, key=lambda i: (-points[i], i))
    level = [i for i in order if isclose(points[i], points[order[0]], rel_tol=1e-12)]
    if len(level) > 1 and tie == "last":
        order.remove(level[-1])
        order.insert(0, level[-1])
    stands = bool(order) and not (len(level) > 1 and tie == "none")
    weights = [points[i] for i in order]
    parts = shares(weights)
    share = parts[0] if parts else 0.0
    return Vote(
        answer=candidates[order[0]] if stands else None,
        winner=order[0] if stands else None,
        share=share,
        margin=0.0 if len(level) > 1 else share - max(parts[1:], default=0.0),
        entropy=entropy(weights),
        tallies=tuple(Tally(answer=candidates[i] or "", weight=points[i], members=(i,)) for i in order),
        voters=voters,
        abstained=of - voters,
        tied=len(level) > 1,
        rule=rule,
        tie=tie,
    )
