"""Judges and routers: whether the order of answers decides, and how much is sent the hard way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rebut.errors import InputError

from ..statistics.checks import alike, chosen, enough, sequence, truths
from ..statistics.means import Interval, wilson
from ..statistics.paired import mcnemar

VERDICTS = ("first", "second", "tie")
Verdict = str | None


@dataclass(frozen=True, slots=True)
class PositionBias:
    """A judge that saw each pair of answers in both orders.

    Attributes:
        pairs: those with two readable verdicts; the shares below are of them.
        unread: pairs with a verdict that could not be read, in neither number.
        consistent: the same answer preferred in both orders, or a tie twice.
        first: pairs in which the order moved the judge towards the answer shown first.
        second: towards the one shown second.
    """

    pairs: int
    unread: int
    consistent: int
    first: int
    second: int

    @property
    def consistency(self) -> float:
        """Share of the pairs that the order did not change."""
        return self.consistent / self.pairs

    @property
    def bias(self) -> float:
        """Share moved to the first less share moved to the second: in [-1, 1], 0 without a side."""
        return (self.first - self.second) / self.pairs

    @property
    def p(self) -> float:
        """Exact two-sided p that inconsistent verdicts go to either place equally often."""
        return mcnemar(self.first, self.second).p


def position_bias(pairs: Sequence[tuple[Verdict, Verdict]]) -> PositionBias:
    """What the order of two answers did to a judge that saw each pair in both.

    Consistency and bias are those of JudgeLM (Zhu et al. 2023, arXiv:2310.17631). A pair holds the verdict
    with one answer first, and that with the other first, each ``first``, ``second`` or ``tie``, by the place
    of the preferred answer; None where it could not be read. A verdict that could not be read is no tie:
    such pairs are counted apart.

    Raises:
        InputError: no pairs, an unknown verdict, or no pair with two readable verdicts.

    >>> position_bias([("first", "first"), ("first", "second"), ("tie", None)])
    PositionBias(pairs=2, unread=1, consistent=1, first=1, second=0)
    """
    enough("pairs", pairs, 1)
    read = [_leaning(i, pair) for i, pair in enumerate(pairs)]
    stood = [leaning for leaning in read if leaning is not None]
    if not stood:
        raise InputError(f"none of {len(pairs)} pairs has two readable verdicts")
    return PositionBias(
        pairs=len(stood),
        unread=len(read) - len(stood),
        consistent=stood.count(0),
        first=sum(leaning > 0 for leaning in stood),
        second=sum(leaning < 0 for leaning in stood),
    )


def _leaning(i: int, pair: tuple[Verdict, Verdict]) -> int | None:
    """Above 0 towards the first place, below towards the second, 0 where the order changed nothing."""
    value = {"first": 1, "tie": 0, "second": -1}
    sequence(f"pairs[{i}]", pair)
    if len(pair) != 2:
        raise InputError(f"pairs[{i}] must be two verdicts: {pair!r}")
    for verdict in pair:
        if verdict is not None:
            chosen(f"verdict at pairs[{i}]", verdict, VERDICTS)
    one, other = pair
    return None if one is None or other is None else value[one] + value[other]


@dataclass(frozen=True, slots=True)
class Routing:
    """How a router divided the items.

    Attributes:
        n: all items.
        hard: those sent the hard way.
        share: `hard` by `n`, with its 95 % Wilson `interval`.
        easy_accuracy: of the others; `hard_accuracy`: of the hard ones; None where there are none, or where
            it was not told what was right.
    """

    n: int
    hard: int
    share: float
    interval: Interval
    easy_accuracy: float | None = None
    hard_accuracy: float | None = None


def routing(hard: Sequence[bool], right: Sequence[bool] | None = None) -> Routing:
    """The share of items that were sent the hard way, and how either part fared.

    Raises:
        InputError: no items, or the two differ in length.

    >>> found = routing([True, False, False, False], [False, True, True, False])
    >>> found.share, found.hard_accuracy
    (0.25, 0.0)
    """
    ways = truths("hard", hard)
    easy = done = None
    if right is not None:
        labels = truths("right", right)
        alike("hard", ways, "right", labels)
        easy = _accuracy([label for way, label in zip(ways, labels, strict=True) if not way])
        done = _accuracy([label for way, label in zip(ways, labels, strict=True) if way])
    sent = sum(ways)
    return Routing(len(ways), sent, sent / len(ways), wilson(sent, len(ways)), easy, done)


def _accuracy(labels: Sequence[bool]) -> float | None:
    return fmean(labels) if labels else None
