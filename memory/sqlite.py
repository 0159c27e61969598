"""A store in a file of SQLite."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from .address import Address, cause_of

DURABILITIES = {"normal": "NORMAL", "full": "FULL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Address):
    """A file; its writers take the write lock at once, and nothing else needs to be locked then."""

    path: Path
    durability: str = "normal"

    def __str__(self) -> str:
        return str(self.path)

    def engine(self, *, writes: bool) -> Engine:
        """An engine whose transactions take the write lock at once (`writes`), or none."""
        made = create_engine(
            URL.create("sqlite", database=str(self.path)), connect_args={"timeout": self.timeout}
        )
        begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

        @event.listens_for(made, "connect")
        def _(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # the driver then leaves transactions to `begin` below
            connection.execute(f"PRAGMA synchronous = {DURABILITIES[self.durability]}")

        @event.listens_for(made, "begin")
        def _(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return made

    def make(self) -> None:
        """Make the file's folders."""
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def settle(self) -> None:
        """Make the file's mode the write-ahead one: readers then do not wait for the writer."""
        connection = sqlite3.connect(self.path, timeout=self.timeout, isolation_level=None)
        try:
            _to_wal(connection, time.monotonic() + self.timeout)
        finally:
            connection.close()

    def hold_schema(self, connection: Connection) -> None:
        """Nothing to do: the transaction holds the write lock."""

    def concerns_rows(self, error: Exception) -> bool:
        """Whether a statement failed because of its rows, so that other rows may still be written."""
        cause = cause_of(error)
        return not isinstance(cause, sqlite3.OperationalError) and type(cause) is not sqlite3.DatabaseError

    def may_repeat(self, error: Exception, *, committing: bool) -> bool:
        """Never: the driver has waited for the lock already."""
        return False

    def why(self, error: Exception, *, committing: bool = False) -> str:
        """What failed, and what to do about it."""
        cause = cause_of(error)
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        said = cause.strerror if isinstance(cause, OSError) else cause
        return _REASONS.get(code, "{cause}").format(timeout=self.timeout, cause=said)


def _to_wal(connection: sqlite3.Connection, deadline: float) -> None:
    # SQLite does not wait for a lock while it changes this mode, as two processes may at a first opening
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


_LOCKED = "another process has kept it locked for {timeout:g} s: end that process, or try again"
_DAMAGED = "the file is damaged or is not a database ({cause}): restore a copy, or open another store"
_READ_ONLY = "the file or its folder cannot be written: mend its permissions, or open another store"

_REASONS = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: "the disk is full: make room, then resume the run",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened or made: look at the path and its permissions",
    sqlite3.SQLITE_IOERR: "the disk failed or is full ({cause}): look at the disk, then resume the run",
}
