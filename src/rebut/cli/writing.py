"""``rebut new``, ``check`` and ``schema``: for who writes workflows."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from rebut.errors import InputError

from . import options, output
from .codes import Exit

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a commented workflow file to start from.

    \b
    rebut new my_method
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else name + ".yaml")
    if not _NAME.fullmatch(path.stem):
        raise InputError(f"a workflow's name is lower-case letters, digits and _, got {path.stem!r}")
    text = (files(__package__) / "starter.yaml").read_text(encoding="utf-8")
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
    raise NotImplementedError


@click.command()
def schema() -> None:
    """Print the JSON Schema of workflow files, for editors.

    \b
    rebut schema > rebut.schema.json
    """
    from ..graphs.schema import json_schema

    output.say_json(json_schema())


_ = Exit
