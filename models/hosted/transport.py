"""One pooled HTTP session for each event loop."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import aiohttp

KEEP_ALIVE = 60.0
"""Seconds that an idle connection is kept."""

CONNECT = 15.0
"""Seconds to make a connection."""

_LARGE = 1 << 20
_STALE = 8
"""Closed connections that are passed over for one request; several may lie in the pool."""


class Transport:
    """Sends bodies; the number of connections is bounded by who calls."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
            WeakKeyDictionary()
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The response, a context in which it can be read; leaving that early closes the connection.

        Sent once more where a kept connection turns out closed before anything was written to it: some
        servers close a connection after a stream and say nothing of it in their headers.
        """
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = _session()
        left = _STALE
        while True:
            data = body if len(body) < _LARGE else io.BytesIO(body)
            try:
                return await session.post(url, data=data, headers=headers, allow_redirects=False)
            except OSError as error:
                if not left or not _unsent(error):
                    raise
            left -= 1

    async def close(self) -> None:
        """Close the sessions of all loops."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()


def _unsent(error: OSError) -> bool:
    """Whether the transport was closing before the first byte was handed to it."""
    cause = error.__cause__ or error
    return isinstance(cause, ConnectionResetError) and "closing transport" in str(cause)


def _session() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ),
    )
