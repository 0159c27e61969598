"""Providers with protocols of their own, through LiteLLM: its configurations, and `litellm.acompletion`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from rebut.errors import ModelBusy, ModelError, ModelGarbled, ModelRefused, ModelUnavailable, SettingsError
from rebut.models.hosted import HostedBackend
from rebut.models.hosted.dialects import DIALECTS
from rebut.models.hosted.endpoints import ENDPOINTS
from rebut.models.hosted.providers import providers
from rebut.models.wire import Message, Request
from rebut.settings import Settings

from .fault_server import Fault, FaultServer

# LiteLLM's own classes warn while they are defined.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm"),
]

KEY = "planted-key-0123456789"

REPLIES: dict[str, dict[str, Any]] = {
    "anthropic": {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "six by seven"}],
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 11, "output_tokens": 3, "cache_read_input_tokens": 4},
    },
    "gemini": {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "six by seven"}]}, "finishReason": "MAX_TOKENS"}
        ],
        "usageMetadata": {"promptTokenCount": 15, "candidatesTokenCount": 3, "totalTokenCount": 18},
    },
    "mistral": {
        "id": "m1",
        "object": "chat.completion",
        "created": 1,
        "model": "mistral",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "six by seven"},
                "finish_reason": "length",
            }
        ],
        "usage": {"prompt_tokens": 15, "completion_tokens": 3, "total_tokens": 18},
    },
    "cohere": {
        "id": "m1",
        "finish_reason": "MAX_TOKENS",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "six by seven"}]},
        "usage": {
            "billed_units": {"input_tokens": 15, "output_tokens": 3},
            "tokens": {"input_tokens": 15, "output_tokens": 3},
        },
    },
}
MODELS = {
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "mistral": "mistral/mistral-large-latest",
    "cohere": "cohere_chat/command-r-plus",
}


class Provider:
    """A server that answers as one provider does."""

    def __init__(self) -> None:
        self.reply: dict[str, Any] | bytes = {}
        self.status = 200
        self.delay = 0.0
        self.left = 0
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, dict(request.headers), json.loads(await request.read())))
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.left += 1
            raise
        body = self.reply if isinstance(self.reply, bytes) else json.dumps(self.reply).encode()
        headers = {"retry-after": "3"} if self.status == 429 else {}
        return web.Response(body=body, status=self.status, content_type="application/json", headers=headers)


@pytest.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_post("/{tail:.*}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = "http://{}:{}".format(*runner.addresses[0][:2])
    for name, dialect in DIALECTS.items():
        monkeypatch.setenv(dialect.base_env[0], base + ("/v1" if name == "mistral" else ""))
        monkeypatch.setenv(dialect.key_env[0], KEY)
    yield made
    await runner.cleanup()


@pytest.fixture
async def backend() -> AsyncIterator[HostedBackend]:
    made = HostedBackend(Settings())
    yield made
    await made.close()


def ask(model: str, **options: Any) -> Request:
    messages = (Message("system", "Be short."), Message("user", "What is six times seven?"))
    return Request(model=model, messages=messages, **options)


@pytest.mark.parametrize("name", REPLIES)
async def test_a_provider_is_spoken_to_in_its_own_words(
    name: str, provider: Provider, backend: HostedBackend
) -> None:
    provider.reply = REPLIES[name]
    request = ask(MODELS[name], temperature=0.5, max_tokens=7, stop=("END",), seed=3)
    response = await backend.complete(request)
    completion, usage = response.completions[0], response.usage
    assert (completion.text, completion.finish) == ("six by seven", "length")
    assert (usage.prompt, usage.completion, usage.calls, usage.requests) == (15, 3, 1, 1)
    assert usage.cached == (4 if name == "anthropic" else 0)
    price = backend.price(MODELS[name])
    assert price is None or (usage.usd or 0) > 0
    path, headers, body = provider.seen[0]
    assert KEY not in path
    assert KEY in " ".join(headers.values())
    assert "six times seven" in json.dumps(body)
    assert "7" in json.dumps(body)


async def test_anthropic_gets_its_system_prompt_and_prefill(
    provider: Provider, backend: HostedBackend
) -> None:
    provider.reply = REPLIES["anthropic"]
    model = MODELS["anthropic"]
    prefilled = Request(model=model, messages=(*ask(model).messages, Message("assistant", "It is")))
    await backend.complete(prefilled)
    path, headers, body = provider.seen[0]
    assert (path, headers["x-api-key"]) == ("/v1/messages", KEY)
    assert "Be short." in json.dumps(body["system"])
    assert body["messages"][-1]["role"] == "assistant"
    assert body["max_tokens"] > 0


async def test_options_are_translated_once_and_never_spoilt(
    provider: Provider, backend: HostedBackend
) -> None:
    provider.reply = REPLIES["anthropic"]
    for _ in range(3):
        await backend.complete(ask(MODELS["anthropic"], max_tokens=7, stop=("END",)))
    bodies = [body for _, _, body in provider.seen]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["stop_sequences"] == ["END"]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ModelRefused), (429, ModelBusy), (529, ModelBusy), (404, ModelUnavailable)]
)
async def test_refusals_are_told_apart_and_hide_the_key(
    provider: Provider, backend: HostedBackend, status: int, kind: type[ModelError]
) -> None:
    provider.status, provider.reply = status, {"type": "error", "error": {"message": f"no: {KEY}"}}
    with pytest.raises(kind) as caught:
        await backend.complete(ask(MODELS["anthropic"]))
    assert KEY not in f"{caught.value} {caught.value!r}"
    assert caught.value.retry_after == (3.0 if status == 429 else None)
    if status == 401:
        assert "ANTHROPIC_API_KEY" in str(caught.value)


@pytest.mark.parametrize("raw", [b"<html>", b"", b"{}", b'{"content": 3}'])
async def test_a_reply_that_cannot_be_read_is_garbled(
    provider: Provider, backend: HostedBackend, raw: bytes
) -> None:
    provider.reply = raw
    with pytest.raises(ModelGarbled):
        await backend.complete(ask(MODELS["anthropic"]))


async def test_cancelling_reaches_a_translated_provider(provider: Provider, backend: HostedBackend) -> None:
    provider.reply, provider.delay = REPLIES["anthropic"], 5.0
    task = asyncio.create_task(backend.complete(ask(MODELS["anthropic"])))
    await until(lambda: bool(provider.seen))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: provider.left == 1)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not happen")


async def test_a_missing_key_is_said_before_anything_is_sent(
    backend: HostedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="set ANTHROPIC_API_KEY"):
        await backend.complete(ask("anthropic/claude-sonnet-4-5"))


@pytest.fixture
async def long_way() -> AsyncIterator[HostedBackend]:
    made = HostedBackend(Settings(lanes={"openai": "acompletion"}), {"OPENAI_API_KEY": KEY})
    yield made
    await made.close()


async def test_the_long_way_gives_the_same_answer(server: FaultServer, long_way: HostedBackend) -> None:
    response = await long_way.complete(ask(server.model(), n=2, temperature=0.5, max_tokens=9))
    assert [c.text for c in response.completions] == ["Answer: 0", "Answer: 1"]
    assert (response.usage.prompt, response.usage.completion, response.usage.calls) == (7, 4, 2)
    assert response.model == server.model()
    assert server.bodies[0]["n"] == 2


async def test_the_long_way_streams(server: FaultServer, long_way: HostedBackend) -> None:
    pieces: list[str] = []
    response = await long_way.complete(ask(server.model()), lambda _, text: pieces.append(text))
    assert "".join(pieces) == response.completions[0].text == "Answer: 0"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=401, said=f"bad {KEY}"), ModelRefused),
        (Fault(status=404), ModelUnavailable),
        (Fault(status=429, headers={"Retry-After": "2"}), ModelBusy),
        (Fault(status=500), ModelBusy),
        (Fault(status=400), ModelRefused),
    ],
)
async def test_the_long_way_fails_the_same_way(
    server: FaultServer, long_way: HostedBackend, fault: Fault, kind: type[ModelError]
) -> None:
    server.always = fault
    with pytest.raises(kind) as caught:
        await long_way.complete(ask(server.model()))
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert server.requests == 1
    assert caught.value.retry_after == (2.0 if fault.status == 429 else None)


async def test_the_long_way_reports_a_server_that_is_down(long_way: HostedBackend) -> None:
    with pytest.raises(ModelError) as caught:
        await long_way.complete(ask("openai/x@http://127.0.0.1:9/v1"))
    assert caught.value.retryable


def test_every_provider_in_the_tables_is_one_of_litellms() -> None:
    assert set(ENDPOINTS) <= set(providers())
    assert set(DIALECTS) <= set(providers())
