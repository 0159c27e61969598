"""What is in a store: where it is, how much there is of what, since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, text

from .choosing import Choice, chosen
from .dialect import Address, File
from .reach import reach
from .tables import CALL, CONTENT, EVENT, MESSAGE, RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A store, counted.

    Attributes:
        kind: ``sqlite`` or ``postgresql``; `server` is the database's version.
        schema: how many steps of its schema were taken.
        runs: how many, by how they stand; `trials` of them belong to scenarios.
        size: bytes on disk.
        free: bytes of them that wait to be used again; 0 where that cannot be told.
        oldest, newest: when the first and the last run began, in seconds since the epoch.
    """

    where: str
    kind: str
    server: str
    schema: int
    runs: Mapping[str, int]
    trials: int
    calls: int
    events: int
    contents: int
    size: int
    free: int
    oldest: float | None
    newest: float | None


def inventory(where: Address) -> Inventory:
    """Count what a store holds.

    Raises:
        InputError: there is no store.
        StoreError: the database fails.
    """
    with reach(where, "read") as engine:
        with engine.begin() as connection:
            runs = chosen(connection, Choice())
            calls, events, contents = (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (CALL, EVENT, CONTENT)
            )
            span = connection.execute(select(func.min(RUN.c.started), func.max(RUN.c.started))).one()
            schema = connection.execute(text("SELECT max(number) FROM migration")).scalar_one()
            version = connection.dialect.server_version_info or ()
        size, free = sizes(where, engine)
        return Inventory(
            where=str(where),
            kind=engine.dialect.name,
            server=".".join(map(str, version)),
            schema=schema,
            runs=dict(Counter(run.status for run in runs)),
            trials=sum("." in run.id for run in runs),
            calls=calls,
            events=events,
            contents=contents,
            size=size,
            free=free,
            oldest=span[0],
            newest=span[1],
        )


def sizes(where: Address, engine: Engine) -> tuple[int, int]:
    """Bytes of a store on disk, and bytes of them that are free."""
    with engine.begin() as connection:
        if not isinstance(where, File):
            names = ", ".join(f"'{table.name}'::regclass" for table in (RUN, CALL, MESSAGE, EVENT, CONTENT))
            query = f"SELECT sum(pg_total_relation_size(t)) FROM unnest(ARRAY[{names}]) AS t"
            return int(connection.execute(text(query)).scalar_one()), 0
        pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    files = [where.path.with_name(where.path.name + end) for end in ("", "-wal")]
    return sum(file.stat().st_size for file in files if file.is_file()), pages * size
