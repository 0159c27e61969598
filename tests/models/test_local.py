"""The embedded engine, on the smallest real weights: a conformance suite, not a test of wits."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter

import pytest

from rebut.errors import ModelRefused, ModelTimeout, ModelUnavailable, SettingsError
from rebut.models.local import LocalBackend
from rebut.models.local import engine as engines
from rebut.models.local.engine import Engine, borrow, give_back
from rebut.models.local.gguf import trained_context
from rebut.models.local.options import Options, split, usable_cores
from rebut.models.local.weights import find
from rebut.models.wire import Backend, Message, Request

pytest.importorskip("xllamacpp")

# One thread: several of them wait for each other, which takes for ever on a machine that is busy.
MODEL = "local/smollm2-135m?ctx=1024&slots=4&threads=1"
FRUITS = (Message("user", "Name three fruits."),)


def ask(*messages: Message, **options: object) -> Request:
    settings: dict[str, object] = {"max_tokens": 12, "temperature": 0.0, **options}
    return Request(model=MODEL, messages=messages or FRUITS, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def engine(home: Path) -> Iterator[Engine]:
    """One engine for the session: every back end of these tests borrows it too."""
    name, options = split(MODEL, Options())
    loaded = borrow(find(name, home=home), options)
    yield loaded
    give_back(loaded)


@pytest.fixture
async def local(engine: Engine, home: Path) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(home)
    yield backend
    await backend.close()


async def text_of(backend: Backend, request: Request) -> str:
    return (await backend.complete(request)).completions[0].text


async def slots_free(engine: Engine, within: float = 10.0) -> float:
    """Seconds until all slots are free."""
    start = perf_counter()
    while engine.gate.free < engine.options.slots:
        assert perf_counter() - start < within
        await asyncio.sleep(0.002)
    return perf_counter() - start


async def test_a_chat_is_answered_and_counted(local: LocalBackend) -> None:
    assert isinstance(local, Backend)
    response = await local.complete(ask())
    completion, usage = response.completions[0], response.usage
    assert completion.text.strip() and completion.finish == "length" and completion.logprobs is None
    assert (usage.calls, usage.requests, usage.completion, usage.usd) == (1, 1, 12, 0.0)
    assert usage.prompt > 20 and 0 < response.seconds < 60


async def test_a_shared_prefix_is_read_once(local: LocalBackend) -> None:
    long = Message("system", "You know a great deal about fruit. " * 20)
    first = await local.complete(ask(long, Message("user", "Name a red one."), max_tokens=2))
    again = await local.complete(ask(long, Message("user", "Name a green one."), max_tokens=2))
    assert again.usage.cached > 0.8 * first.usage.prompt


async def test_n_completions_differ_and_share_one_prompt(local: LocalBackend) -> None:
    one = await local.complete(ask(temperature=1.0, seed=1))
    three = await local.complete(ask(n=3, temperature=1.0, seed=1))
    assert len({c.text for c in three.completions}) > 1
    assert (three.usage.calls, three.usage.completion) == (3, 36)
    assert three.usage.prompt == one.usage.prompt


async def test_more_completions_than_slots_are_all_different_draws(local: LocalBackend) -> None:
    response = await local.complete(ask(n=6, temperature=1.5, seed=3))
    assert len(response.completions) == 6
    assert len({c.text for c in response.completions}) >= 5
    assert (response.usage.calls, response.usage.requests) == (6, 2)


async def test_a_seed_repeats(local: LocalBackend) -> None:
    texts = [await text_of(local, ask(temperature=1.0, seed=7)) for _ in range(3)]
    other = await text_of(local, ask(temperature=1.0, seed=8))
    assert len(set(texts)) == 1 and other != texts[0]


async def test_the_text_ends_before_a_stop_string(local: LocalBackend) -> None:
    request = ask(Message("user", "Count: one two three four five"), max_tokens=40)
    whole = await text_of(local, request)
    word = whole.split()[3]
    cut = await local.complete(ask(*request.messages, max_tokens=40, stop=(word,)))
    assert cut.completions[0].finish == "stop"
    assert word not in cut.completions[0].text and whole.startswith(cut.completions[0].text)


async def test_a_prefill_is_continued_and_not_repeated(local: LocalBackend) -> None:
    prefill = Message("assistant", "1. Banana\n2. Apple\n3.")
    text = await text_of(local, ask(*FRUITS, prefill))
    assert text.strip() and "Banana\n2" not in text


async def test_a_schema_is_kept(local: LocalBackend) -> None:
    schema = {
        "type": "object",
        "properties": {"winner": {"enum": ["A", "B"]}, "score": {"type": "integer"}},
        "required": ["winner", "score"],
        "additionalProperties": False,
    }
    record = json.loads(await text_of(local, ask(Message("user", "Who won?"), schema=schema, max_tokens=60)))
    assert record["winner"] in ("A", "B") and isinstance(record["score"], int)
    assert set(record) == {"winner", "score"}


async def test_a_schema_that_cannot_be_is_refused(local: LocalBackend) -> None:
    with pytest.raises(ModelRefused, match="objekt"):
        await local.complete(ask(schema={"type": "objekt"}))


async def test_logprobs_are_those_of_a_distribution(local: LocalBackend) -> None:
    completion = (await local.complete(ask(logprobs=5, max_tokens=4))).completions[0]
    assert completion.logprobs is not None and len(completion.logprobs) == 4
    assert "".join(p.token for p in completion.logprobs) == completion.text
    for token in completion.logprobs:
        assert len(token.top) == 5 and token.top[0] == (token.token, token.logprob)  # greedy
        assert 0.01 < sum(math.exp(value) for _, value in token.top) <= 1.0001


async def test_logprobs_of_the_chosen_tokens_alone(local: LocalBackend) -> None:
    logprobs = (await local.complete(ask(logprobs=0, max_tokens=2))).completions[0].logprobs
    assert logprobs is not None and [p.top for p in logprobs] == [(), ()]


async def test_the_sink_hears_all_of_every_text(local: LocalBackend) -> None:
    heard: dict[int, list[str]] = {}
    response = await local.complete(
        ask(n=2, temperature=1.0, seed=5), lambda i, piece: heard.setdefault(i, []).append(piece)
    )
    assert ["".join(heard[i]) for i in range(2)] == [c.text for c in response.completions]
    assert len(heard[0]) > 3


async def test_eight_calls_at_once_are_all_answered_right(local: LocalBackend) -> None:
    requests = [ask(Message("user", f"Say the number {i}."), max_tokens=6) for i in range(8)]
    responses = await asyncio.gather(*map(local.complete, requests))
    assert all(r.completions[0].text.strip() and r.usage.completion <= 6 for r in responses)
    assert local.capabilities(MODEL).concurrency == 4


async def test_a_cancelled_call_frees_its_slot(local: LocalBackend, engine: Engine) -> None:
    begun, before = asyncio.Event(), set(threading.enumerate())
    endless = ask(max_tokens=900, extra={"ignore_eos": True})
    task = asyncio.create_task(local.complete(endless, lambda i, piece: begun.set()))
    await begun.wait()
    assert engine.gate.free == 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await slots_free(engine) < 2  # 900 tokens take several times that
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("rebut-")]


async def test_a_call_is_cancelled_while_its_prompt_is_read(local: LocalBackend, engine: Engine) -> None:
    long = Message("user", " ".join(f"{i} word" for i in range(80)))
    start = perf_counter()
    await local.complete(ask(long, max_tokens=1))
    whole = perf_counter() - start
    other = Message("user", " ".join(f"word {i}" for i in range(80)))
    task = asyncio.create_task(local.complete(ask(other, max_tokens=1)))
    await asyncio.sleep(whole / 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await slots_free(engine) < whole


async def test_a_waiting_call_that_is_cancelled_takes_no_slot(local: LocalBackend, engine: Engine) -> None:
    endless = ask(max_tokens=900, extra={"ignore_eos": True}, n=4)
    tasks = [asyncio.create_task(local.complete(endless)) for _ in range(2)]
    await asyncio.sleep(0.05)
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await slots_free(engine)
    assert await text_of(local, ask(max_tokens=2))


async def test_the_deadline_ends_the_call(local: LocalBackend, engine: Engine) -> None:
    start = perf_counter()
    with pytest.raises(ModelTimeout, match=r"not done within 0\.1 s"):
        await local.complete(ask(max_tokens=900, extra={"ignore_eos": True}, timeout=0.1))
    assert perf_counter() - start < 6
    await slots_free(engine)


async def test_a_prompt_that_is_too_long_is_refused_with_the_remedy(local: LocalBackend) -> None:
    with pytest.raises(ModelRefused, match=r"context of 1024 tokens; .*\?ctx=") as caught:
        await local.complete(ask(Message("user", "word " * 2000)))
    assert not caught.value.retryable


async def test_strange_text_is_no_accident(local: LocalBackend) -> None:
    assert await text_of(local, ask(Message("user", "a\ud800b \0 é 🎉 नमस्ते"), max_tokens=3))
    assert await text_of(local, ask(Message("user", ""), max_tokens=3))


async def test_a_parameter_that_cannot_be_sent_is_refused(local: LocalBackend) -> None:
    with pytest.raises(ModelRefused, match="refuses the request"):
        await local.complete(ask(extra={"grammar": "root ::= ("}))
    with pytest.raises(ModelRefused, match="refuses the request"):
        await local.complete(ask(extra={"x": object()}))


def test_one_engine_serves_several_event_loops(engine: Engine, home: Path) -> None:
    async def once() -> str:
        backend = LocalBackend(home)
        texts = await asyncio.gather(*(text_of(backend, ask(n=2, max_tokens=3)) for _ in range(4)))
        await backend.close()
        return texts[0]

    users = engine.users
    assert asyncio.run(once()) == asyncio.run(once())
    assert engine.users == users


def test_engines_are_shared_and_freed_with_their_last_user(engine: Engine) -> None:
    users = engine.users
    again = borrow(engine.path, engine.options)
    assert again is engine and engine.users == users + 1
    give_back(again)
    assert engine.users == users > 0 and (engine.path, engine.options) in engines._engines


async def test_a_file_that_is_no_model_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.gguf").write_bytes(b"just text")
    (tmp_path / "cut.gguf").write_bytes(b"GGUF" + bytes(10))
    (tmp_path / "wild.gguf").write_bytes(b"GGUF\3\0\0\0" + b"\xff" * 200)
    (tmp_path / "hollow.gguf").write_bytes(b"GGUF\3\0\0\0" + bytes(200))
    backend = LocalBackend(tmp_path)
    problems = {
        "text": "is not a GGUF file",
        "cut": "its head is cut or garbled",
        "wild": "its head is cut or garbled",
        "hollow": "llama.cpp cannot load .*damaged",
    }
    for name, problem in problems.items():
        with pytest.raises(ModelUnavailable, match=problem):
            await backend.complete(Request(model=f"local/{tmp_path}/{name}.gguf", messages=FRUITS))
    await backend.close()
    assert capfd.readouterr() == ("", "")
    assert not any(path.parent == tmp_path for path, _ in engines._engines)


def test_nothing_is_printed_and_the_process_ends_though_a_call_is_running(home: Path) -> None:
    """Also when the interpreter ends with the call still on its thread, and no event loop to cancel it."""
    code = f"""
import asyncio, pathlib
from rebut.models.local import LocalBackend
from rebut.models.wire import Message, Request
request = Request(model={MODEL!r}, messages=(Message("user", "hi"),), max_tokens=900,
                  extra={{"ignore_eos": True}})
async def main():
    begun = asyncio.Event()
    local = LocalBackend(pathlib.Path({str(home)!r}))
    asyncio.ensure_future(local.complete(request, lambda i, p: begun.set()))
    await begun.wait()
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert "llama" not in done.stderr and "Fatal" not in done.stderr


def test_importing_the_back_end_imports_no_engine() -> None:
    code = (
        "import sys, rebut.models.local; print('xllamacpp' in sys.modules, 'huggingface_hub' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("local/", "no weights named"),
        ("local/x?cxt=5", "unknown option 'cxt'.*did you mean 'ctx'"),
        ("local/x?slots=0", "slots=0.*1 to 256"),
        ("local/x?ctx=", "ctx=.*whole number"),
        ("local/x?threads=two", "threads=two"),
    ],
)
def test_a_wrong_option_is_refused(model: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        LocalBackend().capabilities(model)


def test_the_port_of_the_engine_is_shut_to_others(engine: Engine) -> None:
    """llama.cpp's server listens on a local port whether it is wanted or not."""
    address = engine._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}).encode()
    for key in (None, "guess"):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{address}/v1/chat/completions", body, headers))
        caught.value.close()
        assert caught.value.code == 401


def test_the_context_is_read_from_the_file(engine: Engine) -> None:
    assert trained_context(engine.path) == 8192


def test_the_threads_are_those_that_may_be_used() -> None:
    cores = usable_cores()
    assert cores is None or 1 <= cores <= 4096


async def test_a_cap_on_replies_holds_whatever_is_asked_for(local: LocalBackend) -> None:
    request = Request(
        model=f"{MODEL}&reply=3", messages=(Message("user", "Count to fifty."),), max_tokens=40, temperature=0
    )
    response = await local.complete(request)
    assert response.usage.completion == 3
    assert response.completions[0].finish == "length"
