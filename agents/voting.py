"""Votes over answers: one place for decision rules, weights and ties."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isclose, isfinite
from typing import TypeGuard

from rebut.errors import InputError, suggest
from rebut.records import Tally, Vote

from .answers import check_kind, cluster
from .confidence import entropy, shares

RULES = ("majority", "weighted", "borda", "supermajority", "unanimity")
TIES = ("first", "last", "weight", "none")
KEYS = ("equiv", "string")
MOST_POWER = 64


@dataclass(frozen=True, slots=True)
class _Class:
    """Voters of one answer, with the weight that the rule gives them together."""

    members: tuple[int, ...]
    weight: float


def vote(
    answers: Sequence[str | None],
    *,
    weights: Sequence[float | None] | None = None,
    kind: str = "auto",
    rule: str = "majority",
    tie: str = "first",
    failed: int = 0,
    key: str = "equiv",
    power: float = 0.5,
    threshold: float = 2 / 3,
) -> Vote:
    """Vote over answers, equivalent ones counted together.

    An answer that is None or blank abstains. `weights` are scores, one an item, finite and not negative.
    Under the rules ``weighted`` and ``borda`` an item whose weight is None abstains too; under the others
    weights do not decide, they only break ties (``tie="weight"``) and name the winning answer's best voter.

    Rules:
        ``majority``: the most voters (a plurality is enough).
        ``weighted``: the largest sum of weights.
        ``borda``: all items that have a weight are ranked by it, the best first, those without an answer
            included; rank r of N gives (N - r + 1)^power votes (Kang et al. 2025, arXiv:2502.18581). Equal
            weights share the mean of their ranks' votes. `power` 0 is the majority, a large one (at most
            `MOST_POWER`) the best item.
        ``supermajority``: as majority, but the winner needs `threshold` of the voters.
        ``unanimity``: all voters agree.

    A rule that no answer meets leaves `answer` and `winner` None; the tallies stay.

    Ties for the first place:
        ``first``, ``last``: the answer that was given first, or most recently.
        ``weight``: the larger sum of weights, then the larger single weight, then the first.
        ``none``: no answer.

    Args:
        kind: kind of the answers, see :mod:`rebut.agents.answers`.
        failed: how many calls failed before they could vote; kept for the record.
        key: ``equiv`` counts equivalent answers together, ``string`` only equal strings (some papers).

    Raises:
        InputError: on an unknown rule, tie, key or kind, or weights that do not fit.

    >>> vote(["5", "5.0", "7", None], kind="number").answer
    '5'
    """
    _check(rule, tie, key, kind, failed, power, threshold)
    scores = _scores(answers, weights, rule, tie)
    given = [present(i, answer) for i, answer in enumerate(answers)]
    ballots = _ballots(given, scores, rule, power)
    voting = [a if b is not None else None for a, b in zip(given, ballots, strict=True)]
    classes = [
        _Class(tuple(members), fsum(ballots[i] or 0.0 for i in members))
        for members in (cluster(voting, kind) if key == "equiv" else _same_string(voting))
    ]
    ranked, tied = _rank(classes, scores, tie)
    return _outcome(voting, ranked, scores, tied=tied, rule=rule, tie=tie, threshold=threshold, failed=failed)


def _check(rule: str, tie: str, key: str, kind: str, failed: int, power: float, threshold: float) -> None:
    for what, given, possible in (
        ("voting rule", rule, RULES),
        ("tie rule", tie, TIES),
        ("vote key", key, KEYS),
    ):
        if given not in possible:
            raise InputError(f"unknown {what}: {given!r}{suggest(str(given), possible)}")
    check_kind(kind)
    if failed < 0:
        raise InputError(f"failed calls must not be negative: {failed!r}")
    if not 0 <= power <= MOST_POWER:
        raise InputError(f"power must be from 0 to {MOST_POWER}: {power!r}")
    if not 0 < threshold <= 1:
        raise InputError(f"threshold must be above 0 and at most 1: {threshold!r}")


def present(index: int, answer: object) -> str | None:
    """The answer, None when blank; checked, for the items of a vote may come from a workflow's expression.

    Raises:
        InputError: it is neither text nor None.
    """
    if answer is None or isinstance(answer, str):
        return answer if answer and answer.strip() else None
    raise InputError(f"an answer must be text or None: {answer!r} at index {index}")


def is_weight(value: object) -> TypeGuard[float]:
    """Whether a value can be the weight of a voter: a finite number, not negative."""
    return is_finite(value) and value >= 0


def is_finite(value: object) -> TypeGuard[float]:
    """Whether a value is a number that a float can hold."""
    try:
        return isinstance(value, int | float) and isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _scores(
    answers: Sequence[str | None], weights: Sequence[float | None] | None, rule: str, tie: str
) -> Sequence[float | None]:
    """The weights, checked; all None where none were given and none are needed."""
    if weights is None:
        if rule in ("weighted", "borda") or tie == "weight":
            needing = f"tie {tie!r}" if tie == "weight" else f"rule {rule!r}"
            raise InputError(f"weights are missing: {needing} needs one for each answer")
        return [None] * len(answers)
    if len(weights) != len(answers):
        raise InputError(f"weights do not fit: {len(weights)} weights for {len(answers)} answers")
    for i, w in enumerate(weights):
        if w is not None and not is_weight(w):
            raise InputError(f"weight must be a finite number and not negative: {repr(w)[:40]} at index {i}")
    if not isfinite(sum(w for w in weights if w is not None)):
        raise InputError("weights are too large to be added up")
    return weights


def _ballots(
    answers: Sequence[str | None], scores: Sequence[float | None], rule: str, power: float
) -> list[float | None]:
    """What each item's vote counts; None for an item that abstains."""
    if rule == "weighted":
        counts: Sequence[float | None] = scores
    elif rule == "borda":
        counts = _borda(scores, power)
    else:
        counts = [1.0] * len(answers)
    return [None if a is None else c for a, c in zip(answers, counts, strict=True)]


def _borda(scores: Sequence[float | None], power: float) -> list[float | None]:
    """Votes by rank, the mean of them for equal scores."""
    by_score: defaultdict[float, list[int]] = defaultdict(list)
    for i, score in enumerate(scores):
        if score is not None:
            by_score[score].append(i)
    total = sum(map(len, by_score.values()))
    ballots: list[float | None] = [None] * len(scores)
    rank = 1
    for score in sorted(by_score, reverse=True):
        equal = by_score[score]
        mean = fsum(float(total - r + 1) ** power for r in range(rank, rank + len(equal))) / len(equal)
        for i in equal:
            ballots[i] = mean
        rank += len(equal)
    return ballots


def _same_string(answers: Sequence[str | None]) -> list[list[int]]:
    classes: dict[str, list[int]] = {}
    for i, answer in enumerate(answers):
        if answer is not None:
            classes.setdefault(answer, []).append(i)
    return list(classes.values())


def _rank(classes: Sequence[_Class], scores: Sequence[float | None], tie: str) -> tuple[list[_Class], bool]:
    """Classes with the winner first, then by weight; and whether the first place was tied."""
    if not classes:
        return [], False
    ordered = sorted(classes, key=lambda c: (-c.weight, c.members[0]))
    level = [c for c in ordered if isclose(c.weight, ordered[0].weight, rel_tol=1e-12)]
    if len(level) > 1 and tie != "none":
        winner = _break(level, scores, tie)
        ordered.remove(winner)
        ordered.insert(0, winner)
    return ordered, len(level) > 1


def _break(level: Sequence[_Class], scores: Sequence[float | None], tie: str) -> _Class:
    def weight(c: _Class) -> tuple[float, float, int]:
        own = [scores[i] or 0.0 for i in c.members]
        return (fsum(own), max(own), -c.members[0])

    if tie == "weight":
        return max(level, key=weight)
    if tie == "last":
        return max(level, key=lambda c: c.members[-1])
    return min(level, key=lambda c: c.members[0])


def _outcome(
    answers: Sequence[str | None],
    ranked: Sequence[_Class],
    scores: Sequence[float | None],
    *,
    tied: bool,
    rule: str,
    tie: str,
    threshold: float,
    failed: int,
) -> Vote:
    parts = shares([c.weight for c in ranked])
    voters = sum(a is not None for a in answers)
    tallies = tuple(
        Tally(answer=answers[c.members[0]] or "", weight=c.weight, members=c.members) for c in ranked
    )
    share = parts[0] if parts else 0.0
    stands = bool(parts) and not (tied and tie == "none") and _meets(rule, ranked, voters, threshold)
    return Vote(
        answer=tallies[0].answer if stands else None,
        winner=max(ranked[0].members, key=lambda i: (scores[i] or 0.0, -i)) if stands else None,
        share=share,
        margin=0.0 if tied else share - max(parts[1:], default=0.0),
        entropy=entropy([c.weight for c in ranked]),
        tallies=tallies,
        voters=voters,
        abstained=len(answers) - voters,
        failed=failed,
        tied=tied,
        rule=rule,
        tie=tie,
    )


def _meets(rule: str, ranked: Sequence[_Class], voters: int, threshold: float) -> bool:
    if rule == "unanimity":
        return len(ranked) == 1
    if rule == "supermajority":
        return len(ranked[0].members) >= threshold * voters or isclose(
            len(ranked[0].members), threshold * voters
        )
    return True
