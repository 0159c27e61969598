"""What went on inside of trials, in words: for tables on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .deliberation import Exchange, Inside, Round
from .measures.changes import Transitions
from .statistics.means import Estimate

Column = tuple[str, Sequence[str]]

NOTED = {
    "reasked": "asked again",
    "repaired": "replies repaired",
    "abstained": "no answer in a reply",
    "failed": "failed calls",
    "quorum": "fewer replies than asked for",
    "tie": "ties",
    "fallback": "fallback answers",
    "stopped_early": "stopped early",
    "budget": "ended by the budget",
}
"""What the notes of runs are called."""


def size(found: Exchange) -> str:
    """Where answers were exchanged, how many, and in how many rounds."""
    seats = "one answer" if found.seats == 1 else f"{found.seats:.3g} answers"
    rounds = "1 round" if found.used == 1 else f"{found.used:.3g} rounds"
    return f"{found.name}: {seats} a round, {rounds} in the mean of {found.trials} trials"


def columns(rounds: Sequence[Round]) -> list[Column]:
    """What is known of each round, as columns of words; those of which nothing is known are left out."""
    agreements = [one.agreement for one in rounds]
    found = [
        ("Round", [str(one.round) for one in rounds]),
        ("Alike", [_share(one.pairwise if one else None) for one in agreements]),
        ("Unanimous", [_share(one.unanimous if one else None) for one in agreements]),
        ("Alpha", ["" if one.alpha is None else f"{one.alpha:.2f}" for one in rounds]),
        ("Diversity", ["" if one.diversity is None else f"{one.diversity:.0f}" for one in rounds]),
        ("Wrong to right", [_moved(one.changes, gained=True) for one in rounds]),
        ("Right to wrong", [_moved(one.changes, gained=False) for one in rounds]),
        ("Gain", [_gain(one.gain) for one in rounds]),
    ]
    return [(name, cells) for name, cells in found if any(cells)]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _moved(found: Transitions | None, *, gained: bool) -> str:
    if found is None:
        return ""
    moved, of = (found.gained, found.missed) if gained else (found.lost, found.kept)
    return f"{moved} of {moved + of}"


def _gain(found: Estimate | None) -> str:
    if found is None:
        return ""
    ends = found.interval()
    said = f"{100 * found.mean:+.1f}"
    return said if ends is None else f"{said} ({100 * ends.low:+.0f}..{100 * ends.high:+.0f})"


def whole(found: Exchange) -> Iterator[str]:
    """What is told of all rounds together."""
    if found.flips is not None:
        yield f"{found.flips.changed:.0%} of the answers changed from the first round to the last"
    moved = found.influence
    if moved is not None and moved.tempted:
        yield f"gave a right answer up for another's wrong one: {moved.yielded} of {moved.tempted} times"
    if moved is not None and moved.offered:
        yield f"came from wrong to right when another was right: {moved.convinced} of {moved.offered} times"
    again = found.correction
    if again is not None:
        parts = (
            ("confidence level", again.confidence_level),
            ("critique score", again.critique_score),
            ("RSS", again.relative),
        )
        known = [f"{name} {value:.2f}" for name, value in parts if value is not None]
        if known:
            yield ", ".join(known)


def notes(one: Inside) -> Iterator[str]:
    """What is told of a contender beside its exchanges."""
    for way in one.ways:
        taken = way.taken
        low, high = taken.interval
        right = [("there", taken.hard_accuracy), ("elsewhere", taken.easy_accuracy)]
        known = ", ".join(f"{share:.0%} right {where}" for where, share in right if share is not None)
        yield f"{taken.share:.0%} of trials ({low:.0%}..{high:.0%}) came by {', '.join(way.nodes)}: {known}"
    if one.position is not None:
        seen = one.position
        yield (
            f"judged in both orders: {seen.pairs} pairs, {seen.consistency:.0%} alike, "
            f"leaning to the first by {seen.bias:+.2f} (p = {seen.p:.2g})"
        )
    if one.noted:
        counts = ", ".join(f"{NOTED.get(what, what)}: {count}" for what, count in one.noted.items())
        yield f"in {one.read} trials {counts}"
