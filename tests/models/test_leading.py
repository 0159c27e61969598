"""Leader first: who waits for whom, what ends the waiting, and where the shared part is said to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rebut.errors import ModelRefused, ModelTimeout
from rebut.models.gateway import Gateway
from rebut.models.leading import SHARED, Leading, led
from rebut.models.prefixes import text_of
from rebut.models.wire import Capabilities, Completion, Message, Request, Response, Sink
from rebut.records import Usage
from rebut.settings import Settings

CAN = Capabilities(prefix_cache=True, prefix_least=100, stream=True)
LONG = "All of this is common knowledge.\n" * 40


class Server:
    """Answers when it is let; keeps who came in which order, and what was said to be shared."""

    def __init__(self, can: Capabilities = CAN) -> None:
        self.can, self.came, self.shared = can, list[str](), list[int]()
        self.words, self.open = asyncio.Event(), asyncio.Event()
        self.fails: BaseException | None = None

    def capabilities(self, model: str) -> Capabilities:
        return self.can

    def price(self, model: str) -> tuple[float, float] | None:
        return None

    async def close(self) -> None:
        pass

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.came.append(request.messages[-1].content[-1])
        self.shared.append(SHARED.get())
        if sink is not None:
            await self.words.wait()
            sink(0, "well")
        await self.open.wait()
        failure, self.fails = self.fails, None
        if failure is not None:
            raise failure
        return Response(completions=(Completion(text="x"),) * request.n, usage=Usage(calls=request.n))


def ask(tail: str, text: str = LONG) -> Request:
    return Request(model="m", messages=(Message("system", "Be brief."), Message("user", text + tail)))


async def turns(n: int = 20) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    yield made
    made.open.set()
    made.words.set()
    await turns()


def start(backend: Leading, *requests: Request, sink: Sink | None = None) -> list[asyncio.Task[Response]]:
    return [asyncio.create_task(backend.complete(request, sink)) for request in requests]


async def test_the_first_goes_ahead_and_the_others_follow_its_answer(server: Server) -> None:
    tasks = start(Leading(server, 100), *(ask(str(i)) for i in range(4)))
    await turns()
    assert server.came == ["0"]
    server.open.set()
    await asyncio.gather(*tasks)
    assert server.came == ["0", "1", "2", "3"]


async def test_the_first_word_is_enough_where_there_is_a_stream(server: Server) -> None:
    start(Leading(server, 100), ask("0"), ask("1"), sink=lambda i, text: None)
    await turns()
    assert server.came == ["0"]
    server.words.set()
    await turns()
    assert server.came == ["0", "1"]


async def test_nobody_waits_longer_than_a_moment(server: Server) -> None:
    start(Leading(server, 100, patience=0.02), ask("0"), ask("1"))
    await turns()
    assert server.came == ["0"]
    await asyncio.sleep(0.04)
    assert server.came == ["0", "1"]


@pytest.mark.parametrize("text", ["", "short " * 3])
async def test_short_prompts_start_at_once(server: Server, text: str) -> None:
    start(Leading(server, 100), ask("0", text), ask("1", text))
    await turns(1)
    assert server.came == ["0", "1"] and server.shared == [0, 0]


async def test_other_beginnings_and_other_models_do_not_wait(server: Server) -> None:
    other = replace(ask("2"), model="other")
    start(Leading(server, 100), ask("0"), ask("1", "Another text. " * 90), other)
    await turns()
    assert server.came == ["0", "1", "2"]


async def test_a_leader_that_fails_frees_the_others_and_counts_as_nothing_read(server: Server) -> None:
    server.fails = ModelRefused("no", model="m")
    backend = Leading(server, 100)
    tasks = start(backend, ask("0"), ask("1"))
    server.open.set()
    failure, answer = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(failure, ModelRefused) and isinstance(answer, Response)
    server.open.clear()
    start(backend, ask("2"), ask("3"))
    await turns()
    assert server.came == ["0", "1", "2"]


@pytest.mark.parametrize("after", [0, 1, 20])
async def test_a_leader_that_is_cancelled_frees_the_others(server: Server, after: int) -> None:
    tasks = start(Leading(server, 100), ask("0"), ask("1"), ask("2"))
    await turns(after)
    tasks[0].cancel()
    await turns()
    assert {"1", "2"} & set(server.came)
    server.open.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks[1:])


async def test_what_was_read_before_needs_no_leader(server: Server) -> None:
    backend = Leading(server, 100)
    server.open.set()
    await backend.complete(ask("0"))
    server.open.clear()
    start(backend, ask("1"), ask("2"))
    await turns()
    assert server.came == ["0", "1", "2"]


async def test_who_comes_while_the_leader_is_under_way_follows_too(server: Server) -> None:
    backend = Leading(server, 100)
    start(backend, ask("0"))
    await turns()
    start(backend, ask("1"))
    await turns()
    assert server.came == ["0"]
    server.open.set()
    await turns()
    assert server.came == ["0", "1"]


async def test_all_are_told_the_same_place_where_the_shared_part_ends(server: Server) -> None:
    server.open.set()
    requests = [ask(f"You are {i}.") for i in range(3)]
    backend = Leading(server, 100)
    await asyncio.gather(*start(backend, *requests))
    there = len(text_of(requests[0].messages)) - len("0.")
    assert server.shared == [there] * 3
    await backend.complete(ask("You are 0 or 1."))
    assert server.shared[-1] == there and SHARED.get() == 0


async def test_a_single_prompt_shares_nothing(server: Server) -> None:
    server.open.set()
    await Leading(server, 100).complete(ask("0"))
    assert server.shared == [0]


def test_only_back_ends_whose_prices_make_it_pay_are_led() -> None:
    server = Server()
    assert led(server, Capabilities(prefix_cache=True)) is server
    assert isinstance(led(server, CAN), Leading)


async def test_samples_that_a_server_gives_one_by_one_follow_their_first(server: Server) -> None:
    async with Gateway(Settings(), backends={"x": server}) as gateway:
        request = replace(ask("0"), model="x/y", n=5)
        task = asyncio.create_task(gateway.complete(request))
        await turns(50)
        assert len(server.came) == 1
        server.open.set()
        response, attempts = await task
    assert (len(response.completions), attempts, len(server.came)) == (5, 5, 5)


async def test_a_deadline_holds_while_one_waits(server: Server) -> None:
    async with Gateway(Settings(retries=0), backends={"x": server}) as gateway:
        first = asyncio.create_task(gateway.complete(replace(ask("0"), model="x/y")))
        second = asyncio.create_task(
            gateway.complete(
                replace(ask("1"), model="x/y"), deadline=asyncio.get_running_loop().time() + 0.02
            )
        )
        with pytest.raises(ModelTimeout):
            await second
        assert server.came == ["0"]
        server.open.set()
        await first
