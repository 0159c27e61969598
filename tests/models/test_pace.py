"""In any minute a model gets no more requests and tokens than its provider takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.errors import ModelTimeout
from rebut.models.gateway import Gateway
from rebut.models.pace import MINUTE, Pace, Sent, guess
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage
from rebut.settings import Settings


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    with monkeypatch.context() as patched:
        patched.setattr("rebut.models.pace.asyncio.sleep", clock.sleep)
        yield clock


def ask(text: str = "hello", tokens: int = 10) -> Request:
    return Request(model="a/x", messages=(Message("user", text),), max_tokens=tokens)


def answer(prompt: int, completion: int) -> Response:
    usage = Usage(calls=1, requests=1, prompt=prompt, completion=completion)
    return Response(completions=(Completion(text="x"),), usage=usage, model="a/x")


def busiest(sent: list[Sent], amount: Callable[[Sent], int]) -> int:
    """The most of any minute."""
    return max(sum(amount(s) for s in sent if first.at <= s.at < first.at + MINUTE) for first in sent)


async def test_as_many_as_a_minute_takes_go_at_once_and_the_next_waits_for_its_end(clock: Clock) -> None:
    pace = Pace(3, None, clock)
    times = [(await pace.admit(ask())).at - 1000 for _ in range(7)]
    assert times == [0, 0, 0, 60, 60, 60, 120]


async def test_what_was_answered_counts_with_its_own_tokens_not_with_the_guess(clock: Clock) -> None:
    each = guess(ask())
    pace = Pace(None, 2 * each, clock)
    first = await pace.admit(ask())
    pace.settle(first, answer(0, 1))
    assert [(await pace.admit(ask())).at for _ in range(2)] == [1000, 1060]


async def test_a_request_larger_than_a_minute_goes_alone(clock: Clock) -> None:
    pace = Pace(None, 5, clock)
    assert [(await pace.admit(ask())).at for _ in range(3)] == [1000, 1060, 1120]


async def test_an_answer_after_its_minute_changes_nothing(clock: Clock) -> None:
    pace = Pace(None, guess(ask()), clock)
    late = await pace.admit(ask())
    await pace.admit(ask())
    pace.settle(late, answer(10_000, 10_000))
    assert (await pace.admit(ask())).at == 1120


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 5), st.integers(60, 200))
def test_no_minute_has_more_than_its_limits(sizes: list[int], requests: int, tokens: int) -> None:
    clock = Clock()

    async def all_sent() -> list[Sent]:
        pace, found = Pace(requests, tokens, clock), []
        for size in sizes:
            clock.now += size % 7
            found.append(await pace.admit(ask("", size)))
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rebut.models.pace.asyncio.sleep", clock.sleep)
        sent = asyncio.run(all_sent())
    assert busiest(sent, lambda s: 1) <= requests
    assert busiest(sent, lambda s: s.tokens) <= max(tokens, max(s.tokens for s in sent))
    assert [s.tokens for s in sent] == [guess(ask("", size)) for size in sizes]


async def test_the_gateway_keeps_the_pace_of_a_model_and_gives_up_at_a_deadline(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules: [{say: hello}]")
    model = f"scripted/{tmp_path}/a.yaml"
    request = Request(model=model, messages=(Message("user", "?"),), temperature=1)
    async with Gateway(Settings(rates={model: (1, None)})) as door:
        await door.complete(request)
        soon = asyncio.get_running_loop().time() + 0.05
        with pytest.raises(ModelTimeout, match="before the deadline"):
            await door.complete(request, deadline=soon)
