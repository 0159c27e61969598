"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

store = click.option(
    "--store",
    metavar="PATH|none",
    help="Where runs are kept: file, PostgreSQL URL or none.",
)

param = click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter; see rebut describe.",
)

model = click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="[ROLE=]MODEL",
    help="Model of all, a role or an agent.",
)


def _allow(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        from ..scenarios.grading import CODE_ALLOWED

        token = CODE_ALLOWED.set(True)
        context.call_on_close(lambda: CODE_ALLOWED.reset(token))


allow_code = click.option(
    "--allow-code",
    is_flag=True,
    expose_value=False,
    callback=_allow,
    envvar="REBUT_ALLOW_CODE",
    help="Run programs that models wrote, shut in, where answers are checked by tests.",
)

budget = click.option("--budget", metavar="LIMITS", help="Stop there, such as calls=10,usd=0.5,seconds=60.")

STATUS = click.Choice(("finished", "failed", "cancelled", "interrupted", "running"))


def chosen(command: Decorated) -> Decorated:
    """Adds the options that choose runs of a store."""
    for option in reversed(
        (
            click.option("--scenario", metavar="NAME", default="", help="Only runs of a scenario."),
            click.option("--status", "statuses", multiple=True, type=STATUS, help="Only runs that stand so."),
            click.option("--since", metavar="AGE|DATE", help="Only runs that began since, such as 7d."),
            click.option(
                "--until", metavar="AGE|DATE", help="Only runs that began before, such as 2026-11-01."
            ),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Look:
    """How a run is shown: `form` is one of answer, json, events; the others are flags."""

    form: str = "answer"
    quiet: bool = False
    plain: bool = False
    no_color: bool = False


def look(command: Decorated) -> Decorated:
    """Adds the options of how a run is shown; `look_of` reads them."""
    for option in reversed(
        (
            click.option("-q", "--quiet", is_flag=True, help="No view of the run, only the answer."),
            click.option("--plain", is_flag=True, help="One line an event instead of the live view."),
            click.option("--no-color", is_flag=True, help="No colours (so does NO_COLOR=1)."),
            click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object."),
            click.option("--events", is_flag=True, help="Print the run's events as JSON lines."),
        )
    ):
        command = option(command)
    return command


def look_of(*, quiet: bool, plain: bool, no_color: bool, as_json: bool, events: bool) -> Look:
    """The look that the options ask for.

    Raises:
        UsageError: both JSON forms are asked for.
    """
    if as_json and events:
        raise click.UsageError("--json and --events exclude each other")
    return Look("json" if as_json else "events" if events else "answer", quiet, plain, no_color)
