"""Self-correction taken apart: confidence in right answers, and critique of wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean

from rebut.errors import InputError

from ..statistics.checks import alike, enough, fractions, truths


@dataclass(frozen=True, slots=True)
class Correction:
    """How first answers fared when they were looked at again.

    Attributes:
        first: accuracy of first answers (Acc1).
        final: accuracy of final answers (Acc2).
        confidence_level: chance that a right answer stays right (CL); None where none was right.
        critique_score: chance that a wrong answer becomes right (CS); None where none was wrong.
        relative: relative self-correction score (RSS), below; None where `first` is 0 or 1.

    Where both exist, ``final = first * confidence_level + (1 - first) * critique_score``, and ``relative``
    is .5 exactly where `final` equals `first`.
    """

    first: float
    final: float
    confidence_level: float | None
    critique_score: float | None
    relative: float | None


def correction(items: Sequence[Sequence[tuple[bool, bool]]]) -> Correction:
    """Confidence level, critique score and RSS from repeated runs (Yang et al. 2024, arXiv:2412.19513).

    Each item has its runs, each run is (first answer right, final answer right). With p, u and v the
    item's shares of right first answers, of right ones that stay right, and of wrong ones that become
    right, as `correction_of` takes them. Items count alike, however many runs they have.

    Raises:
        InputError: no items, an item without runs, or a run that is not two truth values.
    """
    enough("items", items, 1)
    shares = [_shares(f"items[{i}]", runs) for i, runs in enumerate(items)]
    return correction_of(*(list(column) for column in zip(*shares, strict=True)))


def _shares(what: str, runs: Sequence[tuple[bool, bool]]) -> tuple[float, float, float]:
    enough(what, runs, 1)
    for k, run in enumerate(runs):
        _two(f"{what}[{k}]", run)
    first = truths(f"first answers of {what}", [a for a, _ in runs])
    final = truths(f"final answers of {what}", [b for _, b in runs])
    stayed = [b for a, b in zip(first, final, strict=True) if a]
    mended = [b for a, b in zip(first, final, strict=True) if not a]
    return fmean(first), fmean(stayed) if stayed else 0.0, fmean(mended) if mended else 0.0


def _two(what: str, run: object) -> None:
    if not isinstance(run, tuple | list) or len(run) != 2:
        raise InputError(f"{what} must be two truth values: {run!r}")


def correction_of(right: Sequence[float], stays: Sequence[float], mends: Sequence[float]) -> Correction:
    """The same from probabilities, of each item p, u and v::

        Acc1 = mean p              CL = sum p u / sum p
        Acc2 = mean p u + (1 - p) v    CS = sum (1 - p) v / sum (1 - p)
        RSS  = (Acc2 - Acc1^2) / (2 Acc1 (1 - Acc1))

    Args:
        right: the probability p that the first answer is right.
        stays: u, that the final answer is right given that the first was; of no account where p is 0.
        mends: v, that it is given that the first was wrong; of no account where p is 1.

    Raises:
        InputError: no items, a probability outside of [0, 1], or lists of unlike length.

    >>> found = correction_of([0.5, 1.0], [0.5, 1.0], [0.5, 0.0])
    >>> found.first, found.final, found.critique_score, found.relative
    (0.75, 0.75, 0.5, 0.5)
    """
    p, u, v = fractions("right", right), fractions("stays", stays), fractions("mends", mends)
    alike("right", p, "stays", u)
    alike("right", p, "mends", v)
    n, first = len(p), fmean(p)
    held = fsum(a * b for a, b in zip(p, u, strict=True))
    won = fsum((1 - a) * b for a, b in zip(p, v, strict=True))
    wrong = fsum(1 - a for a in p)
    final = _share(held + won, n)
    return Correction(
        first=first,
        final=final,
        confidence_level=_share(held, fsum(p)) if first else None,
        critique_score=_share(won, wrong) if wrong else None,
        relative=relative_score(first, final),
    )


def _share(part: float, whole: float) -> float:
    """part / whole, which rounding of the summands may otherwise put a hair above 1."""
    return min(1.0, part / whole)


def relative_score(first: float, final: float) -> float | None:
    """RSS, (Acc2 - Acc1^2) / (2 Acc1 (1 - Acc1)): .5 where nothing is gained; None for an Acc1 of 0 or 1.

    It may leave [0, 1].

    >>> relative_score(0.6, 0.6)
    0.5
    """
    acc1, acc2 = fractions("accuracies", [first, final])
    if acc1 in (0, 1):
        return None
    return 0.5 + (acc2 - acc1) / (2 * acc1 * (1 - acc1))
