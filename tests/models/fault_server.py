"""A real HTTP server on loopback that speaks OpenAI's protocol and fails on demand."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Say = Callable[[Mapping[str, Any], int], str]
"""Takes (the request's body, the index of the completion); returns the text."""


@dataclass(kw_only=True)
class Fault:
    """How one request goes wrong.

    `status` answers with an error (`said` its message), `raw` with these bytes as they are, `cut` breaks the
    reply off after so many bytes, `hang` is silent for so many seconds first, `drop` closes the connection.
    `choices` is how many completions come back whatever was asked for.
    """

    status: int = 200
    said: str = "fault"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json"
    cut: int | None = None
    hang: float = 0.0
    drop: bool = False
    choices: int | None = None
    usage: bool = True


@dataclass
class FaultServer:
    """Counts what it sees; `faults` are used up in order, after them `always` holds, or all goes well."""

    base: str = ""
    say: Say = lambda body, index: f"Answer: {index}"
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    latency: float = 0.0
    piece: int = 4
    requests: int = 0
    in_flight: int = 0
    peak: int = 0
    disconnects: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def model(self, name: str = "test-model", provider: str = "openai") -> str:
        """The model string that leads here."""
        return f"{provider}/{name}@{self.base}"

    def fail(self, *faults: Fault) -> None:
        """Let the next requests go wrong so."""
        self.faults.extend(faults)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one chat completion."""
        self.requests += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            body = json.loads(await request.read())
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            fault = self.faults.popleft() if self.faults else self.always or Fault()
            await asyncio.sleep(self.latency + fault.hang)
            return await self._answer(request, body, fault)
        except (asyncio.CancelledError, ConnectionError):
            self.disconnects += 1
            raise
        finally:
            self.in_flight -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any], fault: Fault) -> web.StreamResponse:
        if fault.drop:
            assert request.transport is not None
            request.transport.abort()
        if fault.status >= 300:
            error = {"message": fault.said, "code": fault.code}
            return web.json_response({"error": error}, status=fault.status, headers=dict(fault.headers))
        if fault.raw is not None:
            return web.Response(body=fault.raw, content_type=fault.content_type)
        if body.get("stream"):
            return await self._stream(request, body, fault)
        whole = json.dumps(self.completion(body, fault)).encode()
        if fault.cut is None:
            return web.Response(body=whole, content_type="application/json")
        return await _cut(request, whole, fault.cut)

    def completion(self, body: Mapping[str, Any], fault: Fault) -> dict[str, Any]:
        """A chat completion object."""
        n = body.get("n", 1) if fault.choices is None else fault.choices
        texts = [self.say(body, index) for index in range(n)]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": "stop"}
            | ({"logprobs": _logprobs(t, body.get("top_logprobs", 0))} if body.get("logprobs") else {})
            for i, t in enumerate(texts)
        ]
        reply = {
            "id": f"chat-{self.requests}",
            "object": "chat.completion",
            "choices": choices,
            "model": "real",
        }
        return reply | ({"usage": usage(body, texts)} if fault.usage else {})

    async def _stream(
        self, request: web.Request, body: Mapping[str, Any], fault: Fault
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        sent = 0
        for event in self._events(body, fault):
            data = b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n"
            if fault.cut is not None and sent + len(data) > fault.cut:
                await response.write_eof()
                return response
            await response.write(data)
            sent += len(data)
            await asyncio.sleep(0)
        return response

    def _events(self, body: Mapping[str, Any], fault: Fault) -> list[dict[str, Any] | bytes]:
        whole = self.completion(body, fault)
        events: list[dict[str, Any] | bytes] = []
        for choice in whole["choices"]:
            text, index = choice["message"]["content"], choice["index"]
            pieces = [text[i : i + self.piece] for i in range(0, len(text), self.piece)]
            events += [_chunk(index, {"content": piece}, None) for piece in pieces]
            events.append(_chunk(index, {}, "stop"))
        if fault.usage:
            events.append(
                {"id": "s", "object": "chat.completion.chunk", "choices": [], "usage": whole["usage"]}
            )
        return [*events, b"[DONE]"]


def usage(body: Mapping[str, Any], texts: list[str]) -> dict[str, Any]:
    """One token a word; a quarter of the prompt was cached."""
    prompt = sum(len(str(m["content"]).split()) for m in body["messages"])
    completion = sum(len(text.split()) for text in texts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": prompt // 4},
    }


def _chunk(index: int, delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "s", "object": "chat.completion.chunk", "created": 0, "model": "real", "choices": [choice]}


def _logprobs(text: str, top: int) -> dict[str, Any]:
    others = [{"token": f"t{i}", "logprob": -1.0 - i} for i in range(top)]
    return {"content": [{"token": w, "logprob": -0.5, "top_logprobs": others} for w in text.split()]}


async def _cut(request: web.Request, whole: bytes, at: int) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(whole))}
    )
    await response.prepare(request)
    await response.write(whole[:at])
    assert request.transport is not None
    request.transport.close()
    return response


@asynccontextmanager
async def fault_server(**settings: Any) -> AsyncGenerator[FaultServer]:
    """A server that listens on a free port of loopback while the context lasts."""
    server = FaultServer(**settings)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.base = f"http://{host}:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
