"""The inserts of the hot path, compiled once to the driver's own text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Connection, Dialect, Float, Table, Text, bindparam, insert, update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.types import TypeEngine

from . import tables
from .dialect import insert_new
from .rows import CallRows, Cells


class Inserts:
    """Writes many rows of a table with one prepared statement.

    The statements are made from the tables by SQLAlchemy and then handed to the driver as text: building
    them anew for each commit would cost more than the rows do.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._content = _statement(tables.CONTENT, dialect, new=True)
        self._call = _statement(tables.CALL, dialect)
        self._message = _statement(tables.MESSAGE, dialect)
        self._event = _statement(tables.EVENT, dialect, new=True)
        self._run = _statement(tables.RUN, dialect, new=True)
        self._ends: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {}
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
        with _cursor(connection) as cursor:
            cursor.execute(sql, tuple(given[name] for name in order))
            return bool(cursor.rowcount == 1)

    def _end_statement(self, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        held = (tables.RUN.c.id == bindparam("the_run"), tables.RUN.c.owner == bindparam("the_owner"))
        changes: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        compiled: Any = update(tables.RUN).where(*held).values(changes).compile(dialect=self._dialect)
        return str(compiled), tuple(compiled.positiontup)


class _Statement(Protocol):
    """Writes rows; says how many were written."""

    def write(self, cursor: DBAPICursor, rows: Sequence[Cells]) -> int: ...


@dataclass(frozen=True, slots=True)
class _RowByRow:
    sql: str

    def write(self, cursor: DBAPICursor, rows: Sequence[Cells]) -> int:
        cursor.executemany(self.sql, rows)
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class _ByColumns:
    """One statement for all rows, each column an array: PostgreSQL then has one thing to do, not thousands.

    An array holds values of one type, so that each is made one of its column's.
    """

    sql: str
    makers: tuple[Callable[[Any], Any], ...]

    def write(self, cursor: DBAPICursor, rows: Sequence[Cells]) -> int:
        columns = zip(self.makers, zip(*rows, strict=True), strict=True)
        arrays = [[None if cell is None else make(cell) for cell in cells] for make, cells in columns]
        cursor.execute(self.sql, arrays)
        return int(cursor.rowcount)


_ARRAYS: Sequence[tuple[type[TypeEngine[Any]], str, Callable[[Any], Any]]] = (
    (Text, "text", str),
    (BigInteger, "bigint", int),
    (Float, "double precision", float),
    (Boolean, "boolean", bool),
)


def _statement(table: Table, dialect: Dialect, *, new: bool = False) -> _Statement:
    """The insert of a table's rows; with `new` it leaves rows alone which are there already."""
    if dialect.name == "postgresql":
        return _by_columns(table, dialect, new=new)
    made = insert_new(table) if new else insert(table)
    names = [column.name for column in table.columns]
    return _RowByRow(str(made.compile(dialect=dialect, column_keys=names)))


def _by_columns(table: Table, dialect: Dialect, *, new: bool) -> _ByColumns:
    quoted = dialect.identifier_preparer.quote
    kinds = [next(kind for kind in _ARRAYS if isinstance(c.type, kind[0])) for c in table.columns]
    names = ", ".join(quoted(column.name) for column in table.columns)
    arrays = ", ".join(f"%b::{name}[]" for _, name, _ in kinds)
    sql = f"INSERT INTO {quoted(table.name)} ({names}) SELECT * FROM unnest({arrays})"
    return _ByColumns(f"{sql} ON CONFLICT DO NOTHING" if new else sql, tuple(make for *_, make in kinds))


def _write(connection: Connection, statement: _Statement, rows: Sequence[Cells]) -> int:
    """Write the rows; returns how many were written."""
    if not rows:
        return 0
    with _cursor(connection) as cursor:
        return statement.write(cursor, rows)


def _cursor(connection: Connection) -> AbstractContextManager[DBAPICursor]:
    """The driver's own cursor: these statements return nothing that SQLAlchemy would have to convert."""
    return closing(connection.connection.cursor())
