"""Two sets of trials on the same items: what changed, whether chance would explain it, who is no worse.

They may come from one run or from two: items that only one of them has are left out and counted, the order is
of no account, and where the seeds differ each item counts with its mean over its seeds.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean

from rebut.errors import InputError

from .statistics.means import Interval
from .statistics.paired import Tested, clustered, difference, mcnemar
from .statistics.power import items_needed
from .statistics.resampling import bootstrap
from .trials import Trial, cluster_of

LEVEL = 0.95
RESAMPLES = 2_000
_TESTS = {"exact": "McNemar, exact", "normal": "normal, clustered errors", "sign": "sign, exact"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One item with its trials of both sides, those of the same seeds where there are any."""

    item: str
    group: Hashable
    before: tuple[Trial, ...]
    after: tuple[Trial, ...]

    @property
    def gain(self) -> float:
        """The share of right answers after less that before."""
        return _share(self.after) - _share(self.before)


def _share(trials: Sequence[Trial]) -> float:
    return fmean(trial.right for trial in trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What two sets of trials have in common.

    Attributes:
        first_only: items of the first alone; `second_only`: of the second alone.
        other_gold: items of both of which other answers are accepted; they are not compared.
        seeds: whether the pairs are of the same seeds.
    """

    pairs: tuple[Pair, ...]
    first_only: int
    second_only: int
    other_gold: tuple[str, ...]
    seeds: bool


def matched(first: Sequence[Trial], second: Sequence[Trial]) -> Matched:
    """The items of both."""
    before, after = _by_item(first), _by_item(second)
    common = [item for item in after if item in before]
    other = tuple(item for item in common if set(before[item][0].gold) != set(after[item][0].gold))
    seeds = all(_same(before[item], after[item]) for item in common if item not in other)
    return Matched(
        pairs=tuple(_pair(item, before[item], after[item]) for item in common if item not in other),
        first_only=len(before.keys() - after.keys()),
        second_only=len(after.keys() - before.keys()),
        other_gold=other,
        seeds=seeds,
    )


def _by_item(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.item, []).append(trial)
    return found


def _same(before: Sequence[Trial], after: Sequence[Trial]) -> bool:
    return bool({trial.seed for trial in before} & {trial.seed for trial in after})


def _pair(item: str, before: Sequence[Trial], after: Sequence[Trial]) -> Pair:
    seeds = {trial.seed for trial in before} & {trial.seed for trial in after}
    kept = [[t for t in side if not seeds or t.seed in seeds] for side in (before, after)]
    return Pair(item=item, group=cluster_of(after[0]), before=tuple(kept[0]), after=tuple(kept[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An item that is more or less often right than before; the answers are those of the first trials."""

    item: str
    gain: float
    before: str | None
    after: str | None
    runs: tuple[str, str]

    @property
    def won(self) -> bool:
        """Whether it is more often right."""
        return self.gain > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sets of trials, compared.

    Attributes:
        items: how many they have in common; `before` and `after` their shares of right answers.
        gain: the second's share less the first's; `error` its standard error, clustered by group.
        p: of McNemar's exact test, or, where items have several trials or groups, of the gain in its errors;
            where all items or groups gain alike, so that the error is 0, of the exact sign test over them.
        test: which of the three it is.
        changed: the items that differ, the lost ones first.
        tokens: `tokens_after`, those of a mean trial of the second, by `tokens_before`; None where the first
            used none.
        needed: how many items would find a true difference as large as this one (level .05, power .8); None
            where there is no difference, or nothing varies.
    """

    items: int
    before: float
    after: float
    gain: float
    error: float | None
    interval: Interval | None
    p: float
    test: str
    changed: tuple[Change, ...]
    tokens: float | None
    tokens_before: float
    tokens_after: float
    needed: int | None
    matched: Matched


def compared(first: Sequence[Trial], second: Sequence[Trial]) -> Comparison | None:
    """The second against the first; None where they have no item in common."""
    both = matched(first, second)
    if not both.pairs:
        return None
    gains = [pair.gain for pair in both.pairs]
    groups = [pair.group for pair in both.pairs]
    found = difference([0.0] * len(gains), gains, groups=groups)
    before, after = (_tokens([getattr(pair, side) for pair in both.pairs]) for side in ("before", "after"))
    exact = len(set(groups)) == len(groups) and all(
        len(pair.before) == len(pair.after) == 1 for pair in both.pairs
    )
    tested = _tested(gains) if exact else clustered(found)
    return Comparison(
        items=len(gains),
        before=fmean(_share(pair.before) for pair in both.pairs),
        after=fmean(_share(pair.after) for pair in both.pairs),
        gain=found.mean,
        error=found.error,
        interval=found.interval(),
        p=tested.p,
        test=_TESTS[tested.method],
        changed=_changed(both.pairs),
        tokens=after / before if before else None,
        tokens_before=before,
        tokens_after=after,
        needed=needed(found.mean, found.error, len(gains)),
        matched=both,
    )


def _tested(gains: Sequence[float]) -> Tested:
    return mcnemar(sum(g < 0 for g in gains), sum(g > 0 for g in gains))


def needed(gain: float, error: float | None, items: int) -> int | None:
    """Items that would find a true difference of `gain`, by the variance that these items have."""
    if not error or abs(gain) < 1e-12:
        return None
    return items_needed(gain, error * error * items)


def _changed(pairs: Sequence[Pair]) -> tuple[Change, ...]:
    found = [
        Change(
            item=pair.item,
            gain=pair.gain,
            before=_telling(pair.before, pair.gain < 0).answer,
            after=_telling(pair.after, pair.gain > 0).answer,
            runs=(_telling(pair.before, pair.gain < 0).run, _telling(pair.after, pair.gain > 0).run),
        )
        for pair in pairs
        if pair.gain
    ]
    return tuple(sorted(found, key=lambda change: change.gain > 0))


def _telling(trials: Sequence[Trial], right: bool) -> Trial:
    """The first trial that is as the change says, or else the first."""
    return next((trial for trial in trials if trial.right == right), trials[0])


def _tokens(sides: Sequence[Sequence[Trial]]) -> float:
    """Of a mean trial, items alike."""
    return fmean(fmean(trial.usage.tokens for trial in trials) for trials in sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorse:
    """Whether trials are shown to be no worse than kept ones, but for a margin.

    Attributes:
        gain: their share of right answers less that of the kept ones, over `items` in common.
        bound: the least gain that 95 % of the paired bootstrap's resamples stay above.
        sure: the share of resamples in which they are no worse than the margin allows.
        worse: whether they are shown to be worse than the margin: so says the bootstrap's other end.
        needed: items that would show it if there were no true difference; None where nothing varies.
    """

    items: int
    gain: float
    bound: float
    sure: float
    margin: float
    worse: bool
    needed: int | None
    comparison: Comparison

    @property
    def holds(self) -> bool:
        """Whether it is shown."""
        return self.bound >= -self.margin - 1e-12


def no_worse(kept: Sequence[Trial], trials: Sequence[Trial], margin: float) -> NoWorse:
    """Hold trials against kept ones: a test of non-inferiority, at 95 %, by a paired bootstrap.

    Args:
        margin: the loss of the share of right answers that is of no account.

    Raises:
        InputError: fewer than two items, or two groups of items, in common.
    """
    found = compared(kept, trials)
    pairs = found.matched.pairs if found else ()
    if found is None or len({pair.group for pair in pairs}) < 2:
        raise InputError(f"too few items in common to compare: {len(pairs)} (at least 2)")
    drawn: list[float] = []

    def gain(some: Sequence[float]) -> float:
        drawn.append(fmean(some))
        return drawn[-1]

    ends = bootstrap(
        [pair.gain for pair in pairs],
        gain,
        groups=[pair.group for pair in pairs],
        level=2 * LEVEL - 1,
        resamples=RESAMPLES,
    ).interval
    resampled = drawn[1 : RESAMPLES + 1]
    return NoWorse(
        items=found.items,
        gain=found.gain,
        bound=ends.low,
        sure=sum(one >= -margin - 1e-12 for one in resampled) / len(resampled),
        margin=margin,
        worse=ends.high < -margin,
        needed=needed(margin, found.error, found.items) if margin else None,
        comparison=found,
    )
