"""``rebut scenario show`` and ``compare``: what the trials that were made say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import comparisons, findings, options, output, references
from .codes import Exit
from .standings import told
from .watching import go

if TYPE_CHECKING:
    from ..scenarios.spec import ScenarioSpec
    from ..scenarios.subsampling import Fewer
    from ..scenarios.summary import Line
    from ..scenarios.trials import Trial


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
    found = go(findings.read(scenario, given, deep=deep))
    lines = summary(found.report)
    if given["as_json"]:
        told(found.report, lines, as_json=True, more=_deep(found, lines, given))
        return Exit.OK
    told(found.report, lines, as_json=False)
    if given["deliberation"]:
        insides.told(found.inside())
    if given["calibration"]:
        insides.calibration(found.calibrated())
    if len(found.report.trials) < found.report.wanted:
        made, wanted = len(found.report.trials), found.report.wanted
        output.tell(f"{made} of {wanted} trials were made (rebut scenario run goes on)")
        if found.others:
            output.tell(
                f"{found.others} more runs of this scenario are in the store: of other models, workflows, "
                "prompts, parameters or rows"
            )
    return Exit.OK


def _deep(found: findings.Found, lines: list[Line], given: dict[str, Any]) -> dict[str, Any]:
    """What JSON holds beside the table; agents are compared with each other only where asked for."""
    from ..scenarios.worth import GAMMA, worth
    from . import insides

    told = {"calibration": found.calibrated(), "worth": {"gamma": GAMMA, "ranks": worth(lines)}}
    if not given["deliberation"]:
        return told
    inside = [insides.as_json(one) for one in found.inside()]
    return told | {"deliberation": inside, "fewer_votes": found.fewer()}


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

    pairs, curves = go(_sides(refs, given))
    found = [(names, compared(first, second)) for names, first, second in pairs]
    if given["as_json"]:
        told = [comparisons.as_json(*names, pair) for names, pair in found]
        output.say_json(told[0] if len(refs) == 3 else told)
        return Exit.OK
    for (first, second), pair in found:
        comparisons.told(first, second, pair, curves)
    if len(found) > 1:
        comparisons.together([(second, pair) for (_, second), pair in found])
    return Exit.OK if all(pair is not None for _, pair in found) else Exit.NO_ANSWER


Sides = list[tuple[tuple[str, str], "Sequence[Trial]", "Sequence[Trial]"]]


async def _sides(refs: tuple[str, ...], given: dict[str, Any]) -> tuple[Sides, dict[str, list[Fewer]]]:
    """What is compared, with its names: two contenders, or those that two runs have in common.

    The second are the curves of contenders that vote, where their runs are in the store.
    """
    from rebut.errors import InputError

    if len(refs) == 3:
        return await _contenders(*refs, given)
    if len(refs) != 2:
        raise InputError("give a scenario and two of its contenders, or two runs (files, scenarios, a store)")
    trials = await references.trials_of(refs[0], given)
    others = await references.trials_of(refs[1], given, _spec(refs[0]))
    common = [label for label in trials if label in others]
    if not common:
        raise InputError(
            f"no contender is in both: {', '.join(trials)} in {refs[0]}, {', '.join(others)} in {refs[1]}"
        )
    return [
        ((f"{label} in {refs[0]}", f"{label} in {refs[1]}"), trials[label], others[label]) for label in common
    ], {}


async def _contenders(
    ref: str, first: str, second: str, given: dict[str, Any]
) -> tuple[Sides, dict[str, list[Fewer]]]:
    from rebut.errors import InputError, suggest

    from ..scenarios.runner import by_label

    curves: dict[str, list[Fewer]] = {}
    trials: Mapping[str, Sequence[Trial]]
    if _spec(ref) is None:
        trials = await references.trials_of(ref, given)
    else:
        found = await findings.read(ref, given, deep=True)
        trials, curves = by_label(found.report), found.fewer(first, second)
    for label in (first, second):
        if not trials.get(label):
            raise InputError(f"no trials of a contender {label!r}{suggest(label, list(trials))}")
    return [((first, second), trials[first], trials[second])], curves


def _spec(ref: str) -> ScenarioSpec | None:
    from ..scenarios.loader import load

    return None if references.is_file(ref) or references.is_store(ref) else load(ref)
