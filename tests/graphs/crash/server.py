"""A counting model server: every answer is a function of the request, and every request is counted."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Generator
from typing import Any

from aiohttp import web


class CountingServer:
    """Serves chat completions on loopback from a thread of its own.

    `started` counts requests by their idempotency key, `finished` those that were answered in full; `open`
    are those that wait for their answer.
    """

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds = seconds
        self.finished: Counter[str] = Counter()
        self.started: Counter[str] = Counter()
        self.open: frozenset[str] = frozenset()
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> CountingServer:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """No answer leaves: what is under way stays so."""
        asyncio.run_coroutine_threadsafe(self._hold(), self._loop).result(20)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._go.set)

    async def _hold(self) -> None:
        self._go.clear()

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop, self._go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._go.set()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        [(_, port)] = [address[:2] for address in runner.addresses]
        self.url = f"http://127.0.0.1:{port}/v1"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        key = request.headers["Idempotency-Key"]
        self.started[key] += 1
        self.open |= {key}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
        await asyncio.sleep(self.seconds * (0.5 + digest[0] / 255))
        await self._go.wait()
        self.open -= {key}
        said = [reply(body, digest, i) for i in range(body.get("n") or 1)]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for i, text in enumerate(said)
        ]
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * len(said), "total_tokens": 10 + 5 * len(said)}
        response = web.json_response({"id": key, "model": body["model"], "choices": choices, "usage": usage})
        with contextlib.suppress(ConnectionError):  # the client was killed while it waited
            await response.prepare(request)
            await response.write_eof()
            self.finished[key] += 1
        return response


def reply(body: dict[str, Any], digest: bytes, index: int) -> str:
    """What the model says: fits the JSON Schema where there is one, else reasoning with an answer."""
    numbers = hashlib.sha256(digest + bytes([index])).digest()
    schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    if schema is not None:
        return json.dumps(fitting(schema, numbers, "reply"))
    answer = 40 + numbers[0] % 5
    return f"Step 1: think about {numbers[1]}.\nStep 2: decide.\nAnswer: {answer}"


def fitting(schema: dict[str, Any], numbers: bytes, name: str) -> Any:
    """A value of the schema, chosen by `numbers`."""
    draw = hashlib.sha256(numbers + name.encode()).digest()
    if "enum" in schema:
        return schema["enum"][draw[0] % len(schema["enum"])]
    kind = schema.get("type")
    if kind == "object":
        return {key: fitting(part, numbers, key) for key, part in schema["properties"].items()}
    if kind == "array":
        count = schema.get("minItems", 2)
        return [fitting(schema["items"], numbers, f"{name}{i}") for i in range(count)]
    if kind == "boolean":
        return bool(draw[0] & 1)
    if kind in ("integer", "number"):
        low, high = schema.get("minimum", 0), schema.get("maximum", 10)
        return low + draw[0] % (high - low + 1)
    if re.search("answer", name):
        return str(40 + draw[0] % 5) if draw[1] % 4 == 0 else ""
    return f"because of {draw[0]}"
