"""Which database it is: addresses, and what is said in its own words everywhere else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, Insert, Table, and_
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles

from rebut.errors import InputError, StoreError, suggest

from .address import TIMEOUT, Address
from .postgres import Server
from .sqlite import File

FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)
"""What may come out of a database; `explain` turns it into words."""

DURABILITIES = ("normal", "full")

LIKE = "(like: runs.db, sqlite:///runs.db, postgresql://user@host/rebut)"


def address(url_or_path: str | Path) -> Address:
    """Read a path, or a URL such as ``sqlite:///runs.db?durability=full&timeout=30``.

    Raises:
        InputError: not an address of a store.
    """
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return File(path=_path(str(url_or_path)))
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError):
        # what stands in the place of a port may be a part of a password: nothing of it is shown
        raise InputError(f"the store's URL cannot be read {LIKE}; {_ESCAPED}") from None
    backend = url.get_backend_name()
    if backend == "sqlite" and not url.host:
        return File(path=_path(url.database or ""), **_options(url, {}))
    if backend in ("postgresql", "postgres"):
        return _server(url)
    raise InputError(f"store {url.render_as_string(hide_password=True)!r} is of a kind not known here {LIKE}")


_ESCAPED = "in a password, write @ as %40, / as %2F and : as %3A"


def _path(name: str) -> Path:
    if not name or name.startswith((":memory:", "file:")):
        raise InputError(f"a store is a file, found {name!r} (like: runs.db)")
    return Path(name).expanduser().absolute()


def _server(url: URL) -> Server:
    if "@" in (url.host or "") or "@" in (url.database or ""):
        raise InputError(f"the store's URL has more than one @; {_ESCAPED}")
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise InputError(f"a store on PostgreSQL is reached by psycopg, not {url.drivername!r} {LIKE}")
    if not url.database:
        raise InputError("the store's URL names no database (like: postgresql://user@host/rebut)")
    options = _options(url, Server.OPTIONS)
    return Server(url=url.set(drivername="postgresql+psycopg", query=_for_driver(url)), **options)


def _for_driver(url: URL) -> dict[str, str]:
    query = {key: _last(value) for key, value in url.query.items()}
    return {key: value for key, value in query.items() if key in Server.DRIVER_OPTIONS}


def _options(url: URL, more: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The options of the URL that are the store's own, read."""
    known = {"durability": _durability, "timeout": _seconds, **more}
    passed = Server.DRIVER_OPTIONS if more else ()
    given = {key: _last(value) for key, value in url.query.items() if key not in passed}
    for unknown in given.keys() - known.keys():
        raise InputError(f"unknown option {unknown!r} of a store{suggest(unknown, [*known, *passed])}")
    return {key: known[key](value) for key, value in given.items()}


def _last(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else value[-1]


def _durability(text: str) -> str:
    if text not in DURABILITIES:
        raise InputError(f"unknown durability {text!r}{suggest(text, list(DURABILITIES))}")
    return text


def _seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 <= seconds < 1e6:
            return seconds
    raise InputError(f"timeout of a store is a number of seconds, found {text!r}")


def engine(where: Address, *, writes: bool) -> Engine:
    """An engine for one that writes, or for many that read.

    Raises:
        SettingsError: the database's driver is not installed.
    """
    return where.engine(writes=writes)


def explain(error: Exception, where: Address, deed: str, *, committing: bool = False) -> StoreError:
    """What failed, at which store, and what to do about it; `committing` when the commit had been sent."""
    return StoreError(f"cannot {deed} store {where}: {where.why(error, committing=committing)}")


class InsertNew(Insert):
    """An insert that leaves rows alone which are there already."""

    inherit_cache = True


@compiles(InsertNew)
def _(insert: InsertNew, compiler: Any, **options: Any) -> str:
    return f"{compiler.visit_insert(insert, **options)} ON CONFLICT DO NOTHING"


def insert_new(table: Table) -> Insert:
    """An insert that leaves rows alone which are there already."""
    return InsertNew(table)


def begins(column: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    """Whether a text begins so, as a range: an index serves it, for texts are compared byte by byte."""
    above = _next(beginning)
    return column >= beginning if above is None else and_(column >= beginning, column < above)


def _next(beginning: str) -> str | None:
    """The least text above all that begin so; None if there is none."""
    head = beginning.rstrip(chr(0x10FFFF))
    if not head:
        return None
    last = ord(head[-1])
    return head[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)


__all__ = [
    "FAILURES",
    "TIMEOUT",
    "Address",
    "File",
    "Server",
    "address",
    "begins",
    "engine",
    "explain",
    "insert_new",
]
