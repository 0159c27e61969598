"""All that depends on which database it is: addresses, settings of a connection, upserts, error codes."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from rebut.errors import InputError, StoreError, suggest

TIMEOUT = 10.0
"""Seconds to wait for another process's write before giving up."""

FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)
"""What may come out of a database; `explain` turns it into words."""

DURABILITIES = {"normal": "NORMAL", "full": "FULL"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is. `durability` ``normal`` survives the death of the process at any moment, and may lose
    the last commits, never the file, when the power fails; ``full`` keeps those too, and is slower.

    `timeout` is how many seconds to wait for another process's write.
    """

    path: Path
    durability: str = "normal"
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        return str(self.path)


def address(url_or_path: str | Path) -> Address:
    """Read a path, or a URL such as ``sqlite:///runs.db?durability=full&timeout=30``.

    Raises:
        InputError: not an address of a store.
    """
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return Address(_file(str(url_or_path)))
    try:
        url = make_url(url_or_path)
    except ArgumentError as error:
        raise InputError("the store's URL cannot be read (like: sqlite:///runs.db)") from error
    if url.get_backend_name() != "sqlite" or url.host:
        shown = url.render_as_string(hide_password=True)
        raise InputError(f"store {shown!r} is of a kind not known here (like: sqlite:///runs.db)")
    return Address(_file(url.database or ""), **_options(url))


def _file(name: str) -> Path:
    if not name or name.startswith((":memory:", "file:")):
        raise InputError(f"a store is a file, found {name!r} (like: runs.db)")
    return Path(name).expanduser().absolute()


def _options(url: URL) -> dict[str, Any]:
    query = {key: value if isinstance(value, str) else value[-1] for key, value in url.query.items()}
    durability, timeout = query.pop("durability", "normal"), query.pop("timeout", str(TIMEOUT))
    for unknown in query:
        raise InputError(
            f"unknown option {unknown!r} of a store{suggest(unknown, ['durability', 'timeout'])}"
        )
    if durability not in DURABILITIES:
        raise InputError(f"unknown durability {durability!r}{suggest(durability, list(DURABILITIES))}")
    return {"durability": durability, "timeout": _seconds(timeout)}


def _seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 <= seconds < 1e6:
            return seconds
    raise InputError(f"timeout of a store is a number of seconds, found {text!r}")


def engine(where: Address, *, writes: bool) -> Engine:
    """An engine whose transactions take the write lock at once (`writes`), or none."""
    made = create_engine(
        URL.create("sqlite", database=str(where.path)), connect_args={"timeout": where.timeout}
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(made, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver then leaves transactions to `begin` below
        connection.execute(f"PRAGMA synchronous = {DURABILITIES[where.durability]}")

    @event.listens_for(made, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return made


def prepare(where: Address) -> None:
    """Make the file's mode the write-ahead one: readers then do not wait for the writer."""
    connection = sqlite3.connect(where.path, timeout=where.timeout, isolation_level=None)
    try:
        _to_wal(connection, time.monotonic() + where.timeout)
    finally:
        connection.close()


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


def insert_new(table: Table) -> Any:
    """An insert that leaves rows alone which are there already."""
    return insert(table).on_conflict_do_nothing()


def concerns_rows(error: Exception) -> bool:
    """Whether a statement failed because of its rows, so that other rows may still be written."""
    cause = _cause(error)
    return not isinstance(cause, sqlite3.OperationalError) and type(cause) is not sqlite3.DatabaseError


def explain(error: Exception, where: Address, deed: str) -> StoreError:
    """What failed, at which file, and what to do about it."""
    cause = _cause(error)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    said = cause.strerror if isinstance(cause, OSError) else cause
    why = _REASONS.get(code, "{cause}").format(timeout=where.timeout, cause=said)
    return StoreError(f"cannot {deed} store {where}: {why}")


def _cause(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


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
