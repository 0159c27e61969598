"""A whole run out of the database, and into it."""

from __future__ import annotations

from sqlalchemy import Connection

from . import claims, reads, rows, runs
from .cassette import Cassette
from .statements import Inserts


def whole(connection: Connection, name: str) -> Cassette:
    """All of a run, by its id or a beginning of it that no other run has.

    Raises:
        InputError: there is no such run, or more than one.
        StoreError: a content is missing.
    """
    row = reads.run_row(connection, name)
    return Cassette(
        start=reads.start_of(connection, row),
        result=reads.standing(row).result,
        calls=tuple(reads.calls_of(connection, row["id"])),
        events=tuple(reads.payloads(connection, row["id"])),
        version=row["version"],
    )


def take_in(connection: Connection, inserts: Inserts, recorded: Cassette) -> bool:
    """Write a run that nobody holds; False when there is one of its id, which is left as it is.

    Raises:
        InputError, StoreError: something in it cannot be kept.
    """
    run = recorded.start.run
    calls = [rows.call_rows(run, call) for call in recorded.calls]
    events = [rows.payload_cells(run, line) for line in recorded.events]
    cells, snapshot = runs.run_cells(recorded.start, recorded.version)
    cells |= runs.result_cells(recorded.result) | claims.FREE
    if not inserts.run(connection, cells):
        return False
    texts = [pair for call in calls for pair in call.contents]
    inserts.contents(connection, [(cells["snapshot"], snapshot), *texts])
    inserts.calls(connection, calls)
    inserts.events(connection, events)
    return True
