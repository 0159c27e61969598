"""One line about a scenario under way: trials done, how they went, how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import click

from . import output

if TYPE_CHECKING:
    from ..scenarios.runner import Report
    from ..scenarios.trials import Trial

ENOUGH = 3
"""New trials from which the rate is told: the first ones wait for their model to be loaded."""

SOON = 1.0
"""Seconds of trials before which there is no rate."""


class Progress:
    """One line on stderr: trials done, right so far and its interval, cost, rate, time left, who is slow."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = output.is_terminal(sys.stderr)
        self._shown = self._first = 0.0
        self._right = self._seen = 0
        self._usd: float | None = 0.0
        self._done: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def see(self, report: Report, trial: Trial | None) -> None:
        """Count a new trial, or those that were found in the store (None)."""
        for one in [trial] if trial else report.trials:
            self._seen, self._right = self._seen + 1, self._right + one.right
            self._usd = None if self._usd is None or one.usage.usd is None else self._usd + one.usage.usd
            self._done[one.label] += 1
        if trial is None and report.trials:
            self._say(f"{len(report.trials)} of {report.wanted} were made before", last=True)
        now, last = time.monotonic(), self._seen == report.wanted
        if trial is not None:
            self._time(trial, now)
        if last or now - self._shown > (0.2 if self._live else 5):
            self._shown = now
            self._say(self._line(report, now), last=last)

    def end(self) -> None:
        """Leave the line."""
        if self._live and not self._quiet:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _time(self, trial: Trial, now: float) -> None:
        self._first = self._first or now
        self._new[trial.label] += 1
        self._seconds[trial.label] += trial.seconds

    def _line(self, report: Report, now: float) -> str:
        from ..scenarios.statistics.means import wilson
        from ..view.text import clock, money

        said = f"{report.spec.name}: {self._seen} of {report.wanted}"
        if self._seen:
            likely = wilson(self._right, self._seen)
            said += f", {self._right / self._seen:.0%} right ({likely.low:.0%} to {likely.high:.0%})"
            said += f", {money(self._usd)}"
        new, left = self._new.total(), report.wanted - self._seen
        if new < ENOUGH or now - self._first < SOON:
            return said
        each = (now - self._first) / (new - 1)
        said += f", {60 / each:.1f} a minute"
        if left:
            said += f", {clock(each * self._work_left(report))} to go"
        if slow := self._slow(report):
            said += f", slowest {slow} ({clock(self._seconds[slow] / self._new[slow])} each)"
        return said

    def _work_left(self, report: Report) -> float:
        """How many trials of the mean length are left: who is slow may have most of them left."""
        means = {label: self._seconds[label] / n for label, n in self._new.items()}
        mean = sum(self._seconds.values()) / self._new.total()
        if not mean:
            return report.wanted - self._seen
        share = report.wanted / len(report.labels)
        return sum((share - self._done[x]) * means.get(x, max(means.values())) for x in report.labels) / mean

    def _slow(self, report: Report) -> str | None:
        """Who takes the longest in the mean; None where there is nobody to be compared with."""
        if len(report.labels) < 2 or len(self._new) < len(report.labels):
            return None
        return max(self._new, key=lambda label: self._seconds[label] / self._new[label])

    def _say(self, line: str, *, last: bool) -> None:
        if self._quiet:
            return
        if self._live:
            click.echo(f"\r\x1b[K{line}", err=True, nl=last)
        else:
            output.tell(line)
