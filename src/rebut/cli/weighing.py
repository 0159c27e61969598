"""``rebut scenario show``, ``compare`` and ``recommend``: what the trials that were made say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from . import inputs, options, output
from .codes import Exit
from .standings import told
from .watching import go

if TYPE_CHECKING:
    from ..scenarios.runner import Report
    from ..scenarios.verdict import Verdict


@click.command()
@click.argument("scenario")
@options.model
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the first N items.")
@options.store
@options.as_json
def show(scenario: str, **given: Any) -> int:
    """Print the table of the trials that were made; nothing is asked.

    \b
    rebut scenario show arithmetic
    """
    from ..scenarios.summary import summary

    report = go(_found(scenario, given))
    told(report, summary(report), as_json=given["as_json"])
    if len(report.trials) < report.wanted and not given["as_json"]:
        output.tell(f"{len(report.trials)} of {report.wanted} trials were made (rebut scenario run goes on)")
    return Exit.OK


@click.command()
@click.argument("scenario")
@click.argument("first")
@click.argument("second")
@options.model
@options.store
@options.as_json
def compare(scenario: str, first: str, second: str, **given: Any) -> int:
    """Compare two contenders item by item: the difference, and the items that changed.

    \b
    rebut scenario compare arithmetic solve "vote of 5"
    """
    from ..scenarios.runner import by_label
    from ..scenarios.summary import against
    from ..scenarios.verdict import changed

    report = go(_found(scenario, given))
    found, trials = changed(report, first, second), by_label(report)
    pair = against(trials[second], trials[first])
    if given["as_json"]:
        output.say_json({"first": first, "second": second, "pair": pair, "changed": found})
        return Exit.OK
    if pair is None:
        output.tell(f"{first} and {second} have no item in common yet")
        return Exit.NO_ANSWER
    said = (
        ""
        if pair.interval is None
        else f" ({100 * pair.interval.low:+.1f} to {100 * pair.interval.high:+.1f})"
    )
    won = sum(item.won for item in found)
    output.say(f"{second} against {first}: {100 * pair.gain:+.1f} points{said}, p = {pair.p:.2g}")
    output.say(f"{won} won, {len(found) - won} lost")
    if found:
        output.say()
        output.say_table(
            ("ITEM", "", first.upper(), second.upper(), "RUNS"),
            [
                (c.item, "won" if c.won else "lost", str(c.before), str(c.after), " ".join(c.runs))
                for c in sorted(found, key=lambda c: c.won)
            ],
        )
    return Exit.OK


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

    report = go(_found(scenario, given))
    verdict = decide(report, tokens=tokens, usd=usd)
    if given["as_json"]:
        output.say_json(verdict)
        return Exit.OK
    output.say(verdict.label, style={"bold": True})
    for line in _reasons(verdict, report):
        output.say(line)
    return Exit.OK


def _reasons(verdict: Verdict, report: Report) -> Iterator[str]:
    if verdict.label == verdict.best:
        yield "the highest share of right answers within the limits"
    else:
        yield f"the cheapest that these trials do not tell from the best ({verdict.best})"
    for rival in verdict.rivals:
        apart = "worse" if rival.told_apart else "not told apart: noise could explain it"
        behind = f"{100 * rival.behind:.1f} points behind {verdict.best}"
        yield f"  {rival.label}: {behind}, p = {rival.p:.2g}, {apart}"
    if verdict.left_out:
        yield f"left out (over the limits, or no trials): {', '.join(verdict.left_out)}"
    items = len({trial.item for trial in report.trials})
    if verdict.detectable is not None:
        yield f"{items} items find differences of {100 * verdict.detectable:.0f} points and more"
    if len(report.trials) < report.wanted:
        yield f"only {len(report.trials)} of {report.wanted} trials were made"


async def _found(ref: str, given: dict[str, Any]) -> Report:
    """What the store holds of a scenario."""
    import rebut
    from rebut.errors import InputError

    from ..scenarios.loader import load
    from ..scenarios.runner import Runner

    async with rebut.Runtime(given["store"]) as runtime:
        models = inputs.models_of(given["models"])
        report = await Runner(load(ref), runtime, models=models, limit=given.get("limit")).found()
    if not report.trials:
        raise InputError(
            f"no trials of {report.spec.name!r} in the store: begin with rebut scenario run {ref}"
        )
    return report
