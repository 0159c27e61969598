"""From right to wrong and back: what a second look, a critique or a round of debate changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..statistics.checks import alike, truths
from ..statistics.paired import mcnemar
from .deliberation import Deliberation, aligned


@dataclass(frozen=True, slots=True)
class Transitions:
    """Answers before and after, counted.

    Attributes:
        kept: right before and after.
        lost: right before, wrong after.
        gained: wrong before, right after.
        missed: wrong before and after.
    """

    kept: int
    lost: int
    gained: int
    missed: int

    @property
    def n(self) -> int:
        """All of them."""
        return self.kept + self.lost + self.gained + self.missed

    @property
    def before(self) -> float:
        """Accuracy before."""
        return (self.kept + self.lost) / self.n

    @property
    def after(self) -> float:
        """Accuracy after."""
        return (self.kept + self.gained) / self.n

    @property
    def gain(self) -> float:
        """Accuracy after less before; it equals `gained_share` - `lost_share`."""
        return (self.gained - self.lost) / self.n

    @property
    def gained_share(self) -> float:
        """Wrong to right, of all (the i->c of SCoRe, Kumar et al. 2024, arXiv:2409.12917)."""
        return self.gained / self.n

    @property
    def lost_share(self) -> float:
        """Right to wrong, of all (the c->i of SCoRe)."""
        return self.lost / self.n

    @property
    def mended(self) -> float | None:
        """Wrong to right, of those wrong before; None where none was."""
        wrong = self.gained + self.missed
        return self.gained / wrong if wrong else None

    @property
    def broken(self) -> float | None:
        """Right to wrong, of those right before; None where none was."""
        right = self.kept + self.lost
        return self.lost / right if right else None

    @property
    def oracle(self) -> float:
        """Accuracy of keeping the first answer where it was right, and taking the second elsewhere."""
        return (self.kept + self.lost + self.gained) / self.n

    @property
    def p(self) -> float:
        """Exact two-sided p that gains and losses are equally likely (McNemar).

        The counts must be of independent items for it to hold; the agents of one debate are not.
        """
        return mcnemar(self.lost, self.gained).p


def transitions(before: Sequence[bool], after: Sequence[bool]) -> Transitions:
    """Count what became of answers that were right or wrong before.

    Raises:
        InputError: no answers, or the two differ in length.

    >>> found = transitions([True, True, False, False], [True, False, True, True])
    >>> found.gain, found.mended, found.broken
    (0.25, 1.0, 0.5)
    """
    first, second = truths("before", before), truths("after", after)
    alike("before", first, "after", second)
    pairs = list(zip(first, second, strict=True))
    return Transitions(
        kept=pairs.count((True, True)),
        lost=pairs.count((True, False)),
        gained=pairs.count((False, True)),
        missed=pairs.count((False, False)),
    )


def transitions_by_round(items: Sequence[Deliberation], *, carry: bool = True) -> tuple[Transitions, ...]:
    """The transitions of all agents of all items from each round to the next; none for a single round.

    With `carry` an item that ended earlier counts as unchanged, so that all rounds rest on the same items.

    Raises:
        InputError: no items, or one whose right answer is not known.
    """
    found: list[Transitions] = []
    for at, having in enumerate(aligned(items, carry)):
        if at:
            before = [right for item in having for right in item.right(at - 1)]
            found.append(transitions(before, [right for item in having for right in item.right(at)]))
        else:
            _ = [item.right(0) for item in having]
    return tuple(found)
