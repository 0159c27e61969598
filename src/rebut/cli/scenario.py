"""``rebut scenario``: workflows measured side by side on a task."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import advising, gates, inputs, inspecting, options, output, reporting, weighing
from .codes import Exit
from .progress import Progress
from .standings import table, told
from .watching import go

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..graphs.runtime import Runtime
    from ..scenarios.runner import Report
    from ..scenarios.summary import Line
    from ..scenarios.trials import Entrant


@click.group()
def scenario() -> None:
    """Measure workflows side by side on a task of yours.

    \b
    rebut scenario list
    rebut scenario run arithmetic
    """


for command in (
    weighing.show,
    weighing.compare,
    advising.recommend,
    reporting.report,
    inspecting.export,
    inspecting.import_,
):
    scenario.add_command(command)


for command in (weighing.show, weighing.compare, advising.recommend, reporting.report, inspecting.export):
    options.allow_code(command)


@scenario.command("list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the scenarios of the library."""
    from ..scenarios.loader import load, names

    found = [load(name) for name in names()]
    if as_json:
        output.say_json([{"name": s.name, "title": s.title, "cite": s.cite} for s in found])
        return
    output.say_table(("NAME", "WHAT IT MEASURES"), [(s.name, s.title) for s in found])


@scenario.command()
@click.argument("scenario")
def check(scenario: str) -> int:
    """Check a scenario's file and every row of its data; nothing is asked.

    \b
    rebut scenario check mine.yaml
    """
    return go(_check(scenario))


async def _check(ref: str) -> int:
    import rebut

    from ..scenarios.loader import load
    from ..scenarios.runner import Runner

    async with rebut.Runtime("none") as runtime:
        runner = Runner(load(ref), runtime)
        calls = _bound(runner)
    items, who = len(runner.items), len(runner.entrants)
    for warning in runner.warnings:
        output.tell(f"warning: {warning}")
    output.say(f"{runner.spec.name}: {items} items, {who} contenders, {len(runner.tasks)} runs, {calls}")
    return Exit.OK


def _bound(runner: Any) -> str:
    from rebut.errors import WorkflowError

    try:
        plans = {entrant.label: entrant.workflow.plan().calls for entrant in runner.entrants}
    except WorkflowError:
        return "as many calls as the items ask for"
    return f"at most {sum(plans[task.entrant.label] for task in runner.tasks)} calls"


@scenario.command()
@click.argument("scenario")
@options.model
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the first N items.")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Runs at a time, of each worker.")
@click.option(
    "--executor", default="local", metavar="local|ray", help="Who makes the runs; ray: its workers."
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="With ray: processes (2).")
@click.option(
    "--address", metavar="ADDRESS", help="With ray: the cluster, such as auto; else one is started."
)
@click.option("--total", metavar="LIMITS", help="Limits of all runs together, such as calls=500,usd=2.")
@options.store
@options.allow_code
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="All trials: .jsonl, .csv, .parquet."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the table.")
@gates.gates
@options.as_json
def run(scenario: str, **given: Any) -> int:
    """Run a scenario, and print a table. Given again, it goes on where it was: nothing is asked twice.

    \b
    rebut scenario run arithmetic -m local/qwen2.5-coder-0.5b -n 10
    rebut scenario run mine.yaml --total calls=500 --out trials.jsonl
    """
    return go(_run(scenario, given))


async def _run(ref: str, given: dict[str, Any]) -> int:
    from dataclasses import replace

    import rebut

    from ..models.limits import Limits
    from ..scenarios.executors.choosing import executor_of
    from ..scenarios.loader import load
    from ..scenarios.runner import Runner
    from ..scenarios.summary import summary
    from ..scenarios.trials_out import check as check_file

    if given["out"]:
        check_file(given["out"])
    spec = load(ref)
    if given["total"]:
        spec = replace(spec, total=Limits.parse(given["total"]))
    reference = await gates.kept(spec, given)
    progress = Progress(quiet=given["quiet"] or given["as_json"])
    async with rebut.Runtime(given["store"]) as runtime:
        chosen = inputs.models_of(given["models"])
        runner = Runner(
            spec,
            runtime,
            models=chosen,
            concurrency=given["concurrency"],
            limit=given["limit"],
            seen=progress.see,
            executor=executor_of(
                given["executor"],
                runtime,
                workers=given["workers"],
                address=given["address"],
                say=output.tell,
            ),
        )
        try:
            with redirect_stdout(
                sys.stderr
            ):  # Ray tells of dead workers on stdout, where only the table goes
                report = await runner.run()
        except asyncio.CancelledError:
            _stopped(runner.report, summary(runner.report), kept=runtime.store is not None)
            raise
        finally:
            progress.end()
        if given["out"]:
            await _write(given["out"], report, runner.entrants, runtime)
    for warning in runner.judges.warnings:
        output.tell(f"warning: {warning}")
    lines = summary(report)
    told(report, lines, as_json=given["as_json"])
    if not gates.passed(report, lines, given, reference):
        return Exit.BELOW
    return Exit.PARTIAL if report.stopped else Exit.OK


async def _write(out: Path, report: Report, entrants: Sequence[Entrant], runtime: Runtime) -> None:
    """Write all trials, with how sure their answers are said to be."""
    from rebut.errors import StoreError

    from ..scenarios.confidence import sureness
    from ..scenarios.deliberation import courses
    from ..scenarios.trials_out import write_trials

    try:
        found = await courses(report, entrants, runtime)
    except StoreError as error:  # what was found and paid for is written all the same
        output.tell(f"warning: {out} says nothing of how sure answers are: {error}")
        found = {}
    write_trials(out, report.trials, sureness(report, found))


def _stopped(report: Report, lines: list[Line], *, kept: bool) -> None:
    if lines:
        table(lines)
    output.tell("the same command goes on from here" if kept else "nothing was kept")
