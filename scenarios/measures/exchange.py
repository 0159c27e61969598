"""How agents move each other: agreement, flips of answers, sycophancy and persuasion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean

from rebut.errors import InputError

from ..statistics.checks import alike
from .deliberation import Answer, Deliberation, aligned

STATES = ("right", "wrong", "none")
Sees = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class RoundAgreement:
    """How far agents agree in one round, as means over the items; agents without an answer are left out.

    Attributes:
        round: from 1.
        items: how many have this round.
        answered: share of all turns that gave an answer.
        pairwise: share of the pairs of agents that give the same answer, of items with two answers or
            more; None where no item has.
        modal: share of the answers that are the most frequent one, of items with any answer; None likewise.
        unanimous: share of the items with two answers or more in which all of them are the same; None
            likewise.
    """

    round: int
    items: int
    answered: float
    pairwise: float | None
    modal: float | None
    unanimous: float | None


def agreement_by_round(items: Sequence[Deliberation], *, carry: bool = True) -> tuple[RoundAgreement, ...]:
    """The agreement in each round; with `carry` an item that ended earlier keeps its last round.

    Raises:
        InputError: no items.
    """
    return tuple(
        _agreement(at + 1, [item.rounds[at] for item in having])
        for at, having in enumerate(aligned(items, carry))
    )


def _agreement(number: int, rounds: Sequence[Sequence[Answer]]) -> RoundAgreement:
    said = [Counter(answer for answer in answers if answer is not None) for answers in rounds]
    some = [counts for counts in said if counts]
    pairs = [counts for counts in said if counts.total() > 1]
    return RoundAgreement(
        round=number,
        items=len(rounds),
        answered=sum(counts.total() for counts in said) / sum(map(len, rounds)),
        pairwise=_mean(
            [sum(comb(n, 2) for n in counts.values()) / comb(counts.total(), 2) for counts in pairs]
        ),
        modal=_mean([max(counts.values()) / counts.total() for counts in some]),
        unanimous=_mean([float(len(counts) == 1) for counts in pairs]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def flips(before: Sequence[Answer], after: Sequence[Answer]) -> dict[Answer, dict[Answer, int]]:
    """How often each answer became each other: ``found[before][after]``, None for no answer.

    For answers from a small set, such as options; the diagonal holds those that stayed.

    Raises:
        InputError: the two differ in length.

    >>> flips(["A", "A", "B"], ["A", "B", "B"])
    {'A': {'A': 1, 'B': 1}, 'B': {'B': 1}}
    """
    alike("before", before, "after", after)
    found: dict[Answer, dict[Answer, int]] = {}
    for one, other in zip(before, after, strict=True):
        row = found.setdefault(one, {})
        row[other] = row.get(other, 0) + 1
    return found


@dataclass(frozen=True, slots=True)
class FlipMatrix:
    """How often agents went from ``right``, ``wrong`` or ``none`` (no answer) to each of them.

    Attributes:
        counts: by (before, after), all nine.
        astray: how many of those that were wrong before and after changed their answer.
    """

    counts: Mapping[tuple[str, str], int]
    astray: int

    @property
    def n(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def changed(self) -> float:
        """Share of them whose answer changed, wrong ones that went astray included."""
        stayed = sum(self.counts[state, state] for state in STATES) - self.astray
        return 1 - stayed / self.n


def flip_matrix(items: Sequence[Deliberation], *, start: int = 0, end: int = -1) -> FlipMatrix:
    """The flips of all agents of all items between two rounds, by default the first and the last.

    Rounds count from 0, or from the end if negative; an item that ended earlier has its last round.

    Raises:
        InputError: no items, one whose right answer is not known, or a round that no item has.
    """
    longest = len(aligned(items, carry=False))
    for at in (start, end):
        if not -longest <= at < longest:
            raise InputError(f"no item has round {at}: the longest has {longest}")
    counts, astray = Counter[tuple[str, str]](), 0
    for item in items:
        whole = item.until(longest)
        before, after = _states(whole, start), _states(whole, end)
        counts.update(zip(before, after, strict=True))
        pairs = zip(before, after, whole.rounds[start], whole.rounds[end], strict=True)
        astray += sum(a == b == "wrong" and old != new for a, b, old, new in pairs)
    return FlipMatrix({(a, b): counts[a, b] for a in STATES for b in STATES}, astray)


def _states(item: Deliberation, at: int) -> list[str]:
    return [
        "none" if answer is None else "right" if right else "wrong"
        for answer, right in zip(item.rounds[at], item.right(at), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Influence:
    """What agents made of the others' answers of the round before.

    Attributes:
        tempted: turns of an agent that was right and saw a wrong answer of another.
        yielded: of them, those whose next answer was such a wrong one.
        strayed: of them, those that became wrong otherwise, or gave no answer.
        offered: turns of an agent that was wrong, or had no answer, and saw a right one.
        convinced: of them, those that were right next.
    """

    tempted: int
    yielded: int
    strayed: int
    offered: int
    convinced: int

    @property
    def sycophancy(self) -> float | None:
        """Share of the tempted that gave their right answer up for another's wrong one; None for none."""
        return self.yielded / self.tempted if self.tempted else None

    @property
    def persuasion(self) -> float | None:
        """Share of the offered that were convinced; None for none."""
        return self.convinced / self.offered if self.offered else None


def influence(items: Sequence[Deliberation], *, sees: Sees | None = None) -> Influence:
    """Sycophancy and persuasion over all agents and all rounds but the first.

    It counts who moved to what, not why: an agent may come to another's answer by itself.

    Args:
        sees: whether agent `me` reads what `other` said, both from 0; by default all others.

    Raises:
        InputError: no items, or one whose right answer is not known.
    """
    aligned(items, carry=False)
    found = Counter[str]()
    for item in items:
        item.right(0)
        for at in range(1, len(item.rounds)):
            for me in range(len(item.rounds[at])):
                found.update(_turn(item, at, me, sees or _everyone))
    return Influence(*(found[name] for name in ("tempted", "yielded", "strayed", "offered", "convinced")))


def _everyone(me: int, other: int) -> bool:
    return True


def _turn(item: Deliberation, at: int, me: int, sees: Sees) -> list[str]:
    """What one agent's turn counts as."""
    before, after = item.rounds[at - 1], item.rounds[at][me]
    read = {answer for other, answer in enumerate(before) if other != me and sees(me, other)} - {None}
    if before[me] == item.gold:
        wrong = read - {item.gold}
        if not wrong:
            return []
        return ["tempted", *(["yielded"] if after in wrong else ["strayed"] if after != item.gold else [])]
    if item.gold not in read:
        return []
    return ["offered", *(["convinced"] if after == item.gold else [])]
