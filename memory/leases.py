"""Leases on runs: one worker at a time makes a run, and one that shows no life loses it to another."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from .dialect import insert_new
from .owner import Owner, lives
from .tables import LEASE


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that a worker has taken.

    Attributes:
        worker: the token of the open store that took it.
        until: seconds since the epoch; when it lapses unless it is renewed.
        attempts: how often it was taken since it was last given back: all but one of them ended in a death.
    """

    run: str
    scenario: str
    worker: str
    until: float
    attempts: int


def take(owner: Owner, scenario: str, run: str, seconds: float, connection: Connection) -> Lease | None:
    """Take a run; None while another worker that lives has it. The transaction holds the write lock.

    Whoever has it already takes it anew.
    """
    now = time.time()
    cells = _held_by(owner, now + seconds)
    new = insert_new(LEASE).values(run=run, scenario=scenario, attempts=1, **cells)
    if connection.execute(new).rowcount == 1:
        return Lease(run, scenario, owner.token, cells["until"], 1)
    row = connection.execute(select(LEASE).where(LEASE.c.run == run).with_for_update()).mappings().first()
    if row is None or (row["worker"] != owner.token and _is_held(row, now)):
        return None
    attempts = row["attempts"] + (row["worker"] != owner.token)
    connection.execute(update(LEASE).where(LEASE.c.run == run).values(attempts=attempts, **cells))
    return Lease(run, scenario, owner.token, cells["until"], attempts)


def renew(owner: Owner, seconds: float, connection: Connection) -> int:
    """Put off when the worker's leases lapse; how many it has."""
    mine = update(LEASE).where(LEASE.c.worker == owner.token)
    return connection.execute(mine.values(until=time.time() + seconds)).rowcount


def give_back(owner: Owner, run: str, connection: Connection) -> None:
    """End the worker's lease of a run; one that another has taken over stays."""
    connection.execute(delete(LEASE).where(LEASE.c.run == run, LEASE.c.worker == owner.token))


def lapse(worker: str, connection: Connection) -> int:
    """Let all leases of a worker lapse that is known to be dead; how many there were."""
    return connection.execute(update(LEASE).where(LEASE.c.worker == worker).values(until=0.0)).rowcount


def release(worker: str, connection: Connection) -> int:
    """Forget all leases of a worker that was ended on purpose, and died of no run; how many there were."""
    return connection.execute(delete(LEASE).where(LEASE.c.worker == worker)).rowcount


def drop(run: str, connection: Connection) -> None:
    """Forget the lease of a run, whoever has it, and with it how often it was taken."""
    connection.execute(delete(LEASE).where(LEASE.c.run == run))


def leases(scenario: str, connection: Connection) -> list[Lease]:
    """The leases of a scenario, lapsed ones too, in the order of their runs."""
    query = select(LEASE).where(LEASE.c.scenario == scenario).order_by(LEASE.c.run)
    names = Lease.__slots__
    return [Lease(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]


def _held_by(owner: Owner, until: float) -> dict[str, Any]:
    return {
        "worker": owner.token,
        "machine": owner.machine,
        "pid": owner.pid,
        "born": owner.born,
        "until": until,
    }


def _is_held(row: RowMapping, now: float) -> bool:
    """Whether a lease holds: it has not lapsed, and its process is not known to be dead."""
    return row["until"] > now and lives(row["machine"], row["pid"], row["born"], now, now)
