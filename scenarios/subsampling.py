"""What a vote would have been with fewer votes, and so with fewer tokens: from the votes that were given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from random import Random
from statistics import fmean

from ..agents.answers import cluster, correct
from .courses import Course
from .runner import Report, by_label
from .statistics.means import Estimate, mean
from .trials import Trial, cluster_of

EXACT = 300
"""Most ballots that are counted out; of more than that, as many are drawn."""
SIZES = 12
"""Numbers of votes that are looked at, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fewer:
    """A vote with fewer votes, in the mean over all choices of so many of those that were given.

    Attributes:
        votes: how many; the last of a curve is all of them.
        right: the share of right answers, with its standard error, clustered by item or group.
        tokens: of a mean trial: completions in proportion, and the prompt as often as it was sent.
    """

    votes: int
    right: Estimate
    tokens: float


def fewer(
    report: Report,
    found: Mapping[str, Course],
    kinds: Mapping[str, str],
    labels: Collection[str] | None = None,
) -> dict[str, list[Fewer]]:
    """The curve of each contender whose answer is a plain majority of independent samples.

    Others have none: what a debate, a search or an early stop would have done with fewer tokens cannot be
    read from what it did with more. Nor has a contender one of whose trials has another number of votes.

    Args:
        kinds: of the answers, by label.
        labels: only of these contenders.
    """
    curves: dict[str, list[Fewer]] = {}
    for label, trials in by_label(report).items():
        if labels is not None and label not in labels:
            continue
        pairs = [(trial, found[trial.run].ballot) for trial in trials if trial.run in found]
        sizes = {len(ballot) for _, ballot in pairs}
        if pairs and len(pairs) == len(trials) and len(sizes) == 1 and max(sizes) > 1:
            tie = all(found[trial.run].tie for trial in trials)
            curves[label] = _curve(pairs, max(sizes), kinds.get(label, "auto"), tie=tie)
    return curves


def _curve(
    pairs: Sequence[tuple[Trial, Sequence[str | None]]], most: int, kind: str, *, tie: bool
) -> list[Fewer]:
    ballots = [_classes(ballot, trial.gold, kind) for trial, ballot in pairs]
    groups = [cluster_of(trial) for trial, _ in pairs]
    found: list[Fewer] = []
    for votes in _sizes(most):
        rights = [_chance(ballot, votes, tie=tie) for ballot in ballots]
        tokens = fmean(_tokens(trial, votes / most) for trial, _ in pairs)
        found.append(Fewer(votes=votes, right=mean(rights, groups=groups), tokens=tokens))
    return found


def _sizes(most: int) -> list[int]:
    if most <= SIZES:
        return list(range(1, most + 1))
    return sorted({round(most ** (k / (SIZES - 1))) for k in range(SIZES)})


def _classes(ballot: Sequence[str | None], golds: Sequence[str], kind: str) -> list[tuple[int, bool] | None]:
    """Of each vote, which class of equivalent answers it is for, and whether that is right."""
    found: list[tuple[int, bool] | None] = [None] * len(ballot)
    for k, members in enumerate(cluster(ballot, kind)):
        said = ballot[members[0]] or ""
        right = any(correct(said, gold, kind) for gold in golds)
        for i in members:
            found[i] = (k, right)
    return found


def _chance(ballot: Sequence[tuple[int, bool] | None], votes: int, *, tie: bool) -> float:
    """The chance that a majority of so many of the votes is right; a tie goes to each of the first alike."""
    return fmean(_won([one for one in some if one is not None], tie=tie) for some in _some(ballot, votes))


def _some(
    ballot: Sequence[tuple[int, bool] | None], votes: int
) -> Iterable[Sequence[tuple[int, bool] | None]]:
    if comb(len(ballot), votes) <= EXACT:
        return combinations(ballot, votes)
    draw = Random(votes)
    return [draw.sample(ballot, votes) for _ in range(EXACT)]


def _won(votes: Sequence[tuple[int, bool]], *, tie: bool) -> float:
    counts = Counter(votes)
    if not counts:
        return 0.0
    most = max(counts.values())
    first = [right for (_, right), count in counts.items() if count == most]
    return fmean(first) if tie or len(first) == 1 else 0.0


def _tokens(trial: Trial, part: float) -> float:
    """A prompt that was sent once for all samples is sent once for fewer, too."""
    sent = max(1, trial.usage.requests)
    return trial.usage.prompt * max(1.0, sent * part) / sent + trial.usage.completion * part
