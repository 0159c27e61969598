"""A consistent copy of a store's file while runs write to it; verified before it takes its name."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from rebut.errors import InputError, StoreError

from .appearing import replacing
from .dialect import FAILURES, Address, File, Server, explain
from .migrations import MIGRATIONS

STEP = 2000
"""Pages that are copied between two looks at the clock."""

SIDES = ("-wal", "-shm", "-journal")
"""Ends of the names of files that SQLite keeps beside a database, and takes for a part of it."""

COUNTED = ("run", "call", "message", "event", "content")

Seen = Callable[[int, int], None]
"""Is told how many pages are copied, and of how many."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was verified: its size in bytes, and the rows of its tables."""

    path: Path
    size: int
    rows: Mapping[str, int]


def backup(where: Address, target: Path, *, force: bool = False, seen: Seen | None = None) -> Copy:
    """Copy a store as it is at this moment, whatever is written to it meanwhile; nobody has to wait for it.

    The copy appears under its name once it is whole: its structure is checked, and its rows are counted
    against those of the store.

    Raises:
        InputError: there is no store, or it is on PostgreSQL; or the target is there (without `force`), is
            the store itself, or is in use; or files of another store lie beside it.
        StoreError: the store or the copy is damaged, or cannot be written.
    """
    if not isinstance(where, File):
        raise InputError(
            f"a store on PostgreSQL is copied by its own tools: {_dump(where, target)} "
            "(or, into a file that any store takes in: rebut store export)"
        )
    if not where.path.is_file():
        raise InputError(f"there is no store at {where}")
    _may_write(where.path, target, force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as part:
            rows = _alone(where, part, seen)
        _flush(target.parent)
        return Copy(target, target.stat().st_size, rows)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def _dump(where: Address, target: Path) -> str:
    """The command that copies a database; its password comes from PGPASSWORD or a file of passwords."""
    words = ["pg_dump", "--format=custom", f"--file={target}"]
    if isinstance(where, Server):
        words += [f"--schema={where.schema}"] if where.schema else []
        url = where.url
        plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
        words.append(plain.render_as_string())
    return shlex.join(words)


def _may_write(store: Path, target: Path, force: bool) -> None:
    if target.is_dir():
        raise InputError(f"{target} is a folder (like: {target / 'backup.db'})")
    left = [name for end in SIDES if target.with_name(name := target.name + end).exists()]
    if target.exists():
        _may_replace(store, target, force)
        if left:
            raise InputError(f"{target} is a store in use, or was not closed: give the copy another name")
    elif left:
        raise InputError(
            f"a store that was at {target} was not closed and left {' and '.join(left)}, which would be "
            "taken for a part of the copy: move that away, or give the copy another name"
        )


def _may_replace(store: Path, target: Path, force: bool) -> None:
    if not target.is_file():
        raise InputError(f"{target} is no file that can be overwritten: give the copy another name")
    if target.samefile(store):
        raise InputError(f"{target} is the store itself: give its copy another name")
    if not force:
        raise InputError(f"{target} exists (--force overwrites it)")


def _alone(where: File, part: Path, seen: Seen | None) -> Mapping[str, int]:
    """The rows of a copy that is one file, on disk."""
    try:
        rows = _copied(where, part, seen)
        _flush(part)
        return rows
    finally:
        for end in SIDES:
            part.with_name(part.name + end).unlink(missing_ok=True)


def _copied(where: File, part: Path, seen: Seen | None) -> Mapping[str, int]:
    try:
        with closing(_opened(where.path, where.timeout)) as source:
            # what this transaction sees is what is copied: without it, every commit of others would make
            # the copy begin anew
            source.execute("BEGIN")
            _is_store(source, where)
            rows = _counts(source)
            with closing(_opened(part, where.timeout)) as copy:
                source.backup(copy, pages=STEP, progress=_progress(seen))
            source.execute("COMMIT")
    except sqlite3.Error as error:
        raise explain(error, where, "copy") from error
    _verify(part, rows, where)
    return rows


def _opened(path: Path, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout, isolation_level=None)


def _is_store(source: sqlite3.Connection, where: File) -> None:
    tables = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= {*COUNTED, "migration"}:
        raise StoreError(f"cannot copy store {where}: it is a database of another program")
    [(schema,)] = source.execute("SELECT max(number) FROM migration")
    if schema > len(MIGRATIONS):
        raise StoreError(f"store {where} was written by a newer rebut (schema {schema}): upgrade rebut")


def _progress(seen: Seen | None) -> Callable[[int, int, int], object] | None:
    return None if seen is None else lambda _status, left, total: seen(total - left, total)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}


def _verify(part: Path, rows: Mapping[str, int], where: File) -> None:
    """Check the copy's structure and its rows, and leave it as one file.

    Raises:
        StoreError: it is not what the store was.
    """
    try:
        with closing(_opened(part, where.timeout)) as copy:
            [(found,), *_] = copy.execute("PRAGMA integrity_check(1)")
            if found != "ok":
                raise StoreError(f"the copy of store {where} is damaged, and so may be the store: {found}")
            if (counted := _counts(copy)) != rows:
                raise StoreError(f"the copy of store {where} has other rows: {counted}, not {dict(rows)}")
            copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except FAILURES as error:
        raise explain(error, where, "copy") from error


def _flush(path: Path) -> None:
    with suppress(PermissionError):  # a folder cannot be opened everywhere
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
