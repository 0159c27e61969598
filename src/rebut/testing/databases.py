"""The databases of a test: where its store is, and a look into it past the store."""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from rebut.testing.postgres import Cluster


class Database(ABC):
    """A database that a store can be opened on, by its `url`."""

    url: str
    name: str

    @property
    def shown(self) -> str:
        """How messages name the store, as a pattern."""
        return re.escape(self.name)

    @abstractmethod
    def with_(self, **options: Any) -> str:
        """The URL with options of the store."""

    @abstractmethod
    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds; or do something else, and commit it."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """Keep all writers out meanwhile, as another program would."""

    def one(self, sql: str) -> Any:
        """The first value that a query finds."""
        return self.rows(sql)[0][0]


class InFile(Database):
    """A file of SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = self.name = str(path)

    def with_(self, **options: Any) -> str:
        """The URL with options of the store."""
        return f"sqlite:///{self.path}?" + "&".join(f"{key}={value}" for key, value in options.items())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds; or do something else, and commit it."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep all writers out meanwhile, as another program would."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")


class OnServer(Database):
    """A database of a PostgreSQL server."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self.cluster = cluster
        self.database = database
        self.url = cluster.url(database)
        self.name = self.url.replace(cluster.password, "***")

    def with_(self, **options: Any) -> str:
        """The URL with options of the store."""
        return self.cluster.url(self.database, **{key: str(value) for key, value in options.items()})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds; or do something else, and commit it."""
        return self.cluster.run(self.database, sql)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep all writers out meanwhile, as another program would."""
        with self.cluster.connect(self.database) as connection, connection.transaction():
            connection.execute("LOCK TABLE run, content, call, message, event IN EXCLUSIVE MODE")
            yield
