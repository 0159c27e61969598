"""Which contender to take: the cheapest that the trials cannot tell from the best, and what that rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rebut.errors import InputError

from .comparing import compared
from .runner import Report, by_label
from .statistics.means import Interval
from .statistics.paired import holm
from .statistics.power import detectable
from .summary import Line, summary
from .trials import Trial

LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A contender beside the best of those within the budget.

    `behind` is by how much its share is below the best's, over the items that both met, with its interval;
    `p` is corrected for all rivals (Holm). `told_apart`: chance alone does not explain the difference.
    `needed`: how many items would tell them apart, were the difference as large as here (level .05, power
    .8); None where there is none, or nothing varies. `tokens`: its tokens by those of the best.
    """

    label: str
    behind: float
    interval: Interval | None
    p: float
    told_apart: bool
    needed: int | None = None
    tokens: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A recommendation.

    Attributes:
        label: who is recommended: of those that cannot be told from the best, the cheapest.
        best: who has the highest share; the cheaper where several do. `right`: that share.
        equals: others that have the same share.
        rivals: the others within the budget against the best.
        left_out: contenders that cost more than the budget, or have no trials.
        items: how many were met.
        aside: trials, of those within the budget, of items that not all of them have met yet: a share of
            other items says nothing about who is better. None where they have no item in common.
        detectable: the least difference of shares that this many items would find (level .05, power .8);
            None where there is nothing to compare.
    """

    label: str
    best: str
    right: float
    equals: tuple[str, ...]
    items: int
    aside: int
    rivals: tuple[Rival, ...]
    left_out: tuple[str, ...]
    detectable: float | None

    @property
    def noise(self) -> bool:
        """Whether no difference from the best stands out of chance."""
        return bool(self.rivals) and not any(rival.told_apart for rival in self.rivals)

    @property
    def hopeless(self) -> bool:
        """Whether nobody within the limits is right even once: then only the price speaks for anyone."""
        return self.right == 0


def recommend(report: Report, *, tokens: float | None = None, usd: float | None = None) -> Verdict:
    """Weigh quality against cost.

    Args:
        tokens, usd: at most so much a trial, in the mean; a price that is not known is above any limit.

    Raises:
        InputError: no contender has trials within the limits.
    """
    lines = summary(report)
    within = [line for line in lines if _within(line, tokens, usd)]
    if not within:
        cheapest = min((line.tokens for line in lines), default=None)
        note = "" if cheapest is None else f" (the cheapest takes {cheapest:.0f} tokens a run)"
        raise InputError(f"no contender has trials within the limits{note}")
    report, aside = _even(report, [line.label for line in within])
    within = [line for line in summary(report) if line.label in {one.label for one in within}]
    best = max(within, key=lambda line: (line.right, *(-cost for cost in _cost(line))))
    trials = by_label(report)
    rivals = _rivals([line for line in within if line is not best], best, trials)
    same = {best.label} | {rival.label for rival in rivals if not rival.told_apart}
    chosen = min((line for line in within if line.label in same), key=_cost)
    left_out = tuple(label for label in report.labels if label not in {line.label for line in within})
    return Verdict(
        label=chosen.label,
        best=best.label,
        right=best.right,
        equals=tuple(line.label for line in within if line is not best and line.right == best.right),
        items=len({trial.item for line in within for trial in trials[line.label]}),
        aside=aside,
        rivals=tuple(rivals),
        left_out=left_out,
        detectable=_detectable(within, best, trials),
    )


def _even(report: Report, labels: Sequence[str]) -> tuple[Report, int]:
    """The trials that all these contenders have made, and how many of theirs are left aside for that."""
    made = by_label(report)
    met = [{(trial.item, trial.seed) for trial in made[label]} for label in labels]
    common = set.intersection(*met)
    if not common:
        return report, 0
    kept = [t for t in report.trials if t.label not in labels or (t.item, t.seed) in common]
    return replace(report, trials=kept), len(report.trials) - len(kept)


def _within(line: Line, tokens: float | None, usd: float | None) -> bool:
    dear = usd is not None and (line.usd is None or line.usd > usd)
    return not dear and (tokens is None or line.tokens <= tokens)


def _cost(line: Line) -> tuple[float, float, float]:
    """Dollars, then tokens, then calls: what is not known is dear."""
    return (float("inf") if line.usd is None else line.usd, line.tokens, line.calls)


def _rivals(lines: Sequence[Line], best: Line, trials: dict[str, Sequence[Trial]]) -> list[Rival]:
    found = [(line, compared(trials[best.label], trials[line.label])) for line in lines]
    met = [(line, pair) for line, pair in found if pair is not None]
    corrected = holm([pair.p for _, pair in met]) if met else ()
    return [
        Rival(
            label=line.label,
            behind=0.0 - pair.gain,
            interval=pair.interval and Interval(-pair.interval.high, -pair.interval.low),
            p=p,
            told_apart=p < LEVEL and pair.gain < 0,
            needed=pair.needed,
            tokens=pair.tokens,
        )
        for (line, pair), p in zip(met, corrected, strict=True)
    ]


def _detectable(lines: Sequence[Line], best: Line, trials: dict[str, Sequence[Trial]]) -> float | None:
    """Of the closest rival: what a difference would have to be."""
    errors = [
        pair.error
        for line in lines
        if line is not best and (pair := compared(trials[best.label], trials[line.label])) and pair.error
    ]
    return detectable(min(errors)) if errors else None
