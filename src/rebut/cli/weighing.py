"""``rebut scenario show``, ``compare`` and ``recommend``: what the trials that were made say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from . import inputs, options, output
from .codes import Exit
from .standings import told
from .watching import go

if TYPE_CHECKING:
    from ..scenarios.confidence import Calibrated
    from ..scenarios.deliberation import Inside
    from ..scenarios.runner import Report
    from ..scenarios.summary import Line
    from ..scenarios.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """The trials of a scenario in a store, and what their runs tell of their agents."""

    report: Report
    inside: list[Inside] = field(default_factory=list)
    calibrated: list[Calibrated] = field(default_factory=list)


@click.command()
@click.argument("scenario")
@options.model
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the first N items.")
@click.option("--deliberation", is_flag=True, help="What the agents of each workflow made of each other.")
@click.option("--calibration", is_flag=True, help="How far each workflow's confidence is to be believed.")
@options.store
@options.as_json
def show(scenario: str, **given: Any) -> int:
    """Print the table of the trials that were made; nothing is asked.

    \b
    rebut scenario show arithmetic
    rebut scenario show arithmetic --deliberation --calibration
    """
    from ..scenarios.summary import summary
    from . import insides

    deep = given["deliberation"] or given["calibration"] or given["as_json"]
    found = go(_read(scenario, given, deep=deep))
    lines = summary(found.report)
    if given["as_json"]:
        told(found.report, lines, as_json=True, more=_deep(found, lines))
        return Exit.OK
    told(found.report, lines, as_json=False)
    if given["deliberation"]:
        insides.told(found.inside)
    if given["calibration"]:
        insides.calibration(found.calibrated)
    if len(found.report.trials) < found.report.wanted:
        made, wanted = len(found.report.trials), found.report.wanted
        output.tell(f"{made} of {wanted} trials were made (rebut scenario run goes on)")
    return Exit.OK


def _deep(found: Found, lines: list[Line]) -> dict[str, Any]:
    from ..scenarios.worth import GAMMA, worth
    from . import insides

    return {
        "deliberation": [insides.as_json(one) for one in found.inside],
        "calibration": found.calibrated,
        "worth": {"gamma": GAMMA, "ranks": worth(lines)},
    }


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
    return (await _read(ref, given, deep=False)).report


async def _read(ref: str, given: dict[str, Any], *, deep: bool) -> Found:
    """What the store holds of a scenario; with `deep` what its runs tell of their agents, too."""
    import rebut
    from rebut.errors import InputError

    from ..scenarios.confidence import calibrated
    from ..scenarios.deliberation import courses, inside
    from ..scenarios.loader import load
    from ..scenarios.runner import Runner

    async with rebut.Runtime(given["store"]) as runtime:
        models = inputs.models_of(given["models"])
        runner = Runner(load(ref), runtime, models=models, limit=given.get("limit"))
        report = await runner.found()
        if not report.trials:
            raise InputError(
                f"no trials of {report.spec.name!r} in the store: begin with rebut scenario run {ref}"
            )
        if not deep:
            return Found(report)
        found = await courses(report, runner.entrants, runtime)
    kinds = {entrant.label: entrant.workflow.kind for entrant in runner.entrants}
    return Found(report, inside(report, found, kinds), calibrated(report, found))
