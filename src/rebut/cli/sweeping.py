"""``rebut store gc``, and what the commands of the store have in common."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from rebut.errors import InputError

from . import options, output
from .codes import Exit

if TYPE_CHECKING:
    from ..memory.choosing import Choice
    from ..memory.collect import Freed, Plan
    from ..memory.dialect import Address


@click.command()
@click.option("--older-than", metavar="AGE|DATE", help="Runs that began before, such as 30d or 2026-11-01.")
@click.option("--failed", is_flag=True, help="Runs that failed, were cancelled or were interrupted.")
@click.option("--status", "statuses", multiple=True, type=options.STATUS, help="Runs that stand so.")
@click.option("--scenario", metavar="NAME", default="", help="Runs of a scenario.")
@click.option("--all", "every", is_flag=True, help="All runs, as far as nothing else is said.")
@click.option("--keep", type=click.IntRange(0), default=0, metavar="N", help="Of these, keep the latest N.")
@click.option("--yes", is_flag=True, help="Do it; without this, it is only said what would be done.")
@options.store
@options.as_json
def gc(yes: bool, as_json: bool, store: str | None, **given: Any) -> int:
    """Remove runs, then texts that no run refers to, then free the room. Only says so without --yes.

    Runs that are under way stay, and so do those from which others were forked that stay. Without any
    choice of runs, only texts that nobody refers to are removed.

    \b
    rebut store gc --older-than 30d --keep 100
    rebut store gc --failed --yes
    """
    from ..memory.collect import collect, plan

    where = address_of(store)
    choice, any_run = _meant(given)
    found = plan(where, choice, keep=given["keep"], any_run=any_run)
    freed = collect(where, found) if yes else None
    if as_json:
        output.say_json(_json(found, freed))
        return Exit.OK
    _would(found) if freed is None else _did(freed)
    return Exit.OK


def _meant(given: dict[str, Any]) -> tuple[Choice, bool]:
    from ..memory.choosing import Choice, moment

    statuses = set(given["statuses"])
    if given["failed"]:
        statuses |= {"failed", "cancelled", "interrupted"}
    until = moment(given["older_than"]) if given["older_than"] else None
    choice = Choice(scenario=given["scenario"], statuses=frozenset(statuses), until=until)
    chosen = bool(statuses or given["scenario"] or until is not None or given["every"])
    if given["keep"] and not chosen:
        raise InputError("--keep says which of the chosen runs stay: choose some (--all chooses all)")
    return choice, chosen


def _json(found: Plan, freed: Freed | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "removed": freed is not None,
        "runs": [run.id for run in found.runs],
        "calls": found.calls,
        "texts": found.texts,
        "characters": found.size,
        "stay": {"alive": found.alive, "parents": found.parents, "kept": found.kept},
    }
    return said if freed is None else said | {"freed": freed}


def _would(found: Plan) -> None:
    from ..view.text import many, size

    if found.runs:
        output.say_table(("WORKFLOW", "RUNS"), [(name, str(n)) for name, n in sorted(found.kinds.items())])
    for count, why in (
        (found.alive, "under way"),
        (found.parents, "a fork of it stays"),
        (found.kept, "among the latest"),
    ):
        if count:
            output.tell(f"{many(count, 'run')} would stay: {why}")
    runs, calls, texts = many(len(found.runs), "run"), many(found.calls, "call"), many(found.texts, "text")
    output.tell(f"would remove {runs} with {calls}, and {texts} (about {size(found.size)}); --yes does it")


def _did(freed: Freed) -> None:
    from ..view.text import many, size

    runs, calls, texts = many(freed.runs, "run"), many(freed.calls, "call"), many(freed.texts, "text")
    output.tell(f"removed {runs} with {calls}, and {texts}")
    if freed.changed:
        output.tell(f"{many(freed.changed, 'run')} stayed: taken up or forked meanwhile")
    if not freed.shrunk:
        output.tell("a run is under way: the room is used again, and given back by a later gc")
    elif freed.after < freed.before:
        output.tell(f"the store has now {size(freed.after)}, it had {size(freed.before)}")
    else:
        output.tell(f"the store has {size(freed.after)}; free room in it is used again")


def address_of(ref: str | None) -> Address:
    """Where the store is that an option or the settings name.

    Raises:
        InputError: no store is kept, or that is not the address of one.
    """
    from rebut.settings import Settings

    from ..memory.dialect import address

    where = ref or Settings.load().store_location()
    if where == "none":
        raise InputError("runs are not kept (store is none); give --store PATH")
    return address(where)


def choice_of(given: dict[str, Any], runs: Sequence[str] = ()) -> Choice:
    """The runs that the options mean."""
    from ..memory.choosing import Choice, moment

    return Choice(
        runs=runs,
        scenario=given["scenario"],
        statuses=frozenset(given["statuses"]),
        since=moment(given["since"]) if given["since"] else None,
        until=moment(given["until"]) if given["until"] else None,
    )


@contextmanager
def progress(noun: str) -> Generator[Callable[[int, int], None] | None]:
    """Shows on a terminal how far it is, and leaves no line behind; None elsewhere."""
    if not output.is_terminal(sys.stderr):
        yield None
        return
    shown = 0.0

    def see(done: int, of: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > 0.2:
            shown = time.monotonic()
            click.echo(f"\r\x1b[K{done}{f' of {of}' if of else ''} {noun}s", err=True, nl=False)

    try:
        yield see
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)
