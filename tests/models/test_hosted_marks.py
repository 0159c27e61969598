"""Where the cached part of a prompt ends is said to the providers that want to be told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from rebut.models.gateway import Gateway
from rebut.models.hosted.marks import least, marked, takes_marks
from rebut.models.leading import SHARED
from rebut.models.prefixes import text_of
from rebut.models.prices import price_of
from rebut.models.wire import Message, Request
from rebut.settings import Settings

pytestmark = [
    pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm"),
]

CLAUDE = "anthropic/claude-sonnet-4-5"
LINES = "One line.\nAnother line.\n" * 4
SYSTEM, USER = Message("system", "Be brief."), Message("user", LINES + "You are agent 1.")


@contextmanager
def shared(there: int) -> Generator[None]:
    token = SHARED.set(there)
    yield
    SHARED.reset(token)


def upto_mark(messages: list[dict[str, Any]]) -> str:
    """All text up to the mark."""
    said = ""
    for message in messages:
        content = message["content"]
        for part in [{"text": content}] if isinstance(content, str) else content:
            said += part["text"]
            if "cache_control" in part:
                assert part["cache_control"] == {"type": "ephemeral"}
                return said
    return ""


def whole(messages: list[dict[str, Any]]) -> list[str]:
    return [
        m["content"] if isinstance(m["content"], str) else "".join(p["text"] for p in m["content"])
        for m in messages
    ]


@pytest.mark.parametrize(
    ("there", "upto"),
    [
        (0, ""),
        (5, ""),
        (len(text_of((SYSTEM,))), SYSTEM.content),
        (len(text_of((SYSTEM, USER))) - 2, SYSTEM.content + LINES),
        (len(text_of((SYSTEM, USER))), SYSTEM.content + USER.content),
        (len(text_of((SYSTEM, USER))) + 99, SYSTEM.content + USER.content),
    ],
)
def test_the_mark_stands_at_the_end_of_what_is_shared(there: int, upto: str) -> None:
    with shared(there):
        found = marked((SYSTEM, USER))
    assert upto_mark(found) == upto
    assert whole(found) == [SYSTEM.content, USER.content]


def test_a_prefill_is_never_marked() -> None:
    messages = (SYSTEM, USER, Message("assistant", "Step 1:"))
    for there in (len(text_of(messages)), len(text_of(messages)) - 3):
        with shared(there):
            found = marked(messages)
        assert found[2]["content"] == "Step 1:" and upto_mark(found) == SYSTEM.content + USER.content


def test_only_providers_that_want_marks_get_them() -> None:
    assert takes_marks(CLAUDE)
    assert takes_marks("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert not takes_marks("openai/gpt-5-mini") and not takes_marks("gemini/gemini-2.5-flash")
    assert least("anthropic/claude-haiku-4-5") == 4096 and least("openai/gpt-5-mini") == 1024


def test_what_is_put_into_the_cache_costs_more_and_what_comes_out_less() -> None:
    price = price_of(CLAUDE)
    assert price is not None and price.written is not None
    plain, written, read = price.of(1000, 0), price.of(1000, 0, 0, 1000), price.of(1000, 0, 1000)
    assert written == pytest.approx(1.25 * plain) and read == pytest.approx(0.1 * plain)


@pytest.fixture
async def seen(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[dict[str, Any]]]:
    """The bodies that a server of Anthropic's protocol gets."""
    bodies: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        bodies.append(json.loads(await request.read()))
        first = len(bodies) == 1
        usage = {
            "input_tokens": 10,
            "output_tokens": 3,
            "cache_creation_input_tokens": 2000 if first else 0,
            "cache_read_input_tokens": 0 if first else 2000,
        }
        facts = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn"}
        return web.json_response(facts | {"content": [{"type": "text", "text": "x"}], "usage": usage})

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("ANTHROPIC_API_BASE", "http://{}:{}".format(*runner.addresses[0][:2]))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted-key-0123456789")
    yield bodies
    await runner.cleanup()


def member(i: int) -> Request:
    text = "These are all answers.\n" * 250 + f"You are agent {i}."
    return Request(model=CLAUDE, messages=(SYSTEM, Message("user", text)), max_tokens=9, temperature=0.5)


async def test_a_fan_out_to_anthropic_writes_its_prefix_once_and_reads_it_after(
    seen: list[dict[str, Any]],
) -> None:
    async with Gateway(Settings()) as gateway:
        answers = await asyncio.gather(*(gateway.complete(member(i)) for i in range(4)))
    marks = [[p["text"] for p in m["content"] if "cache_control" in p] for b in seen for m in b["messages"]]
    assert len(seen) == 4 and all(mark == ["These are all answers.\n" * 250] for mark in marks)
    usages = [response.usage for response, _ in answers]
    assert sorted(u.cached for u in usages) == [0, 2000, 2000, 2000]
    costs = sorted(u.usd or 0.0 for u in usages)
    assert costs[-1] > 5 * costs[0] > 0


async def test_a_prompt_alone_is_sent_as_it_was(seen: list[dict[str, Any]]) -> None:
    async with Gateway(Settings()) as gateway:
        await gateway.complete(member(1))
    assert "cache_control" not in json.dumps(seen[0])


async def test_a_picture_reaches_anthropic_in_its_own_words(seen: list[dict[str, Any]]) -> None:
    looking = Message("user", "What is it?", ("data:image/png;base64,iVBORw0KGgo=",))
    async with Gateway(Settings()) as gateway:
        await gateway.complete(Request(model=CLAUDE, messages=(SYSTEM, looking), max_tokens=9))
    picture, text = seen[0]["messages"][0]["content"]
    assert picture["type"] == "image" and text["text"] == "What is it?"
    assert picture["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
