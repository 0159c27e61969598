"""The schema as numbered steps. Append only: a step that was released is never changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, inspect, text

from rebut.errors import StoreError

from . import views
from .dialect import Address, engine

Migration = Callable[[Connection], None]


def m001_runs_and_their_journal(connection: Connection) -> None:
    """Runs, contents, calls, messages, steps, events."""
    for statement in (_RUN, _CONTENT, _CALL, _MESSAGE, _EVENT):
        _make(connection, statement)
    _view(connection, views.STEP)
    connection.execute(text("CREATE UNIQUE INDEX call_seq ON call (run, seq)"))
    connection.execute(text("CREATE INDEX run_started ON run (started)"))


def m002_views_for_people(connection: Connection) -> None:
    """`said`: who said what, in order; `spend`: what each agent used of each model."""
    _view(connection, views.SAID)
    _view(connection, views.SPEND)


def m003_spend_without_what_was_taken_over(connection: Connection) -> None:
    """`spend` leaves out the calls of a fork for which no request was sent: the other run paid for them."""
    connection.execute(text("DROP VIEW spend"))
    _view(connection, views.SPEND.replace("FROM call", "FROM call WHERE attempts > 0"))


def m004_scores(connection: Connection) -> None:
    """`score`: the graded samples that nodes of the kind `score` wrote, by their place in the list."""
    _view(connection, views.SCORE)


def m005_leases(connection: Connection) -> None:
    """`lease`: which worker has taken which run, and until when."""
    _make(connection, _LEASE)
    connection.execute(text("CREATE INDEX lease_scenario ON lease (scenario)"))
    connection.execute(text("CREATE INDEX lease_worker ON lease (worker)"))


def m006_replies_to_take(connection: Connection) -> None:
    """`reply`: the calls whose replies other runs may take."""
    _make(connection, _REPLY)
    connection.execute(text("CREATE INDEX reply_run ON reply (run)"))


MIGRATIONS: Sequence[Migration] = (
    m001_runs_and_their_journal,
    m002_views_for_people,
    m003_spend_without_what_was_taken_over,
    m004_scores,
    m005_leases,
    m006_replies_to_take,
)


def behind(connection: Connection, where: str, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """How many steps the schema lacks.

    Raises:
        StoreError: the database was written by a newer rebut, or by another program.
    """
    done = 0
    tables = inspect(connection).get_table_names()
    if tables and "migration" not in tables:
        raise StoreError(
            f"cannot open store {where}: it is a database of another program: open another store"
        )
    if tables:
        done = connection.execute(text("SELECT coalesce(max(number), 0) FROM migration")).scalar_one()
    if done > len(migrations):
        raise StoreError(
            f"store {where} was written by a newer rebut (schema {done}, known here: {len(migrations)}): "
            "upgrade rebut, or open another store"
        )
    return len(migrations) - done


def migrate(connection: Connection, where: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Take the next step that the schema lacks; the caller's transaction lets nobody else take one."""
    _make(connection, _MIGRATION)
    if lacking := behind(connection, where, migrations):
        number = len(migrations) - lacking + 1
        migrations[number - 1](connection)
        _note(connection, number, migrations[number - 1])


def _make(connection: Connection, table: str) -> None:
    """Make a table. Texts are compared byte by byte, and numbers have 64 bits, as they do in SQLite."""
    if connection.dialect.name == "postgresql":
        table = table.replace(" TEXT", ' TEXT COLLATE "C"').replace(" INTEGER", " BIGINT")
    connection.execute(text(table))


def _view(connection: Connection, view: str) -> None:
    if connection.dialect.name == "postgresql":
        view = views.ON_POSTGRESQL.get(view, view)
    connection.execute(text(view))


def _note(connection: Connection, number: int, step: Migration) -> None:
    connection.execute(
        text("INSERT INTO migration (number, name, applied) VALUES (:number, :name, :applied)"),
        {"number": number, "name": step.__name__, "applied": time.time()},
    )


def bring_up_to_date(where: Address) -> None:
    """Make the database if need be, and take all steps that its schema lacks.

    Raises:
        StoreError: the database was written by a newer rebut, or by another program.
    """
    where.make()
    with _disposed(engine(where, writes=False)) as reader, reader.begin() as connection:
        lacking = behind(connection, str(where))
    where.settle()
    if not lacking:
        return
    with _disposed(engine(where, writes=True)) as writer:
        while lacking:
            with writer.begin() as connection:
                where.hold_schema(connection)
                migrate(connection, str(where))
                lacking = behind(connection, str(where))


@contextmanager
def _disposed(made: Engine) -> Generator[Engine, None, None]:
    try:
        yield made
    finally:
        made.dispose()


_MIGRATION = """
CREATE TABLE IF NOT EXISTS migration (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied DOUBLE PRECISION NOT NULL
)"""

_RUN = """
CREATE TABLE run (
    id TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    input TEXT NOT NULL,
    params TEXT NOT NULL,
    models TEXT NOT NULL,
    seed BIGINT NOT NULL,
    budget TEXT NOT NULL,
    status TEXT NOT NULL,
    answer TEXT NOT NULL,
    stop_reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    calls INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    usd DOUBLE PRECISION,
    busy DOUBLE PRECISION NOT NULL,
    started DOUBLE PRECISION NOT NULL,
    finished DOUBLE PRECISION,
    seconds DOUBLE PRECISION,
    parent TEXT,
    version TEXT NOT NULL,
    owner TEXT,
    machine TEXT,
    pid BIGINT,
    born BIGINT,
    beat DOUBLE PRECISION
)"""

_CONTENT = """
CREATE TABLE content (
    hash TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
)"""

_CALL = """
CREATE TABLE call (
    run TEXT NOT NULL,
    path TEXT NOT NULL,
    seq INTEGER NOT NULL,
    node TEXT NOT NULL,
    visit INTEGER NOT NULL,
    agent TEXT NOT NULL,
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    n INTEGER NOT NULL,
    request TEXT NOT NULL,
    response TEXT,
    error TEXT,
    message TEXT NOT NULL,
    http_status INTEGER,
    attempts INTEGER NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    usd DOUBLE PRECISION,
    seconds DOUBLE PRECISION NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    wall DOUBLE PRECISION NOT NULL,
    used BOOLEAN NOT NULL,
    PRIMARY KEY (run, path)
)"""

_MESSAGE = """
CREATE TABLE message (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    call TEXT NOT NULL,
    agent TEXT NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, seq, place)
)"""

_EVENT = """
CREATE TABLE event (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (run, seq)
)"""

_LEASE = """
CREATE TABLE lease (
    run TEXT NOT NULL PRIMARY KEY,
    scenario TEXT NOT NULL,
    worker TEXT NOT NULL,
    machine TEXT NOT NULL,
    pid BIGINT NOT NULL,
    born BIGINT NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    attempts INTEGER NOT NULL
)"""

_REPLY = """
CREATE TABLE reply (
    request TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL,
    path TEXT NOT NULL
)"""
