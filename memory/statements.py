"""The inserts of the hot path, compiled once to the driver's own text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table, insert

from . import tables
from .dialect import insert_new
from .rows import CallRows, Cells, EventRows


class Inserts:
    """Writes many rows of a table with one prepared statement.

    The statements are made from the tables by SQLAlchemy and then handed to the driver as text: building
    them anew for each commit would cost more than the rows do.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._content = _compiled(insert_new(tables.CONTENT), tables.CONTENT, dialect)
        self._call = _compiled(insert(tables.CALL), tables.CALL, dialect)
        self._message = _compiled(insert(tables.MESSAGE), tables.MESSAGE, dialect)
        self._step = _compiled(insert_new(tables.STEP), tables.STEP, dialect)
        self._event = _compiled(insert_new(tables.EVENT), tables.EVENT, dialect)

    def contents(self, connection: Connection, contents: Sequence[Cells]) -> None:
        """Write contents that are not there yet."""
        _write(connection, self._content, contents)

    def calls(self, connection: Connection, calls: Sequence[CallRows]) -> None:
        """Write calls and their messages, but not their contents."""
        _write(connection, self._call, [rows.call for rows in calls])
        _write(connection, self._message, [cells for rows in calls for cells in rows.messages])

    def events(self, connection: Connection, events: Sequence[EventRows]) -> None:
        """Write events and the steps among them."""
        _write(connection, self._event, [rows.event for rows in events])
        _write(connection, self._step, [rows.step for rows in events if rows.step is not None])


def _compiled(statement: Insert, table: Table, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    names = [column.name for column in table.columns]
    compiled = statement.compile(dialect=dialect, column_keys=names)
    return str(compiled), None if dialect.positional else tuple(names)


def _write(
    connection: Connection, statement: tuple[str, tuple[str, ...] | None], rows: Sequence[Cells]
) -> None:
    if not rows:
        return
    sql, names = statement
    parameters: list[Any] = (
        list(rows) if names is None else [dict(zip(names, row, strict=True)) for row in rows]
    )
    connection.exec_driver_sql(sql, parameters)
