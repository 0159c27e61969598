"""Where the command line's words go: answers and lists to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import click

from ..view.text import clean, clean_json


def prepare_streams() -> None:
    """Let stdout and stderr replace what they cannot encode: a lone surrogate must not end a run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def is_terminal(stream: IO[str]) -> bool:
    """Whether the stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def colours(stream: IO[str], no_color: bool = False) -> bool:
    """Whether to colour what goes to the stream: on a terminal, unless NO_COLOR or the option says no."""
    return is_terminal(stream) and not no_color and not os.environ.get("NO_COLOR")


def say(text: str = "", *, style: Mapping[str, Any] | None = None) -> None:
    """Text and a line's end to stdout; what a terminal would obey is taken out."""
    text = clean(text)
    click.echo(click.style(text, **style) if style and colours(sys.stdout) else text, color=True)


def tell(text: str = "", *, style: Mapping[str, Any] | None = None) -> None:
    """Text and a line's end to stderr; what a terminal would obey is taken out."""
    text = clean(text)
    click.echo(click.style(text, **style) if style and colours(sys.stderr) else text, err=True, color=True)


def say_json(value: Any, *, pretty: bool = True) -> None:
    """The value as JSON to stdout; safe to look at on a terminal."""
    import orjson

    from rebut.records import plain

    options = orjson.OPT_INDENT_2 if pretty else 0
    click.echo(clean_json(orjson.dumps(value, default=lambda v: _plain(plain, v), option=options).decode()))


def _plain(plain: Any, value: Any) -> Any:
    simple = plain(value)
    return str(value) if simple is value else simple


def say_answer(answer: Any) -> None:
    """The answer alone: text cleaned, anything else as JSON; nothing when there is none."""
    if isinstance(answer, str):
        say(answer.rstrip("\n"))
    elif answer is not None:
        say_json(answer)


def say_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns to stdout; on a terminal the last column is cut to fit, in a pipe nothing is."""
    from rich.cells import cell_len, set_cell_size

    from ..view.text import one_line

    cells = [[one_line(cell) for cell in row] for row in rows]
    wide = [max(cell_len(row[i]) for row in [list(headings), *cells]) for i in range(len(headings) - 1)]
    room = _columns() - sum(wide) - 2 * len(wide)
    for row in [list(headings), *cells]:
        last = row[-1]
        if room and cell_len(last) > room:
            last = set_cell_size(last, max(8, room) - 1).rstrip() + "…"
        padded = [set_cell_size(cell, width) for cell, width in zip(row[:-1], wide, strict=True)]
        head = row == list(headings)
        say("  ".join([*padded, last]).rstrip(), style={"bold": True} if head else None)


def _columns() -> int:
    """The terminal's width, or 0 for no limit in a pipe (a very narrow one counts as 30)."""
    import shutil

    return max(30, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 10**6


def complain(message: str) -> None:
    """An error to stderr: ``error:`` in red, then the message, cleaned."""
    error = click.style("error:", fg="red", bold=True) if colours(sys.stderr) else "error:"
    click.echo(f"{error} {clean(message)}", err=True, color=True)
