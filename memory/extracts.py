"""Tables for who works with data: a row for each run, each call, each thing said; no hashes to follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, select

from .choosing import PAGE, Choice, Standing, chosen
from .flat import USED, Columns
from .tables import CALL, CONTENT, MESSAGE, RUN

RUNS: Columns = {
    "run": "text",
    "workflow": "text",
    "status": "text",
    "stop_reason": "text",
    "answer": "text",
    "detail": "text",
    "started": "number",
    "finished": "number",
    "seconds": "number",
    "seed": "whole",
    "parent": "text",
    "input": "text",
    "params": "text",
    "models": "text",
    **USED,
    "version": "text",
}
CALLS: Columns = {
    "run": "text",
    "seq": "whole",
    "path": "text",
    "node": "text",
    "visit": "whole",
    "agent": "text",
    "role": "text",
    "model": "text",
    "n": "whole",
    "error": "text",
    "message": "text",
    "http_status": "whole",
    "attempts": "whole",
    "prompt_tokens": "whole",
    "completion_tokens": "whole",
    "cached_tokens": "whole",
    "reasoning_tokens": "whole",
    "usd": "number",
    "seconds": "number",
    "at": "number",
    "wall": "number",
    "used": "yesno",
}
MESSAGES: Columns = {
    "run": "text",
    "seq": "whole",
    "place": "whole",
    "node": "text",
    "visit": "whole",
    "agent": "text",
    "role": "text",
    "model": "text",
    "text": "text",
}
TABLES: Mapping[str, Columns] = {"runs": RUNS, "calls": CALLS, "messages": MESSAGES}

CHUNK = 200
"""How many runs are read with one statement."""


def extract(engine: Engine, table: str, choice: Choice) -> Iterator[Sequence[Any]]:
    """The rows of one of `TABLES`, in the order in which runs began and calls were handed over.

    JSON columns (answer, input, params, models) are given as they are kept, as text of JSON.
    """
    with engine.begin() as connection:
        runs = chosen(connection, choice)
    for start in range(0, len(runs), CHUNK):
        some = runs[start : start + CHUNK]
        with engine.begin() as connection:
            yield from _rows(connection, table, some)


def _rows(connection: Connection, table: str, runs: Sequence[Standing]) -> Iterator[Sequence[Any]]:
    place = {run.id: number for number, run in enumerate(runs)}
    query = _QUERIES[table]().execution_options(yield_per=PAGE)
    run_id = RUN.c.id if table == "runs" else CALL.c.run
    if table == "runs":
        found = connection.execute(query.where(run_id.in_(place))).all()
        for row in sorted(found, key=lambda row: place[row[0]]):
            yield (*row[:2], runs[place[row[0]]].status, *row[3:])
        return
    for run in place:
        yield from map(tuple, connection.execute(query.where(run_id == run)))


def _of_runs() -> Select[Any]:
    return select(*(RUN.c["id" if name == "run" else name] for name in RUNS))


def _of_calls() -> Select[Any]:
    return select(*(CALL.c[name] for name in CALLS)).order_by(CALL.c.seq)


def _of_messages() -> Select[Any]:
    query = select(
        *(MESSAGE.c[name] for name in ("run", "seq", "place")),
        *(CALL.c[name] for name in ("node", "visit")),
        *(MESSAGE.c[name] for name in ("agent", "role")),
        CALL.c.model,
        CONTENT.c.body,
    )
    query = query.join(CALL, (CALL.c.run == MESSAGE.c.run) & (CALL.c.seq == MESSAGE.c.seq))
    return query.join(CONTENT, CONTENT.c.hash == MESSAGE.c.text).order_by(MESSAGE.c.seq, MESSAGE.c.place)


_QUERIES = {"runs": _of_runs, "calls": _of_calls, "messages": _of_messages}
