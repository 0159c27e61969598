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


class Transport:
    """Sends bodies; the number of connections is bounded by who calls."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
            WeakKeyDictionary()
        )

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> aiohttp.client._RequestContextManager:
        """The context in which the response can be read; leaving it early closes the connection."""
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = _session()
        data = body if len(body) < _LARGE else io.BytesIO(body)
        return session.post(url, data=data, headers=headers, allow_redirects=False)

    async def close(self) -> None:
        """Close the sessions of all loops."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()


def _session() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ),
    )
