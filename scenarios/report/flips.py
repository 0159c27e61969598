"""Who changed what against the base: items won, items lost, and how hard the items are for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from ..measures.changes import Transitions, transitions
from ..runner import Report, by_label
from ..trials import Trial

STRIPES = 100
"""Columns of the picture of items by difficulty, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """An entrant against the base, over the items and seeds that both met.

    Attributes:
        counts: the base's are those before, the entrant's those after.
        gained: items that the base has wrong and the entrant right, with whatever seed; each once.
        lost: the other way.
    """

    label: str
    counts: Transitions
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def flips(report: Report) -> list[Flips]:
    """Every entrant but the base, where the two have met the same items."""
    trials = by_label(report)
    base = {(trial.item, trial.seed): trial for trial in trials.get(report.base, ())}
    found: list[Flips] = []
    for label, mine in trials.items():
        pairs = [(base[t.item, t.seed], t) for t in mine if (t.item, t.seed) in base]
        if label == report.base or not pairs:
            continue
        found.append(
            Flips(
                label=label,
                counts=transitions([b.right for b, _ in pairs], [t.right for _, t in pairs]),
                gained=tuple({t.item: None for b, t in pairs if t.right and not b.right}),
                lost=tuple({t.item: None for b, t in pairs if b.right and not t.right}),
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """Items from the hardest for all to the easiest, in `STRIPES` columns of alike many items.

    Attributes:
        shares: of each entrant and column, the share of right answers.
        sizes: how many items each column holds.
        everyone: items that all entrants always have right; `nobody`: that none ever has.
        items: how many all entrants have met; others are left out.
    """

    labels: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    sizes: tuple[int, ...]
    everyone: int
    nobody: int
    items: int


def difficulty(report: Report) -> Difficulty | None:
    """How the items spread; None where there are fewer than two entrants or items."""
    trials = {label: found for label, found in by_label(report).items() if found}
    rights = {label: _rights(found) for label, found in trials.items()}
    common = set[str].intersection(*(set(found) for found in rights.values())) if rights else set[str]()
    if len(rights) < 2 or len(common) < 2:
        return None
    mean = {item: fmean(found[item] for found in rights.values()) for item in common}
    order = sorted((t.item for t in _firsts(report.trials) if t.item in common), key=lambda item: mean[item])
    columns = _columns(order)
    return Difficulty(
        labels=tuple(rights),
        shares=tuple(
            tuple(fmean(found[item] for item in column) for column in columns) for found in rights.values()
        ),
        sizes=tuple(map(len, columns)),
        everyone=sum(value == 1 for value in mean.values()),
        nobody=sum(value == 0 for value in mean.values()),
        items=len(order),
    )


def _rights(trials: Sequence[Trial]) -> dict[str, float]:
    by_item: dict[str, list[bool]] = {}
    for trial in trials:
        by_item.setdefault(trial.item, []).append(trial.right)
    return {item: fmean(found) for item, found in by_item.items()}


def _firsts(trials: Sequence[Trial]) -> list[Trial]:
    """The first trial of each item."""
    seen: dict[str, Trial] = {}
    for trial in trials:
        seen.setdefault(trial.item, trial)
    return list(seen.values())


def _columns(order: Sequence[str]) -> list[Sequence[str]]:
    n = min(STRIPES, len(order))
    ends = [len(order) * k // n for k in range(n + 1)]
    return [order[a:b] for a, b in pairwise(ends)]
