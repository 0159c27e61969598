"""An API key of the environment is sent to its server, and comes to light nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from aiohttp import web

import rebut
from rebut.errors import RebutError
from rebut.memory.store import Store

KEY = "Zq7-planted-key-8843-vwx"
QUESTION = "What is 6 times 7?"
SERVERS = {
    "answers": (200, "Answer: 42"),
    "repeats the key": (401, "Incorrect API key provided: {authorization}"),
    "repeats all headers": (400, "bad request, headers were {headers}"),
    "breaks": (500, "Traceback: client.key={key}"),
    "is over its limit": (429, "rate limit for {authorization}"),
    "is not JSON": (200, "<html>{key}</html>"),
}


class Server:
    """Answers in one of the ways above; `seen` are the Authorization headers that came."""

    def __init__(self, way: str) -> None:
        self.way, self.seen, self.url = way, set[str](), ""

    async def answer(self, request: web.Request) -> web.Response:
        said = request.headers.get("Authorization", "")
        self.seen.add(said)
        status, text = SERVERS[self.way]
        text = text.format(
            authorization=said, headers=dict(request.headers), key=said.removeprefix("Bearer ")
        )
        if self.way == "is not JSON":
            return web.Response(text=text, content_type="text/html")
        if status == 200:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return web.json_response(
                {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
            )
        return web.json_response({"error": {"message": text}}, status=status, headers={"Retry-After": "0"})


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    own = Server(request.param)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", own.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    own.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield own
    await runner.cleanup()


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("REBUT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REBUT_RETRIES", "1")


@contextlib.contextmanager
def everything_logged() -> Generator[io.StringIO]:
    """All records of all loggers, whatever their level."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def leaks(folder: Path) -> list[str]:
    """Files below a folder that hold the key."""
    return [p.name for p in folder.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]


def databases(folder: Path) -> list[Path]:
    return list(folder.rglob("*.db"))


async def run(server: Server, runtime: rebut.Runtime) -> list[str]:
    """Run a workflow with a watcher, and give every text that a user could then see."""
    model = f"openai/mock@{server.url}"
    workflow = rebut.load("self-consistency", params={"samples": 3}, models=model, runtime=runtime)
    shown: list[str] = [repr(workflow), repr(workflow.agents({}, model))]
    try:
        async for event in workflow.stream(QUESTION):
            shown.append(event.as_json().decode())  # noqa: PERF401 - what came before a failure counts
        assert SERVERS[server.way][0] == 200
    except RebutError as error:
        shown += traceback.format_exception(error, limit=None)
        shown += [repr(error), str(vars(error))]
    return [*shown, repr(runtime), repr(runtime.gateway), repr(runtime.settings)]


async def test_no_run_shows_or_keeps_a_key(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    database, exported = tmp_path / "runs.db", tmp_path / "run.journal"
    with everything_logged() as logged:
        async with Store.open(database) as store, rebut.Runtime(store) as runtime:
            shown = await run(server, runtime)
            [info] = await store.runs()
            shown += [str(info), str(await store.calls(info.id)), str(await store.events(info.id))]
            await store.export(info.id, exported)
            assert not leaks(tmp_path)
    assert server.seen == {f"Bearer {KEY}"}
    assert exported.stat().st_size > 100
    assert len(shown) > 8
    out, err = capfd.readouterr()
    texts = [*shown, logged.getvalue(), out, err]
    assert not [text for text in texts if KEY in text]
    assert not leaks(tmp_path)


@pytest.mark.parametrize("server", ["answers", "repeats the key"], indirect=True)
async def test_no_command_shows_or_keeps_a_key(server: Server, tmp_path: Path) -> None:
    model = f"openai/mock@{server.url}"
    commands = [
        ["run", "self-consistency", QUESTION, "--model", model, "--param", "samples=2"],
        ["runs"],
        ["store", "export", "all.jsonl"],
        ["store", "export", "calls.csv", "--table", "calls"],
        ["store", "backup", "copy.db"],
    ]
    for argv in commands:
        program = [sys.executable, "-c", "from rebut.cli import main; main()", *argv]
        done = await asyncio.to_thread(
            subprocess.run, program, capture_output=True, cwd=tmp_path, stdin=subprocess.DEVNULL, check=False
        )
        assert done.stdout or done.stderr, argv
        assert KEY.encode() not in done.stdout + done.stderr, argv
    assert server.seen == {f"Bearer {KEY}"}
    assert len(databases(tmp_path)) == 2
    assert (tmp_path / "all.jsonl").stat().st_size > 100
    assert not leaks(tmp_path)
