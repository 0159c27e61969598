"""Removes runs that are no longer wanted, and the texts that no run refers to any more.

Texts are kept once, and a process may refer to one at any moment. A text is only removed in a transaction
that no other one writes beside, and only if no run refers to it then: those that have not changed since all
references were read do not, and those that have, or are under way, are read again. A writer hands over every
text with the call that refers to it, so it never relies on one that was there before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, select, text

from . import rows
from .choosing import COLUMNS, Choice, Standing, chosen, standing_of
from .dialect import Address
from .inventory import sizes
from .reach import reach, repeated
from .tables import CALL, CONTENT, EVENT, LEASE, MESSAGE, REPLY, RUN

RUNS_AT_ONCE = 100
"""How many runs are removed, or read, in one transaction."""

TEXTS_AT_ONCE = 10_000
"""How many texts are removed in one transaction, which others wait for."""

IN_MEMORY = 1_000_000
"""How many addresses of texts are held at a time; of more texts, a part is looked at after another."""

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be removed.

    Attributes:
        runs: in the order in which they began; `kinds` counts them by workflow.
        alive: runs that are meant, and under way: they stay.
        parents: runs that are meant, and that others which stay were forked from: they stay.
        kept: runs that are meant, and among the latest, as many as were to be kept.
        texts, size: contents that no other run refers to, and their characters.
    """

    runs: tuple[Standing, ...]
    alive: int
    parents: int
    kept: int
    calls: int
    texts: int
    size: int

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many runs of each workflow."""
        return Counter(run.workflow for run in self.runs)


@dataclass(slots=True)
class Freed:
    """What was removed. `changed` are runs that were taken up meanwhile, and so stayed."""

    runs: int = 0
    calls: int = 0
    events: int = 0
    texts: int = 0
    changed: int = 0
    before: int = 0
    after: int = 0
    shrunk: bool = False

    def count(self, meant: int, runs: int, calls: int, events: int) -> None:
        """Add what was removed of so many runs that were meant."""
        self.runs, self.calls, self.events = self.runs + runs, self.calls + calls, self.events + events
        self.changed += meant - runs


@dataclass(slots=True)
class _References:
    """Which texts the runs refer to that were read, and how those runs stood before."""

    marks: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    unused: set[bytes] = field(default_factory=set)


def plan(where: Address, choice: Choice, *, keep: int = 0, any_run: bool = True) -> Plan:
    """Find out what `collect` would remove; changes nothing.

    Args:
        keep: so many of the runs that are meant stay, the latest.
        any_run: False: no run at all is meant, only texts that nobody refers to.

    Raises:
        InputError: there is no store, or no such run.
        StoreError: the database fails.
    """
    with reach(where, "read") as engine:
        with engine.begin() as connection:
            found = _doomed(connection, choice, keep) if any_run else Plan((), 0, 0, 0, 0, 0, 0)
            calls = _count_calls(connection, [run.id for run in found.runs])
        texts = size = 0
        doomed = {run.id for run in found.runs}
        for low, high in _parts(engine):
            unused = _unused(engine, low, high, doomed).unused
            texts += len(unused)
            size += _size(engine, unused)
        return replace(found, calls=calls, texts=texts, size=size)


def collect(where: Address, found: Plan, *, shrink: bool = True) -> Freed:
    """Remove the runs of a plan, as far as nobody has taken them up since, and all unused texts.

    Args:
        shrink: give the room back to the file system, too, unless a run is under way.

    Raises:
        InputError: there is no store.
        StoreError: the database fails; what was removed before stays removed, and nothing is in halves.
    """
    freed = Freed()
    with reach(where, "clean") as reader, reach(where, "clean", writes=True) as writer:
        freed.before, _ = sizes(where, reader)
        doomed = {run.id: run for run in found.runs}
        for some in _chunks(found.runs, RUNS_AT_ONCE):
            freed.count(len(some), *repeated(where, writer, partial(_remove, some, doomed)))
        repeated(where, writer, _remove_strays)
        for low, high in _parts(reader):
            known = _unused(reader, low, high, frozenset())
            for batch in _chunks(sorted(known.unused), TEXTS_AT_ONCE):
                freed.texts += repeated(where, writer, partial(_sweep, batch, known))
        freed.shrunk = shrink and _shrink(writer)
        freed.after, _ = sizes(where, reader)
    return freed


def _doomed(connection: Connection, choice: Choice, keep: int) -> Plan:
    meant = chosen(connection, choice)
    kept = {run.id for run in meant[-keep:]} if keep > 0 else set[str]()
    alive = {run.id for run in meant if run.alive}
    doomed = {run.id: run for run in meant if run.id not in alive | kept}
    parents = _parents_of_kept(connection, doomed)
    runs = tuple(run for run in meant if run.id in doomed and run.id not in parents)
    return Plan(runs, len(alive), len(parents), len(kept - alive), 0, 0, 0)


def _parents_of_kept(connection: Connection, doomed: Mapping[str, Standing]) -> set[str]:
    """Those of the runs from which one was forked that stays, or a fork of it."""
    children = connection.execute(select(RUN.c.id, RUN.c.parent).where(RUN.c.parent.is_not(None)))
    above = {row[0]: row[1] for row in children}
    needed: set[str] = set()
    for run in above:
        if run in doomed:
            continue
        parent: str | None = above[run]
        while parent is not None and parent not in needed:
            needed.add(parent)
            parent = above.get(parent)
    return needed & doomed.keys()


def _count_calls(connection: Connection, runs: Sequence[str]) -> int:
    counts = (
        connection.execute(select(func.count()).select_from(CALL).where(CALL.c.run.in_(some))).scalar_one()
        for some in _chunks(runs, CHUNK)
    )
    return sum(counts)


def _remove(
    runs: Sequence[Standing], doomed: Mapping[str, Standing], connection: Connection
) -> tuple[int, int, int]:
    """Remove runs that stand as they did; returns how many, with how many calls and events."""
    ids = [run.id for run in runs]
    _hold(connection, RUN)
    found = connection.execute(select(*COLUMNS).where(RUN.c.id.in_(ids))).mappings()
    now = {row["id"]: standing_of(row) for row in found}
    forked = select(RUN.c.id, RUN.c.parent).where(RUN.c.parent.in_(ids))
    needed = {parent for child, parent in connection.execute(forked) if child not in doomed}
    going = [run.id for run in runs if now.get(run.id) == run and run.id not in needed]
    counts = [
        connection.execute(delete(table).where(table.c.run.in_(going))).rowcount
        for table in (CALL, EVENT, MESSAGE, LEASE, REPLY)
    ]
    connection.execute(delete(RUN).where(RUN.c.id.in_(going)))
    return len(going), counts[0], counts[1]


def _remove_strays(connection: Connection) -> None:
    """Remove what a process left behind whose run was removed while it seemed to be dead."""
    for table in (EVENT, MESSAGE, CALL, REPLY):
        connection.execute(delete(table).where(table.c.run.not_in(select(RUN.c.id))))


def _parts(engine: Engine) -> Iterator[tuple[str, str]]:
    """Ranges of addresses, each of which has few enough texts."""
    with engine.begin() as connection:
        count = connection.execute(select(func.count()).select_from(CONTENT)).scalar_one()
    parts = min(256, count // IN_MEMORY + 1)
    edges = [f"{256 * part // parts:02x}" for part in range(parts)] + ["g"]
    yield from pairwise(edges)


def _unused(engine: Engine, low: str, high: str, doomed: Iterable[str]) -> _References:
    """The texts in a range of addresses to which no run refers, but for the doomed ones."""
    known = _References()
    with engine.begin() as connection:
        runs = chosen(connection, Choice())
        known.marks = {run.id: run.mark for run in runs if not _may_change(run)}
    hashes = select(CONTENT.c.hash).where(CONTENT.c.hash >= low, CONTENT.c.hash < high)
    with engine.begin() as connection:
        known.unused = {bytes.fromhex(row[0]) for row in connection.execute(hashes)}
    gone = set(doomed)
    for some in _chunks([run.id for run in runs if run.id not in gone], RUNS_AT_ONCE):
        with engine.begin() as connection:
            known.unused.difference_update(map(bytes.fromhex, _used(connection, some)))
    return known


def _may_change(run: Standing) -> bool:
    """Whether calls may be added to a run without its row being changed; also where it only seems dead."""
    return bool(run.mark[0] == "running")


def _used(connection: Connection, runs: Sequence[str]) -> Iterator[str]:
    """The addresses of the texts to which runs refer."""
    mine = CALL.c.run.in_(runs)
    yield from connection.execute(select(RUN.c.snapshot).where(RUN.c.id.in_(runs))).scalars()
    yield from connection.execute(select(MESSAGE.c.text).where(MESSAGE.c.run.in_(runs))).scalars()
    for column in (CALL.c.request, CALL.c.response):
        query = select(CONTENT.c.hash, CONTENT.c.body).join(CALL, column == CONTENT.c.hash).where(mine)
        for address, body in connection.execute(query.execution_options(yield_per=CHUNK)):
            yield address
            yield from rows.references(body)


def _sweep(texts: Sequence[bytes], known: _References, connection: Connection) -> int:
    """Remove texts to which still no run refers; returns how many."""
    _hold(connection, CONTENT)
    unused = set(texts)
    for some in _chunks(_changed(connection, known), RUNS_AT_ONCE):
        unused.difference_update(map(bytes.fromhex, _used(connection, some)))
    for chunk in _chunks(sorted(unused), CHUNK):
        connection.execute(delete(CONTENT).where(CONTENT.c.hash.in_([one.hex() for one in chunk])))
    return len(unused)


def _changed(connection: Connection, known: _References) -> list[str]:
    return [run.id for run in chosen(connection, Choice()) if known.marks.get(run.id) != run.mark]


def _hold(connection: Connection, table: Table) -> None:
    """Let nobody else write to a table until the transaction ends; SQLite's writers hold the whole file."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE"))


def _size(engine: Engine, texts: Iterable[bytes]) -> int:
    size = 0
    for chunk in _chunks(sorted(texts), CHUNK):
        query = select(func.sum(func.length(CONTENT.c.body)))
        query = query.where(CONTENT.c.hash.in_([one.hex() for one in chunk]))
        with engine.begin() as connection:
            size += connection.execute(query).scalar_one() or 0
    return size


def _shrink(engine: Engine) -> bool:
    """Give free room back; not while a run is under way, which would have to wait for it."""
    with engine.begin() as connection:
        held = select(*COLUMNS).where(RUN.c.status == "running")
        if any(standing_of(row).alive for row in connection.execute(held).mappings()):
            return False
    raw = engine.raw_connection()
    try:
        if engine.dialect.name == "postgresql":
            raw.rollback()
            raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        cursor = raw.cursor()
        for table in ("",) if engine.dialect.name != "postgresql" else _TABLES:
            cursor.execute(f"VACUUM {table}")
        if engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    finally:
        raw.invalidate()
    return True


_TABLES = tuple(table.name for table in (RUN, CALL, MESSAGE, EVENT, CONTENT))


def _chunks(values: Sequence[Any], size: int) -> Iterator[Any]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
