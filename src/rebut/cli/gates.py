"""Gates: what a scenario's trials must hold up to, for a build that is to fail where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import output, references

if TYPE_CHECKING:
    from ..scenarios.comparing import NoWorse
    from ..scenarios.runner import Report
    from ..scenarios.spec import ScenarioSpec
    from ..scenarios.summary import Line
    from ..scenarios.trials import Trial

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def gates(command: Decorated) -> Decorated:
    """Adds the options of the gates."""
    for option in reversed(
        (
            click.option(
                "--fail-under",
                type=click.FloatRange(0, 1),
                metavar="SHARE",
                help="Exit with 5 where one is less often right.",
            ),
            click.option(
                "--no-worse-than",
                metavar="REF",
                help="Exit with 5 unless no worse than kept trials: a file of --out, a store, a scenario.",
            ),
            click.option(
                "--margin",
                type=click.FloatRange(0, 1),
                metavar="SHARE",
                default=0.05,
                show_default=True,
                help="The loss that --no-worse-than allows.",
            ),
        )
    ):
        command = option(command)
    return command


async def kept(spec: ScenarioSpec, given: dict[str, Any]) -> dict[str, list[Trial]] | None:
    """The trials of --no-worse-than, read before anything is asked; None without the option."""
    if given["no_worse_than"] is None:
        return None
    return await references.trials_of(given["no_worse_than"], given, spec)


def passed(
    report: Report,
    lines: Sequence[Line],
    given: Mapping[str, Any],
    reference: Mapping[str, Sequence[Trial]] | None,
) -> bool:
    """Whether all gates hold; each that does not is told on stderr, and how sure that is."""
    held = _above(lines, given["fail_under"])
    return held if reference is None else _no_worse(report, given, reference) and held


def _above(lines: Sequence[Line], least: float | None) -> bool:
    below = [line for line in lines if least is not None and line.right < least]
    for line in below:
        output.tell(f"{line.label} is right in {line.right:.1%}: less than {least:.1%}")
    return not below


def _no_worse(report: Report, given: Mapping[str, Any], reference: Mapping[str, Sequence[Trial]]) -> bool:
    from rebut.errors import InputError

    from ..scenarios.comparing import no_worse
    from ..scenarios.runner import by_label

    trials, ref = by_label(report), given["no_worse_than"]
    common = [label for label in report.labels if label in reference and trials[label]]
    if not common:
        raise InputError(
            f"{ref} has none of the contenders of this scenario: "
            f"{', '.join(reference)} there, {', '.join(report.labels)} here"
        )
    held = True
    for label in common:
        found = no_worse(reference[label], trials[label], given["margin"])
        output.tell(sentence(label, ref, found))
        held = held and found.holds
    for label in (label for label in report.labels if label not in reference):
        output.tell(f"{label} is not in {ref}: not compared")
    return held


def sentence(label: str, ref: str, found: NoWorse) -> str:
    """What was found, in words.

    It says by how much, how sure that is, and, where nothing is shown, how many items would do.
    """
    margin = f"{100 * found.margin:.1f}"
    both = found.comparison.matched
    said = (
        f"{label}: {100 * found.gain:+.1f} points against {ref} over {found.items} items in common "
        f"(95 % sure of {100 * found.bound:+.1f} or more)"
    )
    if found.holds:
        said += f": no worse, with a margin of {margin} points"
    elif found.worse:
        said += f": worse by more than the margin of {margin} points"
    else:
        said += f": not shown to be within the margin of {margin} points ({found.sure:.0%} of resamples are)"
        if found.needed is not None and found.needed > found.items:
            said += f"; about {found.needed} items would show it if nothing has changed"
    if both.other_gold:
        said += f"; {len(both.other_gold)} items have other accepted answers there and were left out"
    if not both.seeds:
        said += "; the seeds differ, so items count with their means"
    return said
