"""A run is held by one process at a time: taking it, letting it go, and showing that its process lives."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from rebut.errors import InputError, StoreError

from . import reads
from .owner import Owner, not_held
from .statements import Inserts
from .tables import RUN

FREE: dict[str, Any] = {"owner": None, "machine": None, "pid": None, "born": None, "beat": None}
"""The columns of a run that nobody holds."""


def held_by(owner: Owner) -> dict[str, Any]:
    """The columns of a run that `owner` holds from now on."""
    return {
        "owner": owner.token,
        "machine": owner.machine,
        "pid": owner.pid,
        "born": owner.born,
        "beat": time.time(),
    }


def claim(owner: Owner, name: str, connection: Connection) -> str:
    """Take a run up that did not finish; returns its id. Nobody else can while the transaction lasts.

    Raises:
        InputError: there is no such run, or nothing to resume.
        StoreError: a living process holds it.
    """
    run: str = reads.run_row(connection, name)["id"]
    row = connection.execute(select(RUN).where(RUN.c.id == run).with_for_update()).mappings().one()
    if row["status"] == "finished" and row["stop_reason"] != "budget":
        raise InputError(
            f"run {run!r} is finished: there is nothing to resume (replay it, or begin a new run)"
        )
    if row["status"] == "running" and reads.is_alive(row):
        raise StoreError(f"run {run!r} is being run by process {row['pid']}: only one may at a time")
    cells = {"status": "running", "finished": None, "seconds": None} | held_by(owner)
    connection.execute(update(RUN).where(RUN.c.id == run).values(cells))
    return run


def end(inserts: Inserts, owner: Owner, run: str, cells: Mapping[str, Any], connection: Connection) -> None:
    """Write the last columns of a run that `owner` holds.

    Raises:
        StoreError: it does not hold the run; nothing is changed then.
    """
    if not inserts.end(connection, run, owner.token, cells):
        raise not_held(run)


def let_go(owner: Owner, run: str, cells: Mapping[str, Any], connection: Connection) -> None:
    """Write the last columns of a run that `owner` holds.

    Raises:
        StoreError: it does not hold the run.
    """
    mine = update(RUN).where(RUN.c.id == run, RUN.c.owner == owner.token)
    if connection.execute(mine.values(**cells)).rowcount == 0:
        raise not_held(run)


def let_go_of_all(owner: Owner, connection: Connection) -> None:
    """Let every run go that `owner` still holds."""
    connection.execute(update(RUN).where(RUN.c.owner == owner.token).values(**FREE))


def held(owner: Owner, connection: Connection) -> set[str]:
    """The runs that `owner` holds."""
    return set(connection.execute(select(RUN.c.id).where(RUN.c.owner == owner.token)).scalars())


def show_life(owner: Owner, connection: Connection) -> None:
    """Show processes on other machines that `owner` lives."""
    connection.execute(update(RUN).where(RUN.c.owner == owner.token).values(beat=time.time()))
