"""How much of the uncertainty of a mean is due to the choice of items, and how much to the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import fmean, stdev, variance

from rebut.errors import InputError

from .checks import enough, number


@dataclass(frozen=True, slots=True)
class SeedVariance:
    """The uncertainty of a mean over items and seeds, in its parts.

    Attributes:
        mean: mean over the items of each item's mean over its seeds.
        items: how many items; `seeds`: how many seeds.
        by_seed: the mean of each seed over the items that it has.
        seed_sd: standard deviation of `by_seed`: how far one full rerun lies from another; None for one.
        within: variance of a score of one item from seed to seed, pooled over the items; None where no
            item has two scores.
        between: variance of the items' true means, the seeds' part taken out; 0 where that would be
            negative, None for one item or an unknown `within`.
        item_error: standard error of `mean` due to the choice of items; more seeds do not make it smaller.
        seed_error: standard error of `mean` due to the seeds; None where `within` is.
        error: standard error of `mean` with both in it; None for one item.
    """

    mean: float
    items: int
    seeds: int
    by_seed: tuple[float, ...]
    seed_sd: float | None
    within: float | None
    between: float | None
    item_error: float | None
    seed_error: float | None
    error: float | None


def seed_variance(scores: Sequence[Sequence[float | None]]) -> SeedVariance:
    """Split the variance of a mean into that of items and that of seeds.

    `scores` has a row an item and a column a seed; None is a score that is missing. By the law of total
    variance, for n items of K scores each (Miller 2024, arXiv:2411.00640)::

        Var(mean) = between / n + within / (n K)

    where `between` and `within` are estimated as in a one-way analysis of variance with random effects,
    and 1 / K is its mean over the items where scores are missing.

    Raises:
        InputError: no items, rows of unlike length, an item or a seed without any score, or a score that
            is not finite.
    """
    rows = _rows(scores)
    had = _present("item", rows)
    by_seed = tuple(fmean(column) for column in _present("seed", list(zip(*rows, strict=True))))
    means, n = [fmean(row) for row in had], len(had)
    within, thin = _within(had), fmean(1 / len(row) for row in had)
    total = variance(means) if n > 1 else None
    between = None if total is None or within is None else max(0.0, total - within * thin)
    return SeedVariance(
        mean=fmean(means),
        items=n,
        seeds=len(by_seed),
        by_seed=by_seed,
        seed_sd=stdev(by_seed) if len(by_seed) > 1 else None,
        within=within,
        between=between,
        item_error=None if between is None else sqrt(between / n),
        seed_error=None if within is None else sqrt(within * thin / n),
        error=None if total is None else sqrt(total / n),
    )


def _within(rows: Sequence[Sequence[float]]) -> float | None:
    free = sum(len(row) - 1 for row in rows)
    if not free:
        return None
    return fsum(fsum((score - fmean(row)) ** 2 for score in row) for row in rows) / free


def _rows(scores: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    enough("scores", scores, 1)
    for i, row in enumerate(scores):
        enough(f"scores[{i}]", row, 0)
    rows = [
        [None if score is None else number(f"scores[{i}][{k}]", score) for k, score in enumerate(row)]
        for i, row in enumerate(scores)
    ]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise InputError(f"scores[{i}] has {len(row)} seeds, scores[0] has {len(rows[0])}")
    if not rows[0]:
        raise InputError("scores have no seeds: each item needs at least one score")
    return rows


def _present(what: str, lines: Sequence[Sequence[float | None]]) -> list[list[float]]:
    found = [[score for score in line if score is not None] for line in lines]
    for i, line in enumerate(found):
        if not line:
            raise InputError(f"{what} {i} has no score")
    return found
