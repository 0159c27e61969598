"""Faults by plan."""

from __future__ import annotations

import asyncio
import json
from time import perf_counter

import pytest

from rebut.errors import InputError, ModelBusy, ModelError, ModelTimeout
from rebut.models.wire import Backend, Message, Request
from rebut.testing import FaultyBackend, Scripted
from rebut.testing.faulty import AGREEING, FOREIGN


def ask(text: str = "hello", **options: object) -> Request:
    return Request(model="m", messages=(Message("user", text),), **options)  # type: ignore[arg-type]


async def outcome(backend: Backend, request: Request) -> str:
    try:
        return (await backend.complete(request)).completions[0].text
    except ModelError as error:
        return type(error).__name__


async def test_a_sequence_of_faults_hits_the_calls_in_order() -> None:
    backend = FaultyBackend(Scripted({"": "fine"}), ["busy", None, "timeout"], retry_after=2)
    with pytest.raises(ModelBusy) as caught:
        await backend.complete(ask())
    assert (caught.value.status, caught.value.retry_after) == (429, 2)
    assert await outcome(backend, ask()) == "fine"
    with pytest.raises(ModelTimeout):
        await backend.complete(ask())
    assert await outcome(backend, ask()) == "fine"
    assert backend.injected == ["busy", "timeout"]


async def test_the_faults_do_not_hang_on_the_order_of_calls() -> None:
    requests = [ask(f"question {i}") for i in range(40)]
    shares = {"busy": 0.3, "truncated": 0.3}

    async def run(order: list[Request], seed: int) -> dict[str, str]:
        backend = FaultyBackend(Scripted({"": "a long answer"}), shares, seed=seed)  # type: ignore[arg-type]
        texts = await asyncio.gather(*(outcome(backend, r) for r in order))
        return dict(zip((r.messages[0].content for r in order), texts, strict=True))

    forth, back = await run(requests, 1), await run(requests[::-1], 1)
    assert forth == back
    assert forth != await run(requests, 2)
    assert 5 < sum(text == "ModelBusy" for text in forth.values()) < 20


async def test_a_retry_draws_anew() -> None:
    backend = FaultyBackend(Scripted({"": "fine"}), {"busy": 0.5})
    assert {await outcome(backend, ask()) for _ in range(20)} == {"fine", "ModelBusy"}


async def test_a_truncated_reply_is_a_beginning_of_the_text() -> None:
    whole = json.dumps({"winner": "A", "why": "because"})
    completion = (await FaultyBackend(Scripted([whole]), ["truncated"]).complete(ask())).completions[0]
    assert whole.startswith(completion.text) and len(completion.text) < len(whole)
    assert completion.finish == "length"


@pytest.mark.parametrize(("fault", "said"), [("foreign", FOREIGN), ("agreeing", AGREEING)])
async def test_other_words_keep_the_shape_of_a_record(fault: str, said: str) -> None:
    record = {"winner": "A", "why": ["the first is larger"], "score": 3}
    backend = FaultyBackend(Scripted([json.dumps(record), "plain text"]), [fault, fault])  # type: ignore[list-item]
    assert json.loads(await outcome(backend, ask())) == {"winner": "A", "why": [said], "score": 3}
    assert await outcome(backend, ask()) == said


async def test_the_listener_hears_what_the_caller_gets() -> None:
    heard: list[str] = []
    await FaultyBackend(Scripted(["so it is"]), ["agreeing"]).complete(ask(), lambda _, t: heard.append(t))
    assert heard == [AGREEING]


async def test_a_slow_call_is_slow_and_right() -> None:
    start = perf_counter()
    assert await outcome(FaultyBackend(Scripted(["fine"]), ["slow"], pause=0.03), ask()) == "fine"
    assert perf_counter() - start >= 0.03


@pytest.mark.parametrize(
    ("plan", "problem"),
    [({"bussy": 0.1}, "did you mean 'busy'"), ({"busy": 0.8, "slow": 0.4}, "more than 1")],
)
def test_a_plan_that_cannot_be_is_refused(plan: dict[str, float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        FaultyBackend(Scripted([]), plan)  # type: ignore[arg-type]
