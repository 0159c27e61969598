"""A store's database for those who look after it, beside the processes that write runs to it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from rebut.errors import InputError

from .dialect import FAILURES, Address, File, engine, explain
from .migrations import bring_up_to_date

T = TypeVar("T")


@contextmanager
def reach(where: Address, deed: str, *, writes: bool = False, make: bool = False) -> Generator[Engine]:
    """Connections of one's own to a store, its schema brought up to date; `deed` is for the words of errors.

    Args:
        writes: transactions may write.
        make: make the store where there is none.

    Raises:
        InputError: there is no store.
        StoreError: the database fails, also in the block.
    """
    if not make and isinstance(where, File) and not where.path.is_file():
        raise InputError(f"there is no store at {where} (--store names another; rebut run makes one)")
    try:
        bring_up_to_date(where)
        made = engine(where, writes=writes)
    except FAILURES as error:
        raise explain(error, where, "open") from error
    try:
        yield made
    except (SQLAlchemyError, sqlite3.Error) as error:  # an OSError of the block concerns its own files
        raise explain(error, where, deed) from error
    finally:
        made.dispose()


def repeated(where: Address, engine: Engine, deed: Callable[[Connection], T]) -> T:
    """Do something in a transaction; again, where it failed for another one's sake (a deadlock).

    All that the first try did is undone then, so the deed must begin anew.
    """
    ends = time.monotonic() + where.timeout
    while True:
        try:
            with engine.begin() as connection:
                return deed(connection)
        except SQLAlchemyError as error:
            if not where.may_repeat(error, committing=True) or time.monotonic() > ends:
                raise
        time.sleep(0.05)
