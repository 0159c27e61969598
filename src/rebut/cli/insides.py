"""What went on inside of trials, and how sure their answers were, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..scenarios.confidence import Calibrated
    from ..scenarios.deliberation import Exchange, Inside, Round
    from ..scenarios.measures.changes import Transitions
    from ..scenarios.statistics.means import Estimate, Interval

Column = tuple[str, "Sequence[str]"]


def told(found: list[Inside]) -> None:
    """Print what went on inside of each contender."""
    for one in found:
        output.say()
        output.say(one.label, style={"bold": True})
        for exchange in one.exchanges:
            _exchange(exchange)
        for line in _notes(one):
            output.say(line)


def _exchange(found: Exchange) -> None:
    seats = "one answer" if found.seats == 1 else f"{found.seats:.3g} answers"
    rounds = "1 round" if found.used == 1 else f"{found.used:.3g} rounds"
    output.say(f"{found.name}: {seats} a round, {rounds} in the mean of {found.trials} trials")
    columns = [column for column in _columns(found.rounds) if any(column[1])]
    if len(columns) > 1:
        rows = list(zip(*(values for _, values in columns), strict=True))
        output.say_table([name for name, _ in columns], rows)
    for line in _whole(found):
        output.say(line)


def _columns(rounds: Sequence[Round]) -> list[Column]:
    agreements = [one.agreement for one in rounds]
    return [
        ("ROUND", [str(one.round) for one in rounds]),
        ("ALIKE", [_share(one.pairwise if one else None) for one in agreements]),
        ("UNANIMOUS", [_share(one.unanimous if one else None) for one in agreements]),
        ("ALPHA", ["" if one.alpha is None else f"{one.alpha:.2f}" for one in rounds]),
        ("DIVERSITY", ["" if one.diversity is None else f"{one.diversity:.0f}" for one in rounds]),
        ("WRONG TO RIGHT", [_moved(one.changes, gained=True) for one in rounds]),
        ("RIGHT TO WRONG", [_moved(one.changes, gained=False) for one in rounds]),
        ("GAIN", [_gain(one.gain) for one in rounds]),
    ]


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


def _whole(found: Exchange) -> Iterator[str]:
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


def _notes(one: Inside) -> Iterator[str]:
    for way in one.ways:
        taken = way.taken
        low, high = taken.interval
        right = [("there", taken.hard_accuracy), ("elsewhere", taken.easy_accuracy)]
        known = ", ".join(f"{share:.0%} right {where}" for where, share in right if share is not None)
        yield f"by {', '.join(way.nodes)}: {taken.share:.0%} of trials ({low:.0%}..{high:.0%}), {known}"
    if one.position is not None:
        seen = one.position
        yield (
            f"judged in both orders: {seen.pairs} pairs, {seen.consistency:.0%} alike, "
            f"leaning to the first by {seen.bias:+.2f} (p = {seen.p:.2g})"
        )
    if one.noted:
        told = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in one.noted.items())
        yield f"noted in {one.read} trials: {told}"


def as_json(one: Inside) -> dict[str, Any]:
    """What went on inside of a contender, with all shares worked out."""
    return {
        "label": one.label,
        "read": one.read,
        "exchanges": [_exchange_json(exchange) for exchange in one.exchanges],
        "ways": [{"nodes": way.nodes, **_fields(way.taken)} for way in one.ways],
        "noted": one.noted,
        "position": one.position
        and {**_fields(one.position), **_worked(one.position, "consistency", "bias", "p")},
    }


def _exchange_json(found: Exchange) -> dict[str, Any]:
    flips = found.flips
    return {
        "name": found.name,
        "trials": found.trials,
        "seats": found.seats,
        "rounds_used": found.used,
        "rounds": [_round_json(one) for one in found.rounds],
        "flips": flips
        and {
            "changed": flips.changed,
            "astray": flips.astray,
            "counts": {f"{a} to {b}": count for (a, b), count in flips.counts.items()},
        },
        "influence": found.influence
        and {**_fields(found.influence), **_worked(found.influence, "sycophancy", "persuasion")},
        "correction": found.correction,
    }


def _round_json(one: Round) -> dict[str, Any]:
    return {
        **_fields(one),
        "changes": one.changes
        and {**_fields(one.changes), **_worked(one.changes, "before", "after", "gain", "mended", "broken")},
    }


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _worked(value: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def calibration(found: list[Calibrated]) -> None:
    """Print how far each contender's confidence is to be believed."""
    if not found:
        output.tell("no contender says how sure its answers are")
        return
    output.say()
    output.say_table(
        ("WORKFLOW", "CONFIDENCE", "N", "MEAN", "RIGHT", "ECE", "BRIER", "AUROC", "AURC"),
        [
            (
                one.label,
                one.source,
                f"{one.n} of {one.of}",
                f"{one.confidence:.2f}",
                f"{one.right:.2f}",
                _between(one.ece, one.ece_interval),
                _between(one.brier, one.brier_interval),
                "" if one.auroc is None else _between(one.auroc, one.auroc_interval),
                f"{one.aurc:.2f}",
            )
            for one in found
        ],
    )


def _between(value: float, interval: Interval | None) -> str:
    return f"{value:.2f}" if interval is None else f"{value:.2f} ({interval.low:.2f}..{interval.high:.2f})"
