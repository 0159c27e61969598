"""``rebut store``: all runs that were kept, looked after as one."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from rebut.errors import InputError

from . import history, options, output, sweeping
from .codes import Exit
from .sweeping import address_of
from .watching import go

if TYPE_CHECKING:
    from ..memory.archive import Taken
    from ..memory.choosing import Choice
    from ..memory.inventory import Inventory


@click.group()
def store() -> None:
    """Look after the store: export, import, back up, clean.

    \b
    rebut store info
    rebut store backup friday.db
    """


store.add_command(sweeping.gc)


@store.command()
@options.store
@options.as_json
def info(store: str | None, as_json: bool) -> None:
    """Say where the store is, and how much there is in it."""
    from ..memory.inventory import inventory

    found = inventory(address_of(store))
    if as_json:
        output.say_json(found)
    else:
        _tell(found)


def _tell(found: Inventory) -> None:
    from ..view.text import many, size

    runs = sum(found.runs.values())
    states = ", ".join(f"{count} {state}" for state, count in sorted(found.runs.items()))
    free = f" ({size(found.free)} free)" if found.free else ""
    rows = [
        ("where", found.where),
        ("kind", f"{found.kind} {found.server}, schema {found.schema}"),
        ("runs", f"{runs} ({states})" if runs else "none"),
        ("of scenarios", str(found.trials)),
        ("calls", f"{many(found.calls, 'call')}, {many(found.events, 'event')}"),
        ("texts", str(found.contents)),
        ("size", size(found.size) + free),
    ]
    if found.oldest is not None and found.newest is not None:
        rows += [("oldest", _when(found.oldest)), ("newest", _when(found.newest))]
    for name, value in rows:
        output.say(f"{name:<13} {value}")


def _when(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


@store.command()
@click.argument("file", metavar="FILE|-")
@click.option("--run", "names", multiple=True, metavar="RUN", help="Only this run; may be given again.")
@options.chosen
@click.option(
    "--table",
    type=click.Choice(("runs", "calls", "messages")),
    help="A flat table for other tools: .csv, .jsonl, .parquet.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@options.store
def export(file: str, names: tuple[str, ...], table: str | None, force: bool, **given: Any) -> None:
    """Write runs to a file that any store takes in: JSON lines, packed where it ends with .gz.

    \b
    rebut store export runs.jsonl.gz
    rebut store export - --scenario arithmetic --status finished | ssh far rebut store import -
    rebut store export calls.csv --table calls --since 7d
    """
    ids = go(history.with_store(given["store"], lambda kept: _ids(kept, names))) if names else ()
    choice = sweeping.choice_of(given, ids)
    said = _extract(file, table, choice, force, given) if table else _export(file, choice, force, given)
    output.tell(said)


async def _ids(kept: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([await history.full_id(kept, name) for name in names])


def _export(file: str, choice: Choice, force: bool, given: dict[str, Any]) -> str:
    from ..memory import archive
    from ..view.text import many

    where = address_of(given["store"])
    with writing(file, force) as out, sweeping.progress("run") as seen:
        written = archive.export(where, out, choice, seen)
    said = f"wrote {many(written.runs, 'run')} with {many(written.calls, 'call')} to {_named(file)}"
    if written.alive:
        said += f"; {written.alive} under way, as if interrupted"
    return said


def _extract(file: str, table: str, choice: Choice, force: bool, given: dict[str, Any]) -> str:
    from ..memory.extracts import TABLES, extract
    from ..memory.flat import form_of, write_table
    from ..memory.reach import reach

    form = form_of("-.csv" if file == "-" else file)
    with reach(address_of(given["store"]), "read") as engine, writing(file, force) as out:
        rows = write_table(out, form, TABLES[table], extract(engine, table, choice))
    return f"wrote {rows} rows of {table} to {_named(file)}"


def _named(file: str) -> str:
    return "stdout" if file == "-" else file


@contextmanager
def writing(file: str, force: bool) -> Generator[IO[bytes]]:
    """The file to write to, packed where it ends with .gz; it appears whole or not at all. ``-`` is stdout.

    Raises:
        InputError: it exists and may not be overwritten, or cannot be written.
    """
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    from ..memory.appearing import appearing

    path = Path(file)
    if path.is_file() and not force:
        raise InputError(f"{file} exists (--force overwrites it)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(path) as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error


@store.command("import")
@click.argument("file", metavar="FILE|-")
@options.store
def import_(file: str, store: str | None) -> int:
    """Take in the runs of an export. Those that are there already stay as they are.

    \b
    rebut store import runs.jsonl.gz
    rebut store import runs.jsonl --store postgresql://user@host/rebut
    """
    from ..memory import archive

    where = address_of(store)
    with reading(file) as source, sweeping.progress("run") as seen:
        taken = archive.import_(where, source, "stdin" if file == "-" else file, seen)
    return _told(taken)


def _told(taken: Taken) -> int:
    from ..view.text import many

    output.tell(f"took in {many(taken.new, 'run')} with {many(taken.calls, 'call')}")
    if taken.same:
        output.tell(f"{taken.same} were there already")
    for run in taken.differing:
        output.complain(f"run {run!r} is in the store with another record: it was left as it is")
    return Exit.WRONG if taken.differing else Exit.OK


@contextmanager
def reading(file: str) -> Generator[IO[bytes]]:
    """The file to read from, unpacked if it is packed, whatever its name. ``-`` is stdin.

    Raises:
        InputError: it cannot be read.
    """
    try:
        raw: Any = nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error
    with raw as opened:
        source: Any = io.BufferedReader(opened, 1 << 20)
        packed = source.peek(2)[:2] == b"\x1f\x8b"
        unpacked: Any = gzip.GzipFile(fileobj=source) if packed else source
        yield unpacked
        source.detach()


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite the file.")
@options.store
def backup(file: Path, force: bool, store: str | None) -> None:
    """Copy the store as it is now, while runs write to it. The copy is checked, and is a store itself.

    \b
    rebut store backup friday.db
    rebut runs --store friday.db
    """
    from ..memory.backup import backup as copy
    from ..view.text import many, size

    with sweeping.progress("page") as seen:
        made = copy(address_of(store), file, force=force, seen=seen)
    runs, calls = many(made.rows["run"], "run"), many(made.rows["call"], "call")
    output.tell(f"copied {runs} with {calls} to {file} ({size(made.size)}), and checked the copy")
