"""What the agents of many runs used of which model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from rebut.records import Usage

from .tables import CALL

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Spent:
    """What one agent of a run used of one model."""

    run: str
    agent: str
    model: str
    usage: Usage


def spent(connection: Connection, ids: Sequence[str]) -> list[Spent]:
    """By run, agent and model, without calls of a fork for which another run paid."""
    found: list[Spent] = []
    keys = (CALL.c.run, CALL.c.agent, CALL.c.model)
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "seconds", "usd")
    for start in range(0, len(ids), CHUNK):
        query = select(
            *keys,
            func.count(),
            func.count(CALL.c.usd),
            func.sum(CALL.c.n),
            *(func.sum(CALL.c[n]) for n in names),
        )
        some = CALL.c.run.in_(ids[start : start + CHUNK])
        query = query.where(some, CALL.c.attempts > 0).group_by(*keys).order_by(*keys)
        for run, agent, model, calls, priced, n, prompt, written, cached, reasoning, seconds, usd in (
            tuple(row) for row in connection.execute(query)
        ):
            usage = Usage(
                calls=int(n),
                requests=calls,
                prompt=int(prompt),
                completion=int(written),
                cached=int(cached),
                reasoning=int(reasoning),
                seconds=seconds,
                usd=usd if priced == calls else None,
            )
            found.append(Spent(run, agent, model, usage))
    return found
