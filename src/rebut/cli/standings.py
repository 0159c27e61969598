"""The table of a scenario: a line for each workflow that takes part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..scenarios.metrics import Measured
    from ..scenarios.runner import Report
    from ..scenarios.summary import Line
    from ..scenarios.trials import Trial


def told(report: Report, lines: list[Line], *, as_json: bool, more: Mapping[str, Any] | None = None) -> None:
    """Print the table, or JSON (with `more` in it), and what went wrong."""
    from dataclasses import asdict

    if as_json:
        said = {"scenario": report.spec.name, "stopped": report.stopped, "lines": list(map(asdict, lines))}
        output.say_json(said | dict(more or {}))
        return
    table(lines)
    for error, count in _errors(report.trials):
        output.tell(f"{count} failed: {error}")
    if report.stopped:
        output.tell(f"stopped: {report.stopped}")


def _errors(trials: list[Trial]) -> list[tuple[str, int]]:
    from collections import Counter

    return Counter(trial.error for trial in trials if trial.error).most_common(3)


HEADINGS = (
    "WORKFLOW",
    "N",
    "RIGHT",
    "95 % INTERVAL",
    "AGAINST BASE",
    "P",
    "CALLS",
    "TOKENS",
    "COST",
    "TIME",
    "NO ANSWER",
)


def table(lines: list[Line]) -> None:
    """Print a line for each entrant."""
    from ..view.text import clock, money, short

    rows: list[tuple[str, ...]] = []
    for line in lines:
        low, high = line.interval
        gain = "" if line.gain is None else f"{100 * line.gain:+.1f}"
        if line.gain_interval is not None:
            gain += f" ({100 * line.gain_interval.low:+.0f}..{100 * line.gain_interval.high:+.0f})"
        rows.append(
            (
                line.label,
                str(line.n),
                f"{line.right:.1%}",
                f"{low:.0%}..{high:.0%}",
                gain or "base",
                "" if line.p_holm is None else f"{line.p_holm:.2g}",
                f"{line.calls:.1f}",
                short(round(line.tokens)),
                money(line.usd),
                clock(line.seconds),
                str(line.none) + (f" ({line.failed} failed)" if line.failed else ""),
            )
        )
    output.say_table(HEADINGS, rows)
    _beside(lines)


def _beside(lines: list[Line]) -> None:
    """Print what is measured beside right answers: a column for each metric."""
    names = list(dict.fromkeys(name for line in lines for name in line.metrics))
    if not names:
        return
    output.say()
    rows = [(line.label, *(_cell(line.metrics.get(name)) for name in names)) for line in lines]
    output.say_table(("WORKFLOW", *(name.upper() for name in names)), rows)


def _cell(one: Measured | None) -> str:
    """``0.620 (0.55..0.70), +0.050 p 0.04``: the mean, its interval, and how it stands against the base."""
    if one is None:
        return ""
    said = f"{one.mean:.3f}"
    if one.interval is not None:
        said += f" ({one.interval.low:.2f}..{one.interval.high:.2f})"
    if one.gain is not None:
        said += f", {one.gain:+.3f}"
    return said + (f" p {one.p_holm:.2g}" if one.p_holm is not None else "")
