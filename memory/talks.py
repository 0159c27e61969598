"""What was said in many runs at once: for pages about hundreds of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from .tables import CALL, CONTENT, MESSAGE

CHUNK = 500
"""How many runs are read with one statement."""


@dataclass(frozen=True, slots=True)
class Words:
    """The beginning of one completion; `length` is that of the whole, in characters."""

    text: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A model call of a run as its page tells it.

    Attributes:
        tokens: of prompt and completions together; `usd` is None where the price is not known.
        seconds: that the call took.
        error: why it failed, as the name of an error with its `message`; empty where it did not.
        used: False where its outcome was paid for, and nobody waited for it any more.
        said: its completions.
    """

    run: str
    seq: int
    path: str
    node: str
    visit: int
    agent: str
    role: str
    model: str
    tokens: int
    usd: float | None
    seconds: float
    error: str
    message: str
    used: bool
    said: tuple[Words, ...] = ()


def talks(connection: Connection, ids: Sequence[str], most: int) -> dict[str, list[Turn]]:
    """The calls of runs in their order, by run; `most` characters of each completion."""
    found: dict[str, list[Turn]] = {}
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        said = _said(connection, chunk, most)
        query = select(CALL).where(CALL.c.run.in_(chunk)).order_by(CALL.c.run, CALL.c.seq)
        for row in connection.execute(query).mappings():
            turn = Turn(
                tokens=row["prompt_tokens"] + row["completion_tokens"],
                error=row["error"] or "",
                used=bool(row["used"]),
                **{name: row[name] for name in _SAME},
            )
            words = said.get((turn.run, turn.seq), ())
            found.setdefault(turn.run, []).append(replace(turn, said=tuple(words)))
    return found


_SAME = ("run", "seq", "path", "node", "visit", "agent", "role", "model", "usd", "seconds", "message")


def _said(connection: Connection, ids: Sequence[str], most: int) -> dict[tuple[str, int], list[Words]]:
    query = (
        select(
            MESSAGE.c.run,
            MESSAGE.c.seq,
            func.substr(CONTENT.c.body, 1, most).label("text"),
            func.length(CONTENT.c.body).label("length"),
        )
        .join(CONTENT, CONTENT.c.hash == MESSAGE.c.text)
        .where(MESSAGE.c.run.in_(ids))
        .order_by(MESSAGE.c.run, MESSAGE.c.seq, MESSAGE.c.place)
    )
    found: dict[tuple[str, int], list[Words]] = {}
    for run, seq, text, length in connection.execute(query):
        found.setdefault((run, seq), []).append(Words(text, length))
    return found
