"""One pooled HTTP session for each event loop."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Mapping
from types import TracebackType
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

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> _Post:
        """The context in which the response can be read; leaving it early closes the connection."""
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = _session()
        return _Post(session, url, body, headers)

    async def close(self) -> None:
        """Close the sessions of all loops."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()


class _Post:
    """A request, sent once more where a kept connection turns out closed before anything was written to it.

    Some servers close a connection after a stream and say nothing of it in their headers.
    """

    __slots__ = ("_body", "_context", "_headers", "_session", "_url")

    def __init__(
        self, session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        self._session, self._url, self._body, self._headers = session, url, body, headers
        self._context = self._send()

    async def __aenter__(self) -> aiohttp.ClientResponse:
        for _ in range(_STALE):
            try:
                return await self._context.__aenter__()
            except OSError as error:
                if not _unsent(error):
                    raise
            self._context = self._send()
        return await self._context.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._context.__aexit__(kind, error, trace)

    def _send(self) -> aiohttp.client._RequestContextManager:
        data = self._body if len(self._body) < _LARGE else io.BytesIO(self._body)
        return self._session.post(self._url, data=data, headers=self._headers, allow_redirects=False)


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
