"""``rebut scenario show``, ``compare`` and ``recommend``: what the trials that were made say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from . import comparisons, inputs, options, output, references
from .codes import Exit
from .standings import told
from .watching import go

if TYPE_CHECKING:
    from ..memory.values import RunInfo
    from ..scenarios.confidence import Calibrated
    from ..scenarios.deliberation import Inside
    from ..scenarios.runner import Report, Runner
    from ..scenarios.spec import ScenarioSpec
    from ..scenarios.summary import Line
    from ..scenarios.trials import Trial
    from ..scenarios.verdict import Rival, Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """The trials of a scenario in a store, and what their runs tell of their agents.

    `others` are ended runs of the scenario that are none of its trials any more.
    """

    report: Report
    others: int = 0
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
        if found.others:
            output.tell(
                f"{found.others} more runs of this scenario are in the store: of other models, workflows, "
                "prompts, parameters or rows"
            )
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
@click.argument("refs", nargs=-1, required=True, metavar="SCENARIO FIRST SECOND | REF REF")
@options.model
@options.store
@options.as_json
def compare(refs: tuple[str, ...], **given: Any) -> int:
    """Compare two contenders of a scenario, or two runs: the difference, and the items that changed.

    A run is a file that --out wrote, a scenario in the store, or (in the second place) another store.

    \b
    rebut scenario compare arithmetic solve "vote of 5"
    rebut scenario compare before.jsonl after.jsonl
    """
    from ..scenarios.comparing import compared

    pairs = go(_sides(refs, given))
    found = [(names, compared(first, second)) for names, first, second in pairs]
    if given["as_json"]:
        told = [comparisons.as_json(*names, pair) for names, pair in found]
        output.say_json(told[0] if len(refs) == 3 else told)
        return Exit.OK
    for (first, second), pair in found:
        comparisons.told(first, second, pair)
    if len(found) > 1:
        comparisons.together([(second, pair) for (_, second), pair in found])
    return Exit.OK if all(pair is not None for _, pair in found) else Exit.NO_ANSWER


Sides = list[tuple[tuple[str, str], "Sequence[Trial]", "Sequence[Trial]"]]


async def _sides(refs: tuple[str, ...], given: dict[str, Any]) -> Sides:
    """What is compared, with its names: two contenders, or those that two runs have in common."""
    from rebut.errors import InputError, suggest

    if len(refs) not in (2, 3):
        raise InputError("give a scenario and two of its contenders, or two runs (files, scenarios, a store)")
    spec = _spec(refs[0])
    trials = await references.trials_of(refs[0], given)
    if len(refs) == 3:
        for label in refs[1:]:
            if label not in trials:
                raise InputError(f"no contender {label!r}{suggest(label, list(trials))}")
        return [((refs[1], refs[2]), trials[refs[1]], trials[refs[2]])]
    others = await references.trials_of(refs[1], given, spec)
    common = [label for label in trials if label in others]
    if not common:
        raise InputError(
            f"no contender is in both: {', '.join(trials)} in {refs[0]}, {', '.join(others)} in {refs[1]}"
        )
    return [
        ((f"{label} in {refs[0]}", f"{label} in {refs[1]}"), trials[label], others[label]) for label in common
    ]


def _spec(ref: str) -> ScenarioSpec | None:
    from ..scenarios.loader import load

    return None if references.is_file(ref) or references.is_store(ref) else load(ref)


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
    output.say("none" if verdict.hopeless else verdict.label, style={"bold": True})
    for line in _reasons(verdict, report):
        output.say(line)
    return Exit.OK


def _reasons(verdict: Verdict, report: Report) -> Iterator[str]:
    yield _ground(verdict)
    for rival in verdict.rivals:
        yield f"  {rival.label}: {_rival(rival, verdict.best)}"
    if verdict.noise and not verdict.hopeless:
        yield "none of these differences stands out of chance"
    if verdict.left_out:
        yield f"left out (over the limits, or no trials): {', '.join(verdict.left_out)}"
    if verdict.detectable is not None:
        yield f"{verdict.items} items find differences of {100 * verdict.detectable:.0f} points and more"
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


async def _found(ref: str, given: dict[str, Any]) -> Report:
    """What the store holds of a scenario."""
    return (await _read(ref, given, deep=False)).report


def _others(runner: Runner, known: list[RunInfo]) -> int:
    """Ended runs of a scenario that are none of its trials, and no grading of one."""
    mine = {task.run for task in runner.tasks}
    judges = {PurePath(metric.judge).stem for metric in runner.spec.metrics if metric.judge}
    return sum(
        info.status == "finished" and info.id not in mine and info.start.workflow not in judges
        for info in known
    )


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
        known = await runtime.store.runs_of(runner.spec.name) if runtime.store else []
        report = await runner.found()
        others = _others(runner, known)
        if not report.trials:
            raise InputError(
                f"no trials of {report.spec.name!r} in the store: begin with rebut scenario run {ref}"
            )
        others = 0 if given.get("limit") else others
        if not deep:
            return Found(report, others)
        found = await courses(report, runner.entrants, runtime)
    kinds = {entrant.label: entrant.workflow.kind for entrant in runner.entrants}
    return Found(report, others, inside(report, found, kinds), calibrated(report, found))
