"""``rebut scenario recommend``: which contender to take, on what ground, and with what doubt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from . import findings, options, output
from .codes import Exit
from .watching import go

if TYPE_CHECKING:
    from ..scenarios.runner import Report
    from ..scenarios.verdict import Rival, Verdict


@click.command()
@click.argument("scenario")
@click.option(
    "--tokens", type=click.FloatRange(min=0, min_open=True), help="At most so many a run, in the mean."
)
@click.option("--usd", type=click.FloatRange(min=0), help="At most so many dollars a run, in the mean.")
@options.model
@options.store
@options.as_json
def recommend(scenario: str, tokens: float | None, usd: float | None, **given: Any) -> int:
    """Say which contender to take: the cheapest that cannot be told from the best, and how sure that is.

    \b
    rebut scenario recommend arithmetic --tokens 500
    """
    from ..scenarios.verdict import recommend as decide

    report = go(findings.read(scenario, given, deep=False)).report
    verdict = decide(report, tokens=tokens, usd=usd)
    if given["as_json"]:
        output.say_json(verdict)
        return Exit.OK
    output.say("none" if verdict.hopeless else verdict.label, style={"bold": True})
    for line in _reasons(verdict, report):
        output.say(line)
    return Exit.OK


def _reasons(verdict: Verdict, report: Report) -> Iterator[str]:
    from ..view.text import many

    yield _ground(verdict)
    for rival in verdict.rivals:
        yield f"  {rival.label}: {_rival(rival, verdict.best)}"
    if verdict.noise and not verdict.hopeless:
        yield "none of these differences stands out of chance"
    if verdict.left_out:
        yield f"left out (over the limits, or no trials): {', '.join(verdict.left_out)}"
    if verdict.detectable is not None:
        yield f"{verdict.items} items find differences of {100 * verdict.detectable:.0f} points and more"
    if verdict.aside:
        yield f"{many(verdict.aside, 'trial')} left aside, of items that not all of them have met"
    if len(report.trials) < report.wanted:
        yield f"only {len(report.trials)} of {report.wanted} trials were made"


def _ground(verdict: Verdict) -> str:
    """Why this one."""
    if verdict.hopeless:
        return (
            f"no contender is right on any of the {verdict.items} items; the cheapest is {verdict.label}: "
            "try a stronger model, or look at the answers (rebut scenario report)"
        )
    if not verdict.rivals:
        return f"the only contender within the limits, right in {verdict.right:.1%}"
    if verdict.label != verdict.best:
        said = f"the cheapest that these trials do not tell from {verdict.best}, the most often right"
        return f"{said} ({verdict.right:.1%})"
    if verdict.equals:
        same = " and ".join(verdict.equals)
        return f"as often right as {same} ({verdict.right:.1%}), and cheaper"
    return f"the highest share of right answers within the limits ({verdict.right:.1%})"


def _rival(rival: Rival, best: str) -> str:
    cost = "" if rival.tokens is None else f" at {rival.tokens:.2g} times the tokens"
    if not rival.behind:
        return f"as often right as {best}{cost}"
    ends = rival.interval
    sure = "" if ends is None else f" ({100 * ends.low:+.0f} to {100 * ends.high:+.0f})"
    said = f"{100 * rival.behind:.1f} points behind {best}{sure}{cost}, p = {rival.p:.2g}"
    if rival.told_apart:
        return f"{said}, worse"
    said += ", not told apart: noise could explain it"
    if rival.needed is None:
        return said
    return f"{said}; about {rival.needed:,} items would tell a true difference of this size"
