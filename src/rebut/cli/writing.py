"""``rebut new``, ``check`` and ``schema``: for who writes workflows."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebut.errors import InputError

from . import options, output
from .codes import Exit

if TYPE_CHECKING:
    from ..graphs.diagnostics import Diagnostic

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a commented workflow file to start from.

    \b
    rebut new my_method
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else name + ".yaml")
    if not _NAME.fullmatch(path.stem):
        raise InputError(f"no name of a workflow (small letters, digits, - and _): {path.stem!r}")
    text = (files("rebut.cli") / "starter.yaml").read_text(encoding="utf-8")
    write_new(path, text.replace("my_method", path.stem))
    output.say(f"wrote {path}")
    output.say(f"next: rebut check {path}")
    output.say(f'      rebut run {path} "What is 17 * 23?"')


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        InputError: it exists, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists; choose another name") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None


@click.command()
@click.argument("files_", metavar="FILE...", nargs=-1, required=True)
@options.as_json
def check(files_: tuple[str, ...], as_json: bool) -> int:
    """Check workflow files. Every problem is shown with its line; exit 2 when there is one.

    \b
    rebut check my_method.yaml
    """
    from ..graphs.diagnostics import render

    by_file = {file: problems_of(Path(file)) for file in files_}
    found = [problem for problems in by_file.values() for problem in problems]
    good = [file for file, problems in by_file.items() if all(p.severity != "error" for p in problems)]
    code = Exit.OK if len(good) == len(by_file) else Exit.WRONG
    if as_json:
        output.say_json([problem_json(problem) for problem in found])
        return code
    if found:
        output.say(render(found))
    for file in good:
        output.say(f"{file}: ok")
    return code


def problems_of(path: Path) -> list[Diagnostic]:
    """All problems of a file; that it cannot be read is one."""
    from rebut.settings import Settings

    from ..agents.roles import RoleBook
    from ..graphs.diagnostics import Diagnostic
    from ..graphs.loader import check

    folders = [path.parent / "roles", *map(Path, Settings.load().roles)]
    try:
        return check(path, roles=RoleBook([folder for folder in folders if folder.is_dir()]))
    except InputError as error:
        return [Diagnostic(code="unreadable", message=str(error), path=str(path))]


def problem_json(problem: Diagnostic) -> dict[str, Any]:
    """A problem as JSON types; lines and columns count from 1."""
    span = problem.span
    return {
        "path": problem.path,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end": span.end if span else None,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
        "note": problem.note,
    }


@click.command()
@click.argument("files", type=click.Choice(("workflow", "scenario")), default="workflow")
def schema(files: str) -> None:
    """Print the JSON Schema of workflow or scenario files.

    \b
    rebut schema > rebut.schema.json
    rebut schema scenario > scenario.schema.json
    """
    from ..graphs import schema as workflows
    from ..scenarios import schema as scenarios

    output.say_json({"workflow": workflows, "scenario": scenarios}[files].json_schema())
