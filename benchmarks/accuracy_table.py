"""The tables of the accuracy benchmark: shares with their intervals, costs, and the comparison in pairs."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from accuracy_rows import NAME, Row, Session

from rebut.scenarios.statistics import mcnemar, wilson

BASE = "greedy"

LEGEND = """\
All means are per question. `s / question` is the time in which the workflow was at work, divided by its
questions (several run at once); cached prompt tokens include what an earlier workflow left in the server's
cache by asking the same question; `latency` is the median time of one question among the others. `re-asks`
and `repairs` count replies that did not fit what the role returns. `abstained`: replies that gave nothing
after all re-asks, and samples without an answer to vote with. `failed`: whole runs, and calls within runs
that went on. A question without an answer counts as wrong."""


def busy(rows: Sequence[Row]) -> float:
    """Seconds in which at least one of the rows was being worked on."""
    total, until = 0.0, -math.inf
    for start, end in sorted((row.started, row.ended) for row in rows):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def page(rows: Mapping[str, Sequence[Row]], sessions: Sequence[Session], asked: int, note: str = "") -> str:
    """The whole document. `rows` by workflow, in order; `asked` is how many questions were wanted of each."""
    missing = {name: asked - len(mine) for name, mine in rows.items() if len(mine) < asked}
    parts = [
        f"# {NAME}: what workflows gain and cost",
        head(sessions),
        _parameters(rows),
        table(rows),
        LEGEND,
    ]
    if missing:
        said = ", ".join(f"{name} {count}" for name, count in missing.items())
        parts.append(f"**Not finished.** Of {asked} questions for each workflow these are missing: {said}.")
    if note:
        parts.append(note)
    if pairs := paired(rows):
        parts += [f"## In pairs with {BASE}", pairs]
    return "\n\n".join(parts) + "\n"


def head(sessions: Sequence[Session]) -> str:
    """How, where and when the rows were made; a line for each thing, all of its values when it changed."""
    facts = {
        "command": [f"`{s.command}`" for s in sessions],
        "model": [f"`{s.model}`" for s in sessions],
        "machine": [s.machine for s in sessions],
        "versions": [s.versions for s in sessions],
        "date": [s.session for s in sessions],
        "seed": [str(s.seed) for s in sessions],
        "at once": [f"{s.concurrency} questions" for s in sessions],
    }
    return "\n".join(f"- {name}: {'; '.join(dict.fromkeys(values))}" for name, values in facts.items())


def _parameters(rows: Mapping[str, Sequence[Row]]) -> str:
    lines = []
    for name, mine in rows.items():
        if mine and mine[0].params:
            said = ", ".join(f"{key}={_value(value)}" for key, value in mine[0].params.items())
            lines.append(f"- {name}: {said}")
    return "Parameters:\n\n" + "\n".join(lines) if lines else ""


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


HEADINGS = (
    "workflow", "n", "accuracy", "95 % interval", "no answer", "calls", "prompt tokens (cached)",
    "completion tokens", "s / question", "latency s", "re-asks", "repairs", "abstained", "failed", "stopped",
)  # fmt: skip


def table(rows: Mapping[str, Sequence[Row]]) -> str:
    """One line a workflow."""
    return markdown(HEADINGS, [_line(name, mine) for name, mine in rows.items() if mine])


def _line(name: str, rows: Sequence[Row]) -> list[str]:
    n, right = len(rows), sum(row.correct for row in rows)
    low, high = wilson(right, n)
    prompt, cached = sum(row.prompt for row in rows), sum(row.cached for row in rows)
    notes = sum((Counter(row.notes) for row in rows), Counter[str]())
    stops = Counter(row.stop for row in rows)
    return [
        name,
        str(n),
        f"{right / n:.1%}",
        f"{low:.1%} to {high:.1%}",
        str(sum(row.answer is None for row in rows)),
        f"{sum(row.calls for row in rows) / n:.1f}",
        f"{prompt / n:,.0f} ({cached / prompt:.0%})" if prompt else "0",
        f"{sum(row.completion for row in rows) / n:,.0f}",
        f"{busy(rows) / n:.1f}",
        f"{statistics.median(row.seconds for row in rows):.1f}",
        str(notes["reasked"]),
        str(notes["repaired"]),
        _two(notes["abstained"], "in replies", sum(row.lost_votes for row in rows), "in votes"),
        _two(stops["failed"], "of runs", notes["failed"], "of calls"),
        ", ".join(f"{stop} {count}" for stop, count in stops.most_common()),
    ]


def _two(first: int, ones: str, second: int, others: str) -> str:
    said = [f"{count} {what}" for count, what in ((first, ones), (second, others)) if count]
    return ", ".join(said) or "0"


def paired(rows: Mapping[str, Sequence[Row]]) -> str:
    """Each workflow beside the base on the questions that both were asked; empty without a base."""
    base = {row.id: row.correct for row in rows.get(BASE, ())}
    lines = []
    for name, mine in rows.items():
        both = [(base[row.id], row.correct) for row in mine if row.id in base]
        if name != BASE and both:
            won, lost = both.count((False, True)), both.count((True, False))
            gain = (won - lost) / len(both)
            counts = [str(len(both)), str(won), str(lost)]
            lines.append([name, *counts, f"{gain * 100:+.1f} points", f"{mcnemar(lost, won).p:.3f}"])
    titles = ("workflow", "questions", f"only it right, not {BASE}", f"only {BASE} right", "gain", "exact p")
    note = "p is two-sided, by McNemar's exact test, and not corrected for the number of workflows."
    return f"{markdown(titles, lines)}\n\n{note}" if lines else ""


def markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text, the others stand to the right."""
    rule = "|---|" + "---:|" * (len(headings) - 1)
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in (headings, *lines)]
    shown = ["| " + " | ".join(line) + " |" for line in cells]
    return "\n".join([shown[0], rule, *shown[1:]])
