"""What is read from the store, as functions of a connection."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson
from sqlalchemy import Connection, RowMapping, func, select, text

from rebut.errors import InputError, suggest
from rebut.records import Usage

from ..models.wire import Response
from . import rows, runs
from .dialect import begins
from .owner import lives
from .tables import CALL, CONTENT, EVENT, MESSAGE, RUN
from .values import FirstScore, RecordedCall, RunInfo, RunStart, Said, Status

Row = RowMapping

CHUNK = 500
"""How many hashes are looked up in one statement."""


def run_row(connection: Connection, name: str) -> Row:
    """The row of the run with this id, or with the only id that begins so.

    Raises:
        InputError: there is none, or more than one.
    """
    query = select(RUN).where(begins(RUN.c.id, name) if name else RUN.c.id == name).order_by(RUN.c.id)
    found = connection.execute(query).mappings().all()
    exact = [row for row in found if row["id"] == name]
    if not exact and len(found) > 1:
        ids = ", ".join(row["id"] for row in found[:5]) + (", ..." if len(found) > 5 else "")
        raise InputError(f"run {name!r} is not the only one that begins so (possible: {ids})")
    if not found:
        latest = connection.execute(select(RUN.c.id).order_by(RUN.c.started.desc()).limit(5)).scalars()
        raise InputError(f"no run {name!r}{suggest(name, list(latest))}")
    return (exact or found)[0]


def standing(row: Row) -> RunInfo:
    """The run of a row; one whose process is gone is ``interrupted``."""
    info = runs.info_of(row)
    if info.status == "running" and not is_alive(row):
        return replace(info, result=replace(info.result, status="interrupted"))
    return info


def is_alive(row: Row) -> bool:
    """Whether the process that holds the run of a row lives."""
    return lives(row["machine"], row["pid"], row["born"], row["beat"], time.time())


def run_list(
    connection: Connection, limit: int, workflow: str | None, status: Status | None
) -> list[RunInfo]:
    """Runs, latest first; those of scenarios, whose ids have a point in them, are left out."""
    query = select(RUN).order_by(RUN.c.started.desc(), RUN.c.id.desc())
    query = query.where(~RUN.c.id.contains("."))
    if workflow is not None:
        query = query.where(RUN.c.workflow == workflow)
    if status is not None:
        query = query.where(RUN.c.status.in_({status, "running"} if status == "interrupted" else {status}))
    if status not in ("running", "interrupted"):
        query = query.limit(limit)
    found: list[RunInfo] = []
    for row in connection.execute(query).mappings():
        info = standing(row)
        if len(found) == limit:
            break
        if status is None or info.status == status:
            found.append(info)
    return found


def runs_of(connection: Connection, scenario: str) -> list[RunInfo]:
    """All runs of a scenario, by its name, in the order of their ids.

    Those that have not ended, or whose process died, have used what their calls so far did.
    """
    query = select(RUN).where(begins(RUN.c.id, f"{scenario}.")).order_by(RUN.c.id)
    found = [standing(row) for row in connection.execute(query).mappings()]
    used = _used(connection, [info.id for info in found if info.status in ("running", "interrupted")])
    return [
        replace(info, result=replace(info.result, usage=used[info.id])) if info.id in used else info
        for info in found
    ]


def _used(connection: Connection, ids: Sequence[str]) -> dict[str, Usage]:
    """What the calls of runs used, as far as they were paid for."""
    found: dict[str, Usage] = {}
    for start in range(0, len(ids), CHUNK):
        among = CALL.c.run.in_(ids[start : start + CHUNK]) & (CALL.c.attempts > 0)
        sums = (func.sum(CALL.c[name]) for name in _SUMMED)
        priced, calls = func.count(CALL.c.usd), func.count()
        query = select(CALL.c.run, priced, calls, func.sum(CALL.c.n), *sums).where(among).group_by(CALL.c.run)
        for row in connection.execute(query):
            run, with_price, of, completions, *figures = tuple(row)
            requests, prompt, completion, cached, reasoning, usd, seconds = figures
            found[run] = Usage(
                calls=int(completions),
                requests=int(requests),
                prompt=int(prompt),
                completion=int(completion),
                cached=int(cached),
                reasoning=int(reasoning),
                usd=usd if with_price == of else None,
                seconds=seconds,
            )
    return found


_SUMMED = (
    "attempts", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "usd", "seconds",
)  # fmt: skip


def start_of(connection: Connection, row: Row) -> RunStart:
    """The start of the run of a row, with its snapshot."""
    bodies = _contents(connection, [row["snapshot"]])
    return runs.start_of(row, bodies[row["snapshot"]])


def calls_of(connection: Connection, run: str) -> list[RecordedCall]:
    """The calls of a run, in the order in which they were handed over."""
    query = select(CALL).where(CALL.c.run == run).order_by(CALL.c.seq)
    found = connection.execute(query).mappings().all()
    bodies = _contents(connection, (h for row in found for h in (row["request"], row["response"]) if h))
    texts = _contents(connection, (h for body in bodies.values() for h in rows.references(body)))
    return [rows.call_of(row, {**texts, **bodies}) for row in found]


def response(connection: Connection, address: str) -> Response:
    """The response under an address."""
    body = _contents(connection, [address])
    return rows.response_at(address, {**body, **_contents(connection, rows.references(body[address]))})


def payloads(connection: Connection, run: str) -> list[bytes]:
    """The durable events of a run, as lines of JSON."""
    query = select(EVENT.c.payload).where(EVENT.c.run == run).order_by(EVENT.c.seq)
    return [payload.encode() for payload in connection.execute(query).scalars()]


def first_scores(connection: Connection, workflow: str | None) -> list[FirstScore]:
    """The first score of each node that grades, run by run; a fork's are those of the run before it."""
    rows_ = connection.execute(text(_FIRST_SCORES), {"workflow": workflow}).mappings()
    return [
        FirstScore(
            workflow=row["workflow"],
            models=orjson.loads(row["models"]),
            params=orjson.loads(row["params"]),
            node=row["node"],
            score=row["score"],
        )
        for row in rows_
    ]


_FIRST_SCORES = """
SELECT run.workflow, run.models, run.params, score.node, score.score
FROM run JOIN score ON score.run = run.id
WHERE run.parent IS NULL AND score.visit = 1 AND score.place = 0
  AND (CAST(:workflow AS text) IS NULL OR run.workflow = :workflow)
ORDER BY run.started, run.id, score.node"""


def said(connection: Connection, run: str) -> list[Said]:
    """What was said in a run, in order."""
    query = (
        select(
            *(MESSAGE.c[name] for name in ("seq", "place", "call", "agent", "role")),
            *(CALL.c[name] for name in ("node", "model")),
            CONTENT.c.body.label("text"),
        )
        .join(CALL, (CALL.c.run == MESSAGE.c.run) & (CALL.c.seq == MESSAGE.c.seq))
        .join(CONTENT, CONTENT.c.hash == MESSAGE.c.text)
        .where(MESSAGE.c.run == run)
        .order_by(MESSAGE.c.seq, MESSAGE.c.place)
    )
    return [rows.said_of(row) for row in connection.execute(query).mappings()]


def _contents(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(hashes))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk: Sequence[str] = wanted[start : start + CHUNK]
        query = select(CONTENT.c.hash, CONTENT.c.body).where(CONTENT.c.hash.in_(chunk))
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found
