"""What the store asks of a database, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

TIMEOUT = 10.0
"""Seconds to wait for another process's write before giving up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address(ABC):
    """Where a store is; as text without a password.

    `durability` ``normal`` survives the death of the process at any moment, and may lose the last commits,
    never the store, when the machine that holds it fails; ``full`` keeps those too, and is slower.

    `timeout` is how many seconds to wait for another process's write.
    """

    durability: str
    timeout: float = TIMEOUT

    @abstractmethod
    def engine(self, *, writes: bool) -> Engine:
        """An engine for one that writes, or for many that read.

        What one reading transaction sees does not change under it.

        Raises:
            SettingsError: the database's driver is not installed.
        """

    @abstractmethod
    def make(self) -> None:
        """Make what must be there before one can look into the database."""

    @abstractmethod
    def settle(self) -> None:
        """Set what holds for the whole database, once it is known that it is no other program's."""

    @abstractmethod
    def hold_schema(self, connection: Connection) -> None:
        """Let nobody else change the schema until the transaction ends."""

    @abstractmethod
    def concerns_rows(self, error: Exception) -> bool:
        """Whether a statement failed because of its rows, so that other rows may still be written."""

    @abstractmethod
    def may_repeat(self, error: Exception, *, committing: bool) -> bool:
        """Whether the transaction that failed left nothing behind, and may succeed when it is done again."""

    @abstractmethod
    def why(self, error: Exception, *, committing: bool = False) -> str:
        """What failed, and what to do about it; `committing` when the commit had been sent."""


def cause_of(error: Exception) -> BaseException:
    """The driver's own error."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
