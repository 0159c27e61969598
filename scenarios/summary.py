"""What the trials of a scenario say: a line for each entrant, and pairs against the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from rebut.records import Usage

from .metrics import Measured, measured
from .runner import Report, by_label
from .statistics.means import Interval, mean, wilson
from .statistics.paired import clustered, difference, discordant, holm, mcnemar
from .trials import Trial, cluster_of

ALIKE = 1e-12
"""Errors of shares below this are nothing but rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entrant.

    Attributes:
        n: trials; a failed one, and one without an answer, is wrong.
        right: share of right answers, with its 95 % interval (Wilson; clustered by group and item where
            several trials belong together).
        usd: dollars a trial; None where a price is not known. `seconds` a trial, with others beside it.
        none: trials without an answer, `failed` ones among them; `cut`: ended by their budget.
        gain: difference of the share from that of the base over the same items and seeds, with its interval.
        p: of McNemar's exact test against the base, or, where there are several seeds or groups, of the
            difference in its clustered standard errors (of the sign test where all gain alike); `p_holm` is
            corrected for all that are compared.
        metrics: what the scenario measures beside that, by name, in its order.
    """

    label: str
    n: int
    right: float
    interval: Interval
    calls: float
    tokens: float
    usd: float | None
    seconds: float
    none: int
    failed: int
    cut: int
    gain: float | None = None
    gain_interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    metrics: Mapping[str, Measured] = field(default_factory=dict)


def summary(report: Report) -> list[Line]:
    """A line for each entrant that has trials, in their order."""
    trials = by_label(report)
    base = trials.get(report.base, ())
    lines = [
        _line(label, mine, base if label != report.base else ()) for label, mine in trials.items() if mine
    ]
    tested = {line.label: line.p for line in lines if line.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True)) if tested else {}
    beside = measured(report.spec.metrics, trials, report.base)
    return [
        replace(line, p_holm=corrected.get(line.label), metrics=beside.get(line.label, {})) for line in lines
    ]


def _line(label: str, trials: Sequence[Trial], base: Sequence[Trial]) -> Line:
    n = len(trials)
    usage = sum((trial.usage for trial in trials), Usage())
    pair = against(trials, base)
    return Line(
        label=label,
        n=n,
        right=fmean(trial.right for trial in trials),
        interval=_interval(trials),
        calls=usage.calls / n,
        tokens=usage.tokens / n,
        usd=None if usage.usd is None else usage.usd / n,
        seconds=fmean(trial.seconds for trial in trials),
        none=sum(trial.answer is None for trial in trials),
        failed=sum(trial.stop == "failed" for trial in trials),
        cut=sum(trial.stop == "budget" for trial in trials),
        gain=pair.gain if pair else None,
        gain_interval=pair.interval if pair else None,
        p=pair.p if pair else None,
    )


def _interval(trials: Sequence[Trial]) -> Interval:
    """Wilson's where every trial stands for itself, else from the error clustered by group, or by item.

    Where all groups or items have the same share, that error is 0: then Wilson's of so many groups or items.
    """
    groups = [cluster_of(trial) for trial in trials]
    if len(set(groups)) == len(groups):
        return wilson(sum(trial.right for trial in trials), len(trials))
    share = mean([float(trial.right) for trial in trials], groups=groups)
    if share.error is not None and share.error <= ALIKE:
        likely = wilson(round(share.mean * share.groups), share.groups)
        return Interval(min(likely.low, share.mean), max(likely.high, share.mean))
    found = share.interval()
    return Interval(max(0.0, found.low), min(1.0, found.high)) if found else Interval(0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two contenders over the items and seeds that both met.

    `gain` is the first's share less the second's, `error` its standard error, clustered by item or group.
    `p`: of McNemar's exact test, or, where several trials belong together, of the gain in its errors; where
    all items or groups gain alike, of the exact sign test over them.
    """

    gain: float
    error: float | None
    interval: Interval | None
    p: float


def against(trials: Sequence[Trial], base: Sequence[Trial]) -> Pairing | None:
    """How trials compare with those of another contender; None where they have no item in common."""
    other = {(trial.item, trial.seed): trial for trial in base}
    pairs = [(t, other[t.item, t.seed]) for t in trials if (t.item, t.seed) in other]
    if not pairs:
        return None
    mine, its = [a.right for a, _ in pairs], [b.right for _, b in pairs]
    groups = [cluster_of(a) for a, _ in pairs]
    found = difference([float(b) for b in its], [float(a) for a in mine], groups=groups)
    single = len(set(groups)) == len(groups)
    tested = mcnemar(*discordant(its, mine)) if single else clustered(found)
    return Pairing(gain=found.mean, error=found.error, interval=found.interval(), p=tested.p)
