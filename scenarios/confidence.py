"""Whether the contenders know when they are right: calibration of how sure their answers are said to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .courses import SAID_SURE, SHARE, TOKENS, Course
from .runner import Report, by_label
from .statistics.calibration import (
    Bin,
    Point,
    aurc,
    brier,
    ece,
    reliability,
    risk_coverage,
)
from .statistics.means import Interval, mean
from .statistics.ranks import auroc
from .statistics.resampling import bootstrap
from .trials import Trial, cluster_of

SOURCES = (*SAID_SURE, SHARE, TOKENS)
"""Where a confidence may come from; those that a workflow saves on purpose go first."""
RESAMPLES = 1000
DRAWN = 101
"""Points of a risk-coverage curve that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A contender's confidence held against what was right; intervals are of 95 %.

    Attributes:
        source: where the confidence comes from: a saved name, ``share of the vote``, ``mean probability of
            the tokens``.
        n: trials that have one; those without an answer have none. `of`: all trials.
        confidence: its mean; `right`: the share of these trials that is right.
        ece: expected calibration error over ten bins of equal width, with its bootstrap interval; it is
            biased upwards where bins hold few trials.
        brier: Brier's score with its interval, clustered by item or group.
        auroc: the chance that a right answer is surer than a wrong one; None where all are right, or wrong.
        aurc: area under the risk-coverage curve; guessing has 1 - `right`.
        bins: of the reliability diagram; `curve` the risk-coverage curve.
    """

    label: str
    source: str
    n: int
    of: int
    confidence: float
    right: float
    ece: float
    ece_interval: Interval | None
    brier: float
    brier_interval: Interval | None
    auroc: float | None
    auroc_interval: Interval | None
    aurc: float
    bins: tuple[Bin, ...]
    curve: tuple[Point, ...]


def calibrated(report: Report, found: Mapping[str, Course]) -> list[Calibrated]:
    """Every contender whose answers come with a confidence, by the courses of their trials."""
    told: list[Calibrated] = []
    for label, trials in by_label(report).items():
        source, sure = _sure(trials, found)
        if sure:
            told.append(_calibrated(label, source, sure, len(trials)))
    return told


def sureness(report: Report, found: Mapping[str, Course]) -> dict[str, tuple[float, str]]:
    """How sure each trial's answer is said to be and by what, as `calibrated` reads it; by the run."""
    told: dict[str, tuple[float, str]] = {}
    for trials in by_label(report).values():
        source, sure = _sure(trials, found)
        told |= {trial.run: (value, source) for trial, value in sure}
    return told


def _sure(trials: Sequence[Trial], found: Mapping[str, Course]) -> tuple[str, list[tuple[Trial, float]]]:
    """Where a contender's confidence comes from, and the trials that have one."""
    known = [(trial, found[trial.run].sure) for trial in trials if trial.run in found]
    source = source_of([found[trial.run] for trial, _ in known])
    return source, [(trial, sure[source]) for trial, sure in known if source in sure]


def source_of(runs: Sequence[Course]) -> str:
    """The first of `SOURCES` that at least half as many runs have as any; empty where none has one."""
    counts = Counter(source for run in runs for source in run.sure)
    most = max(counts.values(), default=0)
    return next((source for source in SOURCES if most and 2 * counts[source] >= most), "")


def _calibrated(label: str, source: str, sure: Sequence[tuple[Trial, float]], of: int) -> Calibrated:
    given, right = [value for _, value in sure], [trial.right for trial, _ in sure]
    groups = [cluster_of(trial) for trial, _ in sure]
    curve = risk_coverage(given, right)
    squares = [(value - label_) ** 2 for value, label_ in zip(given, right, strict=True)]
    return Calibrated(
        label=label,
        source=source,
        n=len(sure),
        of=of,
        confidence=sum(given) / len(given),
        right=sum(right) / len(right),
        ece=ece(given, right),
        ece_interval=_ece_interval(given, right, groups),
        brier=brier(given, right),
        brier_interval=_cut(mean(squares, groups=groups).interval()),
        auroc=auroc(given, right),
        auroc_interval=_auroc_interval(given, right, groups),
        aurc=aurc(given, right),
        bins=reliability(given, right),
        curve=_thinned(curve),
    )


def _cut(interval: Interval | None) -> Interval | None:
    return interval and Interval(max(0.0, interval.low), min(1.0, interval.high))


def _thinned(curve: Sequence[Point]) -> tuple[Point, ...]:
    n = len(curve)
    places = range(n) if n <= DRAWN else sorted({round(k * (n - 1) / (DRAWN - 1)) for k in range(DRAWN)})
    return tuple(curve[place] for place in places)


def _ece_interval(
    given: Sequence[float], right: Sequence[bool], groups: Sequence[Hashable]
) -> Interval | None:
    """The bootstrap interval: a resample's ECE is the sum over bins of |sum of (confidence - right)|."""
    edges = [one.high for one in reliability(given, right)]
    places = [next(k for k, edge in enumerate(edges) if value <= edge) for value in given]
    off = [(k, value - y) for k, value, y in zip(places, given, right, strict=True)]

    def statistic(some: Sequence[tuple[int, float]]) -> float:
        sums = [0.0] * len(edges)
        for k, value in some:
            sums[k] += value
        return sum(map(abs, sums)) / len(some)

    if len(set(groups)) < 2:
        return None
    return bootstrap(off, statistic, groups=groups, resamples=RESAMPLES).interval


def _auroc_interval(
    given: Sequence[float], right: Sequence[bool], groups: Sequence[Hashable]
) -> Interval | None:
    """The bootstrap interval, over the levels of confidence; None where too few resamples have both kinds."""
    level = {value: k for k, value in enumerate(sorted(set(given)))}
    pairs = [(level[value], y) for value, y in zip(given, right, strict=True)]

    def statistic(some: Sequence[tuple[int, bool]]) -> float | None:
        good, bad = [0] * len(level), [0] * len(level)
        for k, y in some:
            if y:
                good[k] += 1
            else:
                bad[k] += 1
        n, m = sum(good), sum(bad)
        if not n or not m:
            return None
        below = accumulate(bad, initial=0)
        return sum(g * (under + b / 2) for g, b, under in zip(good, bad, below, strict=False)) / (n * m)

    few = min(sum(right), len(right) - sum(right))
    if few < 2 or len(set(groups)) < 4:
        return None
    return bootstrap(pairs, statistic, groups=groups, resamples=RESAMPLES).interval
