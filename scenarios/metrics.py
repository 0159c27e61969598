"""What a scenario measures of answers beside whether they are right, each from 0 to 1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from ..agents.answers.words import folded
from .spec import Metric
from .statistics.means import Interval, mean
from .statistics.paired import clustered, difference, holm
from .statistics.passing import pass_at_k
from .statistics.resampling import bootstrap, bootstrap_difference
from .statistics.texts import exact_match, f1
from .trials import Trial, cluster_of

RESAMPLED = 400
"""Most groups of items whose interval is a bootstrap; above, the normal one is the same and costs nothing."""
MOST_PASSES = 100

Trials = Mapping[str, Sequence[Trial]]
Values = dict[tuple[str, int], tuple[float, Hashable]]
"""By item and seed: a value, and what it belongs to."""


def contains(said: str, golds: Sequence[str]) -> bool:
    """Whether one of the gold answers stands in a text, word for word but for case, articles and marks.

    >>> contains("It was the Nile, I think.", ["nile"]), contains("concatenate", ["cat"])
    (True, False)
    """
    text = f" {folded(said)} "
    return any((words := folded(gold)) and f" {words} " in text for gold in golds)


MEASURES: Mapping[str, tuple[Callable[[str, Sequence[str]], float], str]] = {
    "exact": (exact_match, "1 where the answer is a gold answer but for case, articles and punctuation"),
    "f1": (f1, "words shared with the closest gold answer (token F1 of SQuAD)"),
    "contains": (contains, "1 where a gold answer stands in the answer"),
}
"""Metrics of one answer and its gold answers, each with what it says."""


def scores(metrics: Sequence[Metric], answer: str | None, gold: Sequence[str]) -> dict[str, float]:
    """The scores of an answer that need no model; none has 0."""
    plain = [metric for metric in metrics if metric.by in MEASURES]
    return {m.name: 0.0 if answer is None else float(MEASURES[m.by][0](answer, gold)) for m in plain}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric of one entrant.

    Attributes:
        mean: over its trials; of ``pass@k`` over its items.
        interval: 95 %, bootstrapped over groups of trials that belong together; None for fewer than two.
        n: how many trials (or items) have a value; a judge that said nothing leaves one out.
        gain: difference from the base over what both have, with its interval and p (paired bootstrap; of
            many groups the gain in its clustered errors, or the sign test where all gain alike); `p_holm` is
            corrected for all entrants that are compared.
    """

    mean: float
    interval: Interval | None
    n: int
    gain: float | None = None
    gain_interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None


def measured(metrics: Sequence[Metric], trials: Trials, base: str) -> dict[str, dict[str, Measured]]:
    """By label, then by metric: what was measured; a metric without any value is left out."""
    found: dict[str, dict[str, Measured]] = defaultdict(dict)
    for metric in metrics:
        values = {label: _values(metric, mine) for label, mine in trials.items()}
        column = {
            label: _measured(mine, values.get(base, {}) if label != base else {})
            for label, mine in values.items()
            if mine
        }
        for label, one in _corrected(column).items():
            found[label][metric.name] = one
    return dict(found)


def _values(metric: Metric, trials: Sequence[Trial]) -> Values:
    if metric.by != "pass":
        return {
            (t.item, t.seed): (t.scores[metric.name], cluster_of(t))
            for t in trials
            if metric.name in t.scores
        }
    attempts: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        attempts[trial.item].append(trial)
    return {
        (item, 0): (pass_at_k(len(made), sum(t.right for t in made), metric.k), cluster_of(made[0]))
        for item, made in attempts.items()
        if len(made) >= metric.k
    }


def _measured(mine: Values, base: Values) -> Measured:
    values, groups = [value for value, _ in mine.values()], [group for _, group in mine.values()]
    both = [key for key in mine if key in base]
    found = Measured(mean=fmean(values), interval=_interval(values, groups), n=len(values))
    if not both:
        return found
    return _compared(
        found, [base[k][0] for k in both], [mine[k][0] for k in both], [mine[k][1] for k in both]
    )


def _interval(values: Sequence[float], groups: Sequence[Hashable]) -> Interval | None:
    if len(set(groups)) < 2:
        return None
    if len(set(groups)) <= RESAMPLED:
        return bootstrap(values, fmean, groups=groups).interval
    found = mean(values, groups=groups).interval()
    return found and Interval(max(0.0, found.low), min(1.0, found.high))


def _compared(
    found: Measured, before: Sequence[float], after: Sequence[float], groups: Sequence[Hashable]
) -> Measured:
    pair = difference(before, after, groups=groups)
    if len(set(groups)) < 2:
        return replace(found, gain=pair.mean)
    if len(set(groups)) <= RESAMPLED:
        drawn = bootstrap_difference(before, after, groups=groups)
        return replace(found, gain=drawn.value, gain_interval=drawn.interval, p=drawn.p)
    return replace(found, gain=pair.mean, gain_interval=pair.interval(), p=clustered(pair).p)


def _corrected(column: Mapping[str, Measured]) -> dict[str, Measured]:
    ps = {label: one.p for label, one in column.items() if one.p is not None}
    corrected = dict(zip(ps, holm(list(ps.values())), strict=True)) if ps else {}
    return {label: replace(one, p_holm=corrected.get(label)) for label, one in column.items()}
