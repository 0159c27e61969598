"""What went on inside of trials, and how sure their answers were, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    from ..scenarios.confidence import Calibrated
    from ..scenarios.deliberation import Exchange, Inside, Round
    from ..scenarios.statistics.means import Interval


def told(found: list[Inside]) -> None:
    """Print what went on inside of each contender."""
    from ..scenarios import wording

    for one in found:
        output.say()
        output.say(one.label, style={"bold": True})
        for exchange in one.exchanges:
            _exchange(exchange)
        for line in wording.notes(one):
            output.say(line)


def _exchange(found: Exchange) -> None:
    from ..scenarios import wording

    output.say(wording.size(found))
    columns = wording.columns(found.rounds)
    if len(columns) > 1:
        rows = list(zip(*(values for _, values in columns), strict=True))
        output.say_table([name.upper() for name, _ in columns], rows)
    for line in wording.whole(found):
        output.say(line)


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
