"""Which runs of a store are meant: by id, scenario, state and age."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, or_, select

from rebut.errors import InputError

from .reads import is_alive, run_row
from .tables import RUN
from .values import Status

UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
PAGE = 1000
"""How many rows are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Runs for which all of this holds; what is empty holds for every run.

    Attributes:
        runs: ids, or beginnings of ids that no other run has.
        scenario: a scenario's name.
        since, until: when they began, in seconds since the epoch; `until` itself is left out.
    """

    runs: Sequence[str] = ()
    scenario: str = ""
    statuses: frozenset[Status] = frozenset()
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A run as far as it matters for whether it is meant.

    `mark` changes whenever a process takes the run up or ends it.
    """

    id: str
    workflow: str
    parent: str | None
    status: Status
    mark: tuple[Any, ...]

    @property
    def alive(self) -> bool:
        """Whether a living process holds it."""
        return self.status == "running"


_MARK = ("status", "started", "finished", "owner", "beat", "calls")
_LIFE = ("machine", "pid", "born", "beat")
COLUMNS = [RUN.c[name] for name in dict.fromkeys(("id", "workflow", "parent", *_MARK, *_LIFE))]
"""What a standing is made of."""


def standing_of(row: RowMapping) -> Standing:
    """The standing of a run; one whose process is gone is ``interrupted``."""
    status: Status = row["status"]
    if status == "running" and not is_alive(row):
        status = "interrupted"
    return Standing(row["id"], row["workflow"], row["parent"], status, tuple(row[name] for name in _MARK))


def chosen(connection: Connection, choice: Choice) -> list[Standing]:
    """The runs that are meant, in the order in which they began.

    Raises:
        InputError: no run has an id that was given, or several have.
    """
    query = select(*COLUMNS).order_by(RUN.c.started, RUN.c.id)
    named = [run_row(connection, name)["id"] for name in choice.runs]
    if not named:
        return _all(connection, query, choice)
    rows = [connection.execute(query.where(RUN.c.id == name)).mappings().one() for name in set(named)]
    rows.sort(key=lambda row: (row["started"], row["id"]))
    return [one for row in rows if _fits(row, one := standing_of(row), choice)]


def _all(connection: Connection, query: Select[Any], choice: Choice) -> list[Standing]:
    """Page by page, so that the rows of a large store are never held all at once."""
    found: list[Standing] = []
    last: RowMapping | None = None
    while True:
        page = query.limit(PAGE)
        if last is not None:
            later = and_(RUN.c.started == last["started"], RUN.c.id > last["id"])
            page = page.where(or_(RUN.c.started > last["started"], later))
        rows = connection.execute(page).mappings().all()
        found += [one for row in rows if _fits(row, one := standing_of(row), choice)]
        if len(rows) < PAGE:
            return found
        last = rows[-1]


def _fits(row: RowMapping, run: Standing, choice: Choice) -> bool:
    return (
        (not choice.scenario or run.id.startswith(f"{choice.scenario}."))
        and (not choice.statuses or run.status in choice.statuses)
        and (choice.since is None or row["started"] >= choice.since)
        and (choice.until is None or row["started"] < choice.until)
    )


def moment(text: str, now: float | None = None) -> float:
    """A date, a date with a time, or an age such as ``30d`` (``m`` minutes, ``h``, ``d``, ``w``).

    >>> moment("2h", now=10_000.0)
    2800.0

    Returns:
        Seconds since the epoch; without a zone it is local time.

    Raises:
        InputError: neither.
    """
    if age := re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([mhdw])", text.strip()):
        return (time.time() if now is None else now) - float(age[1]) * UNITS[age[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"neither a date nor an age: {text!r} (like: 2026-11-21, 30d, 12h)") from None
