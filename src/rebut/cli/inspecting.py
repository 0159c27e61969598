"""``rebut scenario export`` and ``import``: logs of inspect_ai, for its viewer and from its evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import inputs, options, output
from .codes import Exit
from .watching import go


@click.command()
@click.argument("scenario")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--form", type=click.Choice(("eval", "json")), default="eval", show_default=True)
@options.model
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the first N items.")
@options.store
def export(scenario: str, **given: Any) -> int:
    """Write the trials that are kept as logs of inspect_ai, one for each contender.

    \b
    rebut scenario export arithmetic logs
    inspect view --log-dir logs
    """
    return go(_export(scenario, given))


async def _export(ref: str, given: dict[str, Any]) -> int:
    import rebut

    from ..scenarios.inspecting import write
    from ..scenarios.loader import load
    from ..scenarios.report import read

    async with rebut.Runtime(given["store"]) as runtime:
        models = inputs.models_of(given["models"])
        evidence = await read(load(ref), runtime, models=models, limit=given["limit"], most=0)
        written = await write(evidence, runtime, given["folder"], form=given["form"])
    for path in written:
        output.say(str(path))
    said = f"wrote {len(evidence.report.trials)} of {evidence.report.wanted} trials"
    output.tell(f"{said}; look at them with: inspect view --log-dir {given['folder']}")
    return Exit.OK


@click.command("import")
@click.argument("log", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite files.")
def import_(log: Path, scenario: Path, force: bool) -> None:
    """Make a scenario of a log of inspect_ai: its samples are the items, its outputs a contender.

    \b
    rebut scenario import logs/2026-11-21_gsm8k.eval gsm8k.yaml
    rebut scenario run gsm8k.yaml
    """
    from ..scenarios.inspecting import take
    from ..view.text import many

    taken = take(log, scenario, force=force)
    for path in taken.files:
        output.say(str(path))
    output.tell(f"took {many(taken.items, 'item')}, answers of kind {taken.kind}")
    if taken.recorded:
        right = "" if taken.right is None else f", right in {taken.right:.1%} by the log's own scorer"
        output.tell(f"{many(taken.recorded, 'output')} as the contender {taken.label!r}{right}")
    for skipped in taken.skipped[:5]:
        output.tell(f"left out: {skipped}")
    if len(taken.skipped) > 5:
        output.tell(f"left out: {len(taken.skipped) - 5} more")
    if taken.epochs > 1:
        output.tell(f"of {taken.epochs} epochs, the first")
    output.tell(f"next: rebut scenario run {taken.files[0]}")
