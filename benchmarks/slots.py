"""A model server with so many slots: each completion takes one for a fixed time, and others wait in line."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

TEXT = "First we restate the task, then we work step by step, and check the result twice before we say it. "


@dataclass(slots=True)
class Served:
    """What was served: completions, requests, when the first came in and the last went out."""

    completions: int = 0
    requests: int = 0
    busy: float = 0.0
    first: float = 0.0
    last: float = 0.0


class SlotServer:
    """Answers in OpenAI's protocol on loopback. With `single` it gives one completion, whatever `n` says."""

    def __init__(self, slots: int, seconds: float, *, single: bool = False) -> None:
        self.seconds, self.single = seconds, single
        self.served = Served()
        self._slots = asyncio.Semaphore(slots)
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Begin; returns the port."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/served", self._told)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """End."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        served, now = self.served, time.monotonic()
        served.first, served.requests = served.first or now, served.requests + 1
        n = 1 if self.single else body.get("n") or 1
        texts = await asyncio.gather(*(self._one(f"{body.get('seed')} {i}") for i in range(n)))
        served.last = time.monotonic()
        written = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": 60, "completion_tokens": written, "total_tokens": 60 + written}
        choices = [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for i, text in enumerate(texts)
        ]
        return web.json_response({"id": "x", "model": body["model"], "choices": choices, "usage": usage})

    async def _one(self, seed: str) -> str:
        async with self._slots:
            began = time.monotonic()
            await asyncio.sleep(self.seconds)
            self.served.busy += time.monotonic() - began
            self.served.completions += 1
        chance = random.Random(seed)
        return f"{TEXT * 3}Draw {chance.random()}.\nAnswer: {chance.choice((40, 41, 42, 42, 42))}"

    async def _told(self, request: web.Request) -> web.Response:
        served = self.served
        return web.json_response({name: getattr(served, name) for name in Served.__slots__})


async def serve(slots: int, seconds: float, single: bool) -> None:
    """Serve until the process is ended; the first line on stdout is the port."""
    server: Any = SlotServer(slots, seconds, single=single)
    print(json.dumps({"port": await server.start()}), flush=True)
    try:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    finally:
        await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slots", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--single", action="store_true")
    given = parser.parse_args()
    asyncio.run(serve(given.slots, given.seconds, given.single))
