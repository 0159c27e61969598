"""A fan-out of the embedded engine reads what its prompts share once, by the engine's own count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter

import pytest

from rebut.models.local import LocalBackend
from rebut.models.local.engine import Engine, borrow, give_back
from rebut.models.local.options import Options, split
from rebut.models.local.weights import find
from rebut.models.wire import Message, Request, Response

pytest.importorskip("xllamacpp")
pytestmark = pytest.mark.slow

MODEL = "local/smollm2-135m?ctx=1024&slots=4&threads=1"


def facts(seed: int, count: int = 20) -> str:
    """A text that no other test has sent."""
    return " ".join(f"Fact {seed}-{i}: {i * 37 % 101} goes with {i * 13 % 7}." for i in range(count))


def ask(text: str, tail: str, model: str = MODEL, **options: object) -> Request:
    said = (Message("system", "You solve problems."), Message("user", f"{text}\n{tail}"))
    wanted: dict[str, object] = {"max_tokens": 4, "temperature": 0.0, **options}
    return Request(model=model, messages=said, **wanted)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    name, options = split(MODEL, Options())
    loaded = borrow(find(name, home=tmp_path_factory.mktemp("home")), options)
    yield loaded
    give_back(loaded)


@pytest.fixture
async def local(engine: Engine, tmp_path: Path) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(tmp_path)
    yield backend
    await backend.close()


async def fan(local: LocalBackend, *requests: Request) -> list[Response]:
    return await asyncio.gather(*(local.complete(request) for request in requests))


def computed(responses: list[Response]) -> int:
    return sum(r.usage.prompt - r.usage.cached for r in responses)


async def places(engine: Engine, free: int) -> None:
    start = perf_counter()
    while engine.gate.free != free:
        assert perf_counter() - start < 20
        await asyncio.sleep(0.005)


async def test_a_fan_out_reads_its_shared_beginning_once(local: LocalBackend) -> None:
    text = facts(1)
    responses = await fan(local, *(ask(text, f"Who is {i}?") for i in range(4)))
    prompt = responses[0].usage.prompt
    assert prompt > 300
    assert prompt <= computed(responses) < prompt + 4 * 20
    assert sum(r.usage.cached for r in responses) > 0.7 * sum(r.usage.prompt for r in responses)


async def test_what_the_slots_hold_already_is_not_read_again(local: LocalBackend) -> None:
    text = facts(3)
    await fan(local, *(ask(text, f"Who is {i}?") for i in range(4)))
    again = await fan(local, *(ask(text, f"Where does {i} go?") for i in range(4)))
    assert computed(again) < 4 * 20


async def test_requests_of_two_kinds_are_warmed_apart(local: LocalBackend) -> None:
    one, other = facts(4), "Other " + facts(5)
    responses = await fan(local, *(ask(text, f"{i}?") for i in range(2) for text in (one, other)))
    prompts = responses[0].usage.prompt + responses[1].usage.prompt
    assert prompts - 40 < computed(responses) < prompts + 4 * 20


async def test_without_the_cache_every_prompt_is_read_whole(local: LocalBackend) -> None:
    responses = await fan(local, *(ask(facts(6, 8), f"{i}?", model=f"{MODEL}&cache=0") for i in range(3)))
    assert [r.usage.cached for r in responses] == [0, 0, 0]


async def test_a_member_that_is_cancelled_leaves_the_others_their_warm_up(
    local: LocalBackend, engine: Engine
) -> None:
    text = facts(7)
    tasks = [asyncio.create_task(local.complete(ask(text, f"Who is {i}?"))) for i in range(4)]
    await places(engine, 0)
    tasks[0].cancel()
    responses = await asyncio.gather(*tasks[1:])
    assert computed(responses) < 1.4 * responses[0].usage.prompt
    assert tasks[0].cancelled() and engine.gate.free == 4


async def test_when_all_are_cancelled_the_warm_up_stops(local: LocalBackend, engine: Engine) -> None:
    tasks = [asyncio.create_task(local.complete(ask(facts(8, 28), f"Who is {i}?"))) for i in range(4)]
    await places(engine, 0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await places(engine, 4)
    assert (await local.complete(ask("Hello", "there"))).completions


async def test_a_warm_up_that_fails_is_of_no_consequence(
    local: LocalBackend, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the server said no")

    monkeypatch.setattr(engine, "spread", broken)
    monkeypatch.setattr(engine.warm, "_failed", 0)
    responses = await fan(local, *(ask(facts(9, 8), f"Who is {i}?") for i in range(4)))
    assert all(r.completions for r in responses)
    monkeypatch.setattr(engine.warm, "_failed", 0)


async def test_no_state_is_left_on_the_disk(local: LocalBackend, engine: Engine) -> None:
    await fan(local, *(ask(facts(10), f"Who is {i}?") for i in range(4)))
    assert engine._slots is not None
    folder = engine._slots._folder
    assert folder.is_dir() and list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0
