"""The inserts of the hot path, compiled once to the driver's own text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table, bindparam, insert, update
from sqlalchemy.engine.interfaces import DBAPICursor

from . import tables
from .dialect import insert_new
from .rows import CallRows, Cells


class Inserts:
    """Writes many rows of a table with one prepared statement.

    The statements are made from the tables by SQLAlchemy and then handed to the driver as text: building
    them anew for each commit would cost more than the rows do.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._content = _compiled(insert_new(tables.CONTENT), tables.CONTENT, dialect)
        self._call = _compiled(insert(tables.CALL), tables.CALL, dialect)
        self._message = _compiled(insert(tables.MESSAGE), tables.MESSAGE, dialect)
        self._event = _compiled(insert_new(tables.EVENT), tables.EVENT, dialect)
        self._run = _compiled(insert_new(tables.RUN), tables.RUN, dialect)
        self._ends: dict[tuple[str, ...], tuple[str, tuple[str, ...] | None]] = {}
        self._dialect = dialect

    def contents(self, connection: Connection, contents: Sequence[Cells]) -> None:
        """Write contents that are not there yet; in one order, so that two writers never wait in a ring."""
        _write(connection, self._content, sorted(contents))

    def calls(self, connection: Connection, calls: Sequence[CallRows]) -> None:
        """Write calls and their messages, but not their contents."""
        _write(connection, self._call, [rows.call for rows in calls])
        _write(connection, self._message, [cells for rows in calls for cells in rows.messages])

    def events(self, connection: Connection, events: Sequence[Cells]) -> None:
        """Write events."""
        _write(connection, self._event, events)

    def run(self, connection: Connection, cells: Mapping[str, Any]) -> bool:
        """Write a new run; False when there is one of its id, which is left as it is."""
        row = tuple(cells.get(column.name) for column in tables.RUN.columns)
        return _write(connection, self._run, [row]) == 1

    def end(self, connection: Connection, run: str, owner: str, cells: Mapping[str, Any]) -> bool:
        """Change a run that `owner` holds; False when it holds no such run."""
        names = tuple(cells)
        if names not in self._ends:
            self._ends[names] = self._end_statement(names)
        sql, order = self._ends[names]
        given = {"the_run": run, "the_owner": owner, **{f"new_{name}": cells[name] for name in names}}
        parameters: Any = given if order is None else tuple(given[name] for name in order)
        with _cursor(connection) as cursor:
            cursor.execute(sql, parameters)
            return bool(cursor.rowcount == 1)

    def _end_statement(self, names: tuple[str, ...]) -> tuple[str, tuple[str, ...] | None]:
        held = (tables.RUN.c.id == bindparam("the_run"), tables.RUN.c.owner == bindparam("the_owner"))
        changes: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        compiled = update(tables.RUN).where(*held).values(changes).compile(dialect=self._dialect)
        order = getattr(compiled, "positiontup", None)
        return str(compiled), None if order is None else tuple(order)


def _compiled(statement: Insert, table: Table, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    names = [column.name for column in table.columns]
    compiled = statement.compile(dialect=dialect, column_keys=names)
    return str(compiled), None if dialect.positional else tuple(names)


def _write(
    connection: Connection, statement: tuple[str, tuple[str, ...] | None], rows: Sequence[Cells]
) -> int:
    """Write the rows; returns how many were written."""
    if not rows:
        return 0
    sql, names = statement
    parameters: Sequence[Any] = (
        rows if names is None else [dict(zip(names, row, strict=True)) for row in rows]
    )
    with _cursor(connection) as cursor:
        cursor.executemany(sql, parameters)
        return int(cursor.rowcount)


def _cursor(connection: Connection) -> AbstractContextManager[DBAPICursor]:
    """The driver's own cursor: these statements return nothing that SQLAlchemy would have to convert."""
    return closing(connection.connection.cursor())
