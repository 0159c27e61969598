"""A store in a database of PostgreSQL."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from rebut.errors import InputError, SettingsError, StoreError

from . import nul
from .address import Address, cause_of

READERS = 4
"""How many connections an open store reads over at most; it writes over one more."""

MIGRATING = 0x7265627574
"""The number of the advisory lock under which the schema changes: ``rebut`` in ASCII."""


def schema_name(name: str) -> str:
    """The name of a schema, as it is written without quotes.

    Raises:
        InputError: it would have to be quoted.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise InputError(f"a store's schema has a name of a-z, 0-9 and _, found {name!r}")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Address):
    """A database on a server; `durability` ``full`` leaves its commits to how the server is set up.

    `schema` holds the tables; empty for the one where the role's tables go anyway.
    """

    url: URL
    durability: str = "full"
    schema: str = ""

    OPTIONS: ClassVar[Mapping[str, Callable[[str], Any]]] = {"schema": schema_name}

    DRIVER_OPTIONS: ClassVar[tuple[str, ...]] = (
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "host",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "passfile",
        "port",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
    )

    def __str__(self) -> str:
        shown = self.url.set(drivername="postgresql").render_as_string(hide_password=True)
        return f"{shown}{'&' if '?' in shown else '?'}schema={self.schema}" if self.schema else shown

    def engine(self, *, writes: bool) -> Engine:
        """An engine whose writing transactions see what others have committed, and reading ones one state.

        Raises:
            SettingsError: psycopg is not installed.
        """
        try:
            made = create_engine(
                self.url,
                connect_args=self._link(),
                isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
                execution_options={} if writes else {"postgresql_readonly": True},
                paramstyle="format",
                use_native_hstore=False,
                pool_size=1 if writes else READERS,
                max_overflow=0,
            )
        except ImportError as error:
            raise SettingsError(
                "a store on PostgreSQL needs the driver psycopg: install rebut[postgres]"
            ) from error
        event.listen(made, "connect", self._prepared)
        return made

    def _link(self) -> dict[str, Any]:
        """Settings of the connection: one that is cut off is given up within a minute, not in hours."""
        settings = {
            "connect_timeout": max(2, round(self.timeout)),
            "fallback_application_name": "rebut",
            "client_encoding": "utf8",
            "keepalives_idle": 20,
            "keepalives_interval": 5,
            "keepalives_count": 4,
            "tcp_user_timeout": 45_000,
        }
        return {key: value for key, value in settings.items() if key not in self.url.query}

    def _prepared(self, connection: Any, _record: object) -> None:
        encoding = connection.pgconn.parameter_status(b"server_encoding").decode()
        if encoding != "UTF8":
            raise StoreError(
                f"cannot open store {self}: its database has the encoding {encoding}: "
                "make one with the encoding UTF8 (createdb --encoding=UTF8 --template=template0)"
            )
        nul.adapt(connection)
        numbers: Any = importlib.import_module("psycopg.types.numeric")
        for dumper in (numbers.Int8BinaryDumper, numbers.Int8Dumper):  # one prepared statement for all sizes
            connection.adapters.register_dumper(int, dumper)
        was, connection.autocommit = connection.autocommit, True
        for setting in self._session():
            connection.execute(setting)
        connection.autocommit = was

    def _session(self) -> list[str]:
        said = [f"SET lock_timeout = {max(1, round(self.timeout * 1000))}"]
        if self.durability == "normal":
            said.append("SET synchronous_commit = off")
        if self.schema:
            said.append(f"SET search_path = {self.schema}")
        return said

    def make(self) -> None:
        """Make the schema that the address names."""
        if not self.schema:
            return
        made = self.engine(writes=True)
        there = text("SELECT count(*) FROM pg_namespace WHERE nspname = :name")
        try:
            with made.begin() as connection:
                self.hold_schema(connection)
                if not connection.execute(there, {"name": self.schema}).scalar_one():
                    connection.execute(text(f"CREATE SCHEMA {self.schema}"))
        finally:
            made.dispose()

    def settle(self) -> None:
        """Nothing to do."""

    def hold_schema(self, connection: Connection) -> None:
        """Let nobody else change the schema until the transaction ends."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATING})

    def concerns_rows(self, error: Exception) -> bool:
        """Whether a statement failed because of its rows, so that other rows may still be written."""
        cause = cause_of(error)
        state = _state(cause)
        if state:
            return state[:2] in ("22", "23", "54")  # wrong data, a constraint, too large
        return not _is_operational(cause)

    def may_repeat(self, error: Exception, *, committing: bool) -> bool:
        """After a deadlock; and when the connection was lost before the commit was sent."""
        cause = cause_of(error)
        if _state(cause)[:2] == "40":
            return True
        return not committing and _is_lost(error)

    def why(self, error: Exception, *, committing: bool = False) -> str:
        """What failed, and what to do about it; `committing` when the commit had been sent."""
        cause = cause_of(error)
        state, said = _state(cause), _first_line(cause)
        if committing and _is_lost(error):
            return _AMID.format(cause=said)
        for codes, words in _REASONS:
            if state and state.startswith(codes):
                return words.format(timeout=self.timeout, cause=said)
        if state or not _is_operational(cause):
            return said
        return _unreached(said)


def _state(cause: BaseException) -> str:
    """The server's code of an error; empty when the server did not say it."""
    return getattr(cause, "sqlstate", None) or ""


def _is_operational(cause: BaseException) -> bool:
    return any(kind.__name__ in ("OperationalError", "InterfaceError") for kind in type(cause).__mro__)


_LOST = ("08", "57P01", "57P02", "57P03", "57P05")


def _is_lost(error: Exception) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = cause_of(error)
    state = _state(cause)
    return state.startswith(_LOST) if state else _is_operational(cause)


def _first_line(cause: BaseException) -> str:
    """What the driver says, without where it tried and without its hints."""
    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    said = next((line for line in lines if "FATAL:" in line), lines[0] if lines else type(cause).__name__)
    return re.sub(r"^.*FATAL:\s*|^connection failed:\s*", "", said)


def _unreached(said: str) -> str:
    if "password" in said or "role " in said or "pg_hba" in said:
        return f"the server does not let this role in ({said}): mend user and password, or set PGPASSWORD"
    if "database " in said and "does not exist" in said:
        return f"there is no such database ({said}): make it with createdb, or mend the URL"
    return f"the server cannot be reached ({said}): look at host and port, and whether it runs"


_AMID = (
    "the server went away amid a commit ({cause}), and whether it was made cannot be told: "
    "once the server runs again, resume the run"
)
_GONE = "the server ended the connection ({cause}): once it runs again, resume the run"
_DENIED = "the role may not do this ({cause}): grant it the right, or use the role that owns the store"

_REASONS = (
    ("55P03", "another process has kept it locked for {timeout:g} s: end that process, or try again"),
    ("53100", "the server's disk is full: make room, then resume the run"),
    ("53300", "the server takes no more connections ({cause}): end some, or raise its max_connections"),
    ("53", "the server is out of resources ({cause}): look at the server, then resume the run"),
    ("25006", "the server only reads (a standby, or set so): use the one that writes"),
    ("42501", _DENIED),
    ("28", "the server does not let this role in ({cause}): mend user and password, or set PGPASSWORD"),
    ("3D000", "there is no such database ({cause}): make it with createdb, or mend the URL"),
    ("08", _GONE),
    ("57P", _GONE),
    ("58", "the server's disk failed ({cause}): look at the server, then resume the run"),
    ("XX", "the server failed or its files are damaged ({cause}): look at its log, or restore a copy"),
)
