"""What happened in many runs at once: their durable events of a few kinds, as they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from .tables import EVENT

CHUNK = 500
"""How many runs are read with one statement."""


def happenings(
    connection: Connection, ids: Sequence[str], kinds: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """The events of runs in their order, by run, as `rebut.events.Event.as_dict` gives them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        query = (
            select(EVENT.c.run, EVENT.c.payload)
            .where(EVENT.c.run.in_(chunk), EVENT.c.kind.in_(kinds))
            .order_by(EVENT.c.run, EVENT.c.seq)
        )
        for run, payload in connection.execute(query):
            found.setdefault(run, []).append(orjson.loads(payload))
    return found
