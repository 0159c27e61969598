"""``rebut scenario report``: the trials of a scenario as one page of HTML."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import inputs, options, output
from .codes import Exit
from .watching import go

if TYPE_CHECKING:
    from ..scenarios.report import Evidence


@click.command()
@click.argument("scenario")
@options.model
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the first N items.")
@options.store
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="report.html",
    show_default=True,
    help="The page.",
)
@click.option(
    "--transcripts",
    type=click.IntRange(0),
    metavar="CHARS",
    default=20_000,
    show_default=True,
    help="Characters of each transcript; 0: none.",
)
def report(scenario: str, **given: Any) -> int:
    """Write a page about the trials that are kept. No model is asked; -m as it was given to run.

    \b
    rebut scenario report arithmetic -m local/qwen2.5-coder-0.5b --out report.html
    """
    return go(_report(scenario, given))


async def _report(ref: str, given: dict[str, Any]) -> int:
    import rebut

    from ..scenarios.loader import load
    from ..scenarios.report import page, read

    spec = load(ref)
    async with rebut.Runtime(given["store"]) as runtime:
        models = inputs.models_of(given["models"])
        most = given["transcripts"]
        evidence = await read(spec, runtime, models=models, limit=given["limit"], most=most)
    html = page(evidence, version=_version(), now=time.time(), most=most)
    _write(given["out"], html)
    output.tell(_done(evidence, given["out"], len(html.encode())))
    return Exit.OK


def _done(evidence: Evidence, path: Path, size: int) -> str:
    made = len(evidence.report.trials)
    big = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
    said = f"wrote {path} ({big}): {made} of {evidence.report.wanted} trials"
    return f"{said}; the others are not in the store" if evidence.missing else said


def _write(path: Path, text: str) -> None:
    """The whole page, or what was there before."""
    from rebut.errors import InputError

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("rebut")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
