"""The short way: OpenAI's protocol over the pooled session, without LiteLLM."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from rebut.errors import ModelError

from ..prices import Price
from ..wire import Request, Response, Sink
from .body import body_of, idempotency_key
from .failures import broken, refusal, refused, words
from .llama import count_all, is_llama
from .reply import parse, pass_on, response_of
from .secrets import scrub
from .stream import Assembly, chunks
from .target import Target
from .transport import Transport

if TYPE_CHECKING:
    import aiohttp


class DirectLane:
    """One model on a server of OpenAI's protocol."""

    def __init__(self, target: Target, price: Price | None, transport: Transport) -> None:
        self.target, self.price = target, price
        self._transport = transport
        self._llama = False
        self._broken = _failures()
        self._headers = {"Content-Type": "application/json"}
        if target.key:
            self._headers["Authorization"] = f"Bearer {target.key}"

    async def complete(self, request: Request, sink: Sink | None) -> Response:
        """One attempt.

        Raises:
            ModelError: by status, connection and content.
        """
        target, headers = self.target, self._headers
        body = body_of(request, target, stream=sink is not None or self._llama)
        key = idempotency_key(request)
        if key is not None:
            headers = {**headers, "Idempotency-Key": key}
        began = time.perf_counter()
        try:
            async with await self._transport.post(target.url, body, headers) as reply:
                if reply.status >= 300:
                    raise self._refusal(reply, await reply.read())
                self._llama = self._llama or is_llama(reply.headers)
                streams = reply.content_type == "text/event-stream"
                if streams:
                    data = await self._streamed(reply, sink)
                else:
                    data = self._read(await reply.read(), reply.content_type)
                    if self._llama:
                        count_all(data, request)
        except self._broken as error:
            raise broken(error, model=request.model, where=target.base, key=target.key) from None
        seconds = time.perf_counter() - began
        paid = reply.headers.get("x-litellm-response-cost")
        response = response_of(data, request, self.price, seconds, _dollars(paid) if paid else None)
        if sink is not None and not streams:
            pass_on(response, sink)
        return response

    def _refusal(self, reply: aiohttp.ClientResponse, raw: bytes) -> ModelError:
        target = self.target
        return refusal(
            reply.status,
            raw,
            reply.headers,
            model=target.model,
            where=target.base,
            key=target.key,
            key_env=target.key_env,
        )

    def _read(self, raw: bytes, kind: str) -> dict[str, Any]:
        data = parse(raw, self.target.model, kind, lambda text: scrub(text, self.target.key))
        if "error" in data and not data.get("choices"):
            raise self._error_inside(data)
        return data

    async def _streamed(self, reply: aiohttp.ClientResponse, sink: Sink | None) -> dict[str, Any]:
        assembly = Assembly(self.target.model, sink)
        async for chunk in chunks(_lines(reply), self.target.model):
            if "error" in chunk:
                raise self._error_inside(chunk)
            assembly.add(chunk)
        return assembly.finished()

    def _error_inside(self, data: Mapping[str, Any]) -> ModelError:
        """The error that a server reports in a reply of status 200."""
        target, error = self.target, data["error"]
        code = error.get("code") if isinstance(error, Mapping) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        said = scrub(words(data), target.key)
        return refused(status, said, model=target.model, where=target.base, key_env=target.key_env)


def _failures() -> tuple[type[Exception], ...]:
    import aiohttp

    return aiohttp.ClientError, TimeoutError


async def _lines(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length (aiohttp's own reader bounds them)."""
    rest = b""
    async for block in reply.content.iter_any():
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


def _dollars(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
