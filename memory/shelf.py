"""Replies that other runs may take: the first good one to each request that was marked for reuse."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, delete, select

from rebut.records import Usage

from ..models.wire import Response
from . import reads
from .dialect import insert_new
from .tables import CALL, REPLY

_ITS_CALL = (CALL.c.run == REPLY.c.run) & (CALL.c.path == REPLY.c.path) & (CALL.c.attempts > 0)
"""The call whose reply is on the shelf; it must have been made: what a fork took over proves nothing."""


def kept(request: str, connection: Connection) -> Response | None:
    """The reply to the request of a hash, at no cost; None if none was kept, or its run is gone."""
    query = select(CALL.c.response).join(REPLY, _ITS_CALL).where(REPLY.c.request == request)
    address = connection.execute(query).scalar_one_or_none()
    if address is None:
        return None
    response = reads.response(connection, address)
    return replace(response, usage=Usage(), seconds=0.0)


def keep(request: str, run: str, path: str, connection: Connection) -> None:
    """Put the reply of a call on the shelf, unless a good one to its request is there already."""
    lost = (REPLY.c.request == request) & ~select(CALL.c.run).where(_ITS_CALL).exists()
    connection.execute(delete(REPLY).where(lost))
    connection.execute(insert_new(REPLY).values(request=request, run=run, path=path))
