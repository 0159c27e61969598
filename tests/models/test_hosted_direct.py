"""Servers of OpenAI's protocol, spoken to directly; every fault over a real connection."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from random import Random
from typing import Any

import pytest

from rebut.errors import (
    InputError,
    ModelBusy,
    ModelError,
    ModelGarbled,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    SettingsError,
)
from rebut.models.gateway import Gateway
from rebut.models.hosted import HostedBackend
from rebut.models.journal import CALL_KEY
from rebut.models.retry import Backoff
from rebut.models.wire import Message, Request, Response
from rebut.settings import Settings

from .fault_server import Fault, FaultServer

KEY = "sk-planted-0123456789abcdef"


@pytest.fixture
async def backend() -> AsyncIterator[HostedBackend]:
    made = HostedBackend(Settings(), {"OPENAI_API_KEY": KEY, "HOSTED_VLLM_API_KEY": "vllm-secret-key"})
    yield made
    await made.close()


@pytest.fixture
async def gateway(backend: HostedBackend) -> AsyncIterator[Gateway]:
    quick = Backoff(attempts=3, base=0.001, random=Random(1))
    async with Gateway(Settings(), {"openai": backend, "hosted_vllm": backend}, quick) as door:
        yield door


def ask(server: FaultServer, text: str = "What is six times seven?", **options: Any) -> Request:
    options.setdefault("model", server.model())
    return Request(messages=(Message("user", text),), **options)


async def until(true: Callable[[], bool]) -> None:
    """Wait, at most some seconds, for something that happens on the other side of a connection."""
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not happen")


async def failing(backend: HostedBackend, request: Request) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await backend.complete(request)
    return caught.value


async def test_samples_usage_and_key_travel(server: FaultServer, backend: HostedBackend) -> None:
    response = await backend.complete(ask(server, n=3, temperature=0.5, max_tokens=9, seed=4, stop=("END",)))
    assert [c.text for c in response.completions] == ["Answer: 0", "Answer: 1", "Answer: 2"]
    usage = response.usage
    assert (usage.calls, usage.requests, usage.prompt, usage.completion, usage.cached) == (3, 1, 5, 6, 1)
    assert usage.usd is None
    assert response.seconds > 0
    sent = server.bodies[0]
    assert sent == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "What is six times seven?"}],
        "n": 3,
        "temperature": 0.5,
        "max_tokens": 9,
        "seed": 4,
        "stop": ["END"],
    }
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_what_is_not_set_is_not_sent(server: FaultServer, backend: HostedBackend) -> None:
    await backend.complete(ask(server))
    assert set(server.bodies[0]) == {"model", "messages"}


async def test_unicode_and_huge_prompts_arrive(server: FaultServer, backend: HostedBackend) -> None:
    text = "x∈ℝ → 🦊\u0000\u2028" + "long " * 300_000
    server.say = lambda body, index: str(len(body["messages"][0]["content"]))
    response = await backend.complete(ask(server, text))
    assert response.completions[0].text == str(len(text))


async def test_a_price_of_the_settings_is_charged(server: FaultServer) -> None:
    backend = HostedBackend(Settings(prices={server.model(): (1e-3, 1e-2)}), {})
    assert backend.price(server.model()) == (1e-3, 1e-2)
    response = await backend.complete(ask(server))
    assert response.usage.usd == pytest.approx(5 * 1e-3 + 2 * 1e-2)
    await backend.close()


async def test_a_schema_constrains_and_is_strict_only_where_it_may_be(
    server: FaultServer, backend: HostedBackend
) -> None:
    loose = {"title": "Verdict é", "type": "object", "properties": {"a": {"type": "string"}}}
    strict = loose | {"required": ["a"], "additionalProperties": False}
    for schema in (loose, strict):
        await backend.complete(ask(server, schema=schema))
    formats = [body["response_format"]["json_schema"] for body in server.bodies]
    assert [f["strict"] for f in formats] == [False, True]
    assert formats[0]["name"] == "Verdict__"
    assert formats[1]["schema"] == strict


async def test_a_prefill_is_continued_by_vllm(server: FaultServer, backend: HostedBackend) -> None:
    model = server.model(provider="hosted_vllm")
    messages = (Message("user", "Go"), Message("assistant", "The answer"))
    await backend.complete(Request(model=model, messages=messages))
    assert backend.capabilities(model).prefill
    assert server.bodies[0]["continue_final_message"] is True
    assert server.bodies[0]["add_generation_prompt"] is False
    assert not backend.capabilities(server.model()).prefill


async def test_extra_goes_through_and_the_idempotency_key_becomes_a_header(
    server: FaultServer, backend: HostedBackend
) -> None:
    await backend.complete(ask(server, extra={"top_k": 5, "idempotency_key": "run-1/solve"}))
    assert server.bodies[0]["top_k"] == 5
    assert "idempotency_key" not in server.bodies[0]
    assert server.headers[0]["Idempotency-Key"] == "run-1/solve"


async def test_text_streams_while_it_is_written(server: FaultServer, backend: HostedBackend) -> None:
    server.say = lambda body, index: f"Ünïcode 🦊 text number {index}"
    pieces: dict[int, list[str]] = {}
    response = await backend.complete(ask(server, n=2), lambda i, text: pieces.setdefault(i, []).append(text))
    assert {i: "".join(p) for i, p in pieces.items()} == {
        i: c.text for i, c in enumerate(response.completions)
    }
    assert len(pieces[0]) > 3
    assert response.usage.completion == 10
    assert [c.finish for c in response.completions] == ["stop", "stop"]


async def test_a_server_that_does_not_stream_is_heard_all_the_same(
    server: FaultServer, backend: HostedBackend
) -> None:
    server.fail(Fault(raw=b'{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}'))
    pieces: list[str] = []
    response = await backend.complete(ask(server), lambda _, text: pieces.append(text))
    assert pieces == ["whole"] == [c.text for c in response.completions]


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault(status=401, said="bad key"), ModelRefused, "refused the key .set OPENAI_API_KEY.: bad key"),
        (Fault(status=403), ModelRefused, "set OPENAI_API_KEY"),
        (Fault(status=404, said="no model"), ModelUnavailable, "does not know model 'openai/test-model@"),
        (Fault(status=400, said="odd"), ModelRefused, "status 400.: odd"),
        (Fault(status=422), ModelRefused, "status 422"),
        (Fault(status=413), ModelRefused, "status 413"),
        (
            Fault(status=400, said="maximum context length is 8192 tokens"),
            ModelRefused,
            "does not fit into the model's context: maximum",
        ),
        (Fault(status=400, code="context_length_exceeded"), ModelRefused, "does not fit"),
        (Fault(status=408), ModelTimeout, "timed out"),
        (Fault(status=409), ModelBusy, "busy .status 409"),
        (Fault(status=429, said="slow down"), ModelBusy, "busy .status 429.: slow down"),
        (Fault(status=429, code="insufficient_quota"), ModelRefused, "quota is spent"),
        (Fault(status=529), ModelBusy, "busy .status 529"),
        (Fault(status=500), ModelBusy, "failed .status 500"),
        (Fault(status=302), ModelUnavailable, "sends elsewhere"),
        (
            Fault(raw=b"<html>oops</html>", content_type="text/html"),
            ModelGarbled,
            "not JSON .text/html.: '<html>",
        ),
        (Fault(raw=b'{"choices": ['), ModelGarbled, "not JSON"),
        (Fault(raw=b""), ModelGarbled, "not JSON"),
        (Fault(raw=b"[1]"), ModelGarbled, "JSON list, not an object"),
        (Fault(raw=b'{"choices": []}'), ModelGarbled, "no choices"),
        (Fault(raw=b'{"choices": [{}]}'), ModelGarbled, "not a chat completion .KeyError"),
        (Fault(raw=b'{"choices": [3]}'), ModelGarbled, "not a chat completion"),
        (Fault(raw=b'{"error": {"message": "overloaded", "code": 429}}'), ModelBusy, "429.: overloaded"),
        (Fault(raw=b'{"error": "odd"}'), ModelBusy, "status 500.: odd"),
        (Fault(cut=20), ModelGarbled, "broke off its reply"),
        (Fault(drop=True), ModelUnavailable, "closed the connection"),
    ],
)
async def test_each_fault_is_the_error_that_says_what_to_do(
    server: FaultServer, backend: HostedBackend, fault: Fault, kind: type[ModelError], said: str
) -> None:
    server.fail(fault)
    error = await failing(backend, ask(server))
    assert type(error) is kind
    assert re.search(said, str(error)), str(error)
    assert error.model == server.model()


@pytest.mark.parametrize(
    "event",
    [
        b"{",
        b"3",
        b'{"choices": 3}',
        b'{"choices": [3]}',
        b'{"choices": [{"index": "x"}]}',
        b'{"choices": []}',
    ],
)
async def test_a_stream_of_nonsense_is_garbled(
    server: FaultServer, backend: HostedBackend, event: bytes
) -> None:
    server.fail(Fault(raw=b"data: " + event + b"\n\ndata: [DONE]\n\n", content_type="text/event-stream"))
    with pytest.raises(ModelGarbled):
        await backend.complete(ask(server), lambda i, text: None)


async def test_an_error_within_a_stream_is_told(server: FaultServer, backend: HostedBackend) -> None:
    event = b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'
    server.fail(Fault(raw=event, content_type="text/event-stream"))
    with pytest.raises(ModelBusy, match="overloaded"):
        await backend.complete(ask(server), lambda i, text: None)


async def test_a_server_cannot_give_budget_back(server: FaultServer, backend: HostedBackend) -> None:
    usage = b'{"prompt_tokens": -5, "completion_tokens": -7, "cost": -1}'
    server.fail(Fault(raw=b'{"choices":[{"message":{"content":"x"}}],"usage":%b}' % usage))
    used = (await backend.complete(ask(server))).usage
    assert (used.prompt, used.completion, used.usd) == (0, 0, None)


async def test_a_deeply_nested_error_is_still_an_error(server: FaultServer, backend: HostedBackend) -> None:
    server.fail(Fault(raw=b"[" * 900 + b"]" * 900), Fault(raw=b'{"error":' + b"[" * 900 + b"]" * 900 + b"}"))
    assert isinstance(await failing(backend, ask(server)), ModelGarbled)
    assert isinstance(await failing(backend, ask(server)), ModelBusy)


@pytest.mark.parametrize("options", [{}, {"temperature": 0.0}, {"extra": {"x": object()}}])
async def test_what_json_cannot_say_is_the_callers_mistake(
    server: FaultServer, gateway: Gateway, options: dict[str, Any]
) -> None:
    text = "fine" if "extra" in options else "lone \ud800 surrogate"
    with pytest.raises(InputError, match="cannot be written as JSON"):
        await gateway.complete(ask(server, text, **options))
    assert server.requests == 0


async def test_a_count_of_samples_below_one_is_refused(server: FaultServer, gateway: Gateway) -> None:
    with pytest.raises(InputError, match="cannot ask for 0 completions"):
        await gateway.complete(ask(server, n=0))


@pytest.mark.parametrize("cut", [1, 120, 400])
async def test_a_stream_cut_half_way_is_garbled(
    server: FaultServer, backend: HostedBackend, cut: int
) -> None:
    server.fail(Fault(cut=cut))
    with pytest.raises(ModelGarbled, match="cut off before its end"):
        await backend.complete(ask(server, n=2), lambda i, text: None)


async def test_retry_after_is_kept_in_seconds_and_as_a_date(
    server: FaultServer, backend: HostedBackend
) -> None:
    server.fail(Fault(status=429, headers={"Retry-After": "2.5"}))
    assert (await failing(backend, ask(server))).retry_after == 2.5
    server.fail(Fault(status=503, headers={"Retry-After": formatdate(time.time() + 100, usegmt=True)}))
    assert 95 < ((await failing(backend, ask(server))).retry_after or 0) <= 100


async def test_a_busy_server_is_asked_again_when_it_said(server: FaultServer, gateway: Gateway) -> None:
    server.fail(Fault(status=429, headers={"Retry-After": "0.15"}))
    began = time.perf_counter()
    _, attempts = await gateway.complete(ask(server))
    assert attempts == 2
    assert time.perf_counter() - began >= 0.15


async def test_faults_that_pass_are_survived(server: FaultServer, gateway: Gateway) -> None:
    for fault in (Fault(status=500), Fault(cut=10), Fault(raw=b"?"), Fault(drop=True)):
        server.fail(fault)
        response, attempts = await gateway.complete(ask(server))
        assert (attempts, response.completions[0].text) == (2, "Answer: 0")


async def test_a_silent_server_times_out(server: FaultServer, gateway: Gateway) -> None:
    server.always = Fault(hang=5)
    with pytest.raises(ModelTimeout, match=r"within 0.4 s"):
        await gateway.complete(ask(server, timeout=0.4))
    for _ in range(400):
        if server.disconnects == 3:
            break
        await asyncio.sleep(0.01)
    assert (server.requests, server.disconnects) == (3, 3)


async def test_a_server_that_is_down_is_named_and_asked_again(server: FaultServer, gateway: Gateway) -> None:
    told: list[str] = []
    model = "openai/x@http://127.0.0.1:9/v1"
    with pytest.raises(ModelUnavailable, match=r"cannot reach http://127.0.0.1:9/v1") as caught:
        await gateway.complete(ask(server, model=model), on_retry=lambda n, w, e: told.append(str(e)))
    assert caught.value.retryable
    assert len(told) == 2


async def test_cancelling_reaches_the_server(server: FaultServer, gateway: Gateway) -> None:
    server.latency = 5
    tasks = [asyncio.create_task(gateway.complete(ask(server))) for _ in range(4)]
    await until(lambda: server.in_flight == 4)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await until(lambda: server.in_flight == 0)
    assert server.disconnects == 4


async def test_cancelling_a_stream_reaches_the_server(server: FaultServer, gateway: Gateway) -> None:
    server.say = lambda body, index: "word " * 200_000
    seen: list[str] = []
    task = asyncio.create_task(gateway.complete(ask(server), sink=lambda i, t: seen.append(t)))
    await until(lambda: bool(seen))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.in_flight == 0)


async def test_samples_asked_one_by_one_have_keys_of_their_own(server: FaultServer, gateway: Gateway) -> None:
    server.always = Fault(choices=1)
    CALL_KEY.set("run:solve/1")
    await gateway.complete(ask(server, n=3))
    keys = [headers["Idempotency-Key"] for headers in server.headers]
    assert keys == ["run:solve/1", "run:solve/1+1", "run:solve/1+2"]
    assert CALL_KEY.get() == "run:solve/1"


@pytest.mark.parametrize("choices", [1, 2])
async def test_n_that_the_server_ignores(server: FaultServer, gateway: Gateway, choices: int) -> None:
    server.always = Fault(choices=choices)
    response, _ = await gateway.complete(ask(server, n=4))
    assert len(response.completions) == (4 if choices == 1 else 2)
    assert server.requests == (4 if choices == 1 else 1)


async def test_the_limiter_adapts_to_a_server_that_groans(server: FaultServer, gateway: Gateway) -> None:
    server.latency = 0.002
    server.fail(*(Fault(status=429) for _ in range(5)))
    await asyncio.gather(*(gateway.complete(ask(server)) for _ in range(60)))
    limiter = gateway._routes[server.model()].limiter
    assert server.peak <= 40
    assert limiter.limit < 40
    assert limiter.active == 0


async def test_many_calls_share_the_connections(server: FaultServer, gateway: Gateway) -> None:
    responses = await asyncio.gather(*(gateway.complete(ask(server, f"q{i}")) for i in range(200)))
    assert len(responses) == 200
    assert server.requests == 200


@pytest.mark.parametrize("status", [401, 400, 404, 429, 500])
async def test_a_planted_key_never_comes_back(
    server: FaultServer, backend: HostedBackend, status: int
) -> None:
    echo = f"Incorrect API key provided: {KEY}. Authorization: Bearer {KEY}"
    server.fail(
        Fault(status=status, said=echo), Fault(raw=echo.encode()), Fault(raw=b'{"error":"%b"}' % KEY.encode())
    )
    for _ in range(3):
        error = await failing(backend, ask(server))
        shown = f"{error} {error!r} {error.args} {vars(error)} {error.__cause__}"
        assert KEY not in shown
        assert "planted" not in shown


async def test_a_key_of_any_provider_is_hidden(
    server: FaultServer, backend: HostedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_OTHER_API_KEY", "another-planted-value")
    server.fail(Fault(status=400, said="upstream said another-planted-value is wrong"))
    assert "another-planted" not in str(await failing(backend, ask(server)))


def test_no_repr_shows_the_key(backend: HostedBackend) -> None:
    from rebut.models.hosted.target import target_of

    target = target_of("openai/gpt-4o", {"OPENAI_API_KEY": KEY})
    lane = backend._lane("openai/gpt-4o")
    assert KEY not in f"{target!r} {lane!r} {backend!r}"


@pytest.mark.parametrize(
    ("model", "environ", "said"),
    [
        ("openai/gpt-4o", {}, "no key for 'openai/gpt-4o' .set OPENAI_API_KEY"),
        ("hosted_vllm/x", {}, "no server is known .* .set HOSTED_VLLM_API_BASE"),
        ("openai/", {"OPENAI_API_KEY": KEY}, "has no name"),
        ("openai/x", {"OPENAI_API_KEY": "two\nlines"}, "OPENAI_API_KEY holds white space"),
        ("openai/x@http://user:pw@host/v1", {}, "may hold no password"),
        ("anthropic/x@http://h/v1", {}, "a URL can follow only openai/"),
        ("hosted_vllm/x", {"HOSTED_VLLM_API_BASE": "localhost:8000"}, "not a URL: 'localhost:8000'"),
    ],
)
async def test_what_is_missing_is_said_before_anything_is_sent(
    model: str, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        await HostedBackend(Settings(), environ).complete(Request(model=model, messages=()))


def test_a_server_named_by_a_workflow_gets_no_key_of_a_provider() -> None:
    from rebut.models.hosted.target import target_of

    def key(url: str, **more: str) -> str:
        target = target_of(f"openai/x@{url}", {"OPENAI_API_KEY": KEY, **more})
        assert target is not None
        return target.key

    assert key("https://collector.example/v1") == ""
    assert key("https://api.openai.com.example/v1") == ""
    assert key("https://collector.example/v1", OPENAI_LIKE_API_KEY="own") == "own"
    assert key("https://api.openai.com/v1") == KEY
    assert key("http://127.0.0.1:8000/v1") == KEY
    assert key("https://mine.example/v1", OPENAI_BASE_URL="https://mine.example/v1") == KEY


def test_reasoning_models_get_only_what_they_take(caplog: pytest.LogCaptureFixture) -> None:
    from rebut.models.hosted.body import body_of
    from rebut.models.hosted.target import target_of

    def body(name: str) -> bytes:
        target = target_of(f"openai/{name}", {"OPENAI_API_KEY": KEY})
        assert target is not None
        return body_of(Request(model=f"openai/{name}", messages=(), temperature=0.7, max_tokens=5), target)

    assert body("gpt-5-mini") == b'{"model":"gpt-5-mini","messages":[],"max_completion_tokens":5}'
    assert "takes no temperature" in caplog.text
    assert b'"temperature":0.7' in body("gpt-4o") and b'"temperature":0.7' in body("gpt-5-chat-latest")


async def test_without_a_count_the_servers_usage_is_bounded_from_above(
    server: FaultServer, backend: HostedBackend
) -> None:
    server.fail(Fault(usage=False))
    response: Response = await backend.complete(ask(server, max_tokens=4))
    assert response.usage.prompt >= 24
    assert response.usage.completion == 4


def test_the_direct_lane_does_not_import_litellm() -> None:
    code = (
        "import asyncio, sys\n"
        "from rebut.models.gateway import Gateway\n"
        "from rebut.models.wire import Request\n"
        "from rebut.settings import Settings\n"
        "async def main():\n"
        "    async with Gateway(Settings(retries=0)) as door:\n"
        "        door.price('openai/gpt-4o')\n"
        "        try: await door.complete(Request(model='openai/x@http://127.0.0.1:9/v1', messages=()))\n"
        "        except Exception as error: print(type(error).__name__)\n"
        "asyncio.run(main())\n"
        "print('litellm' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ModelUnavailable", "False"]
