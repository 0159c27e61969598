"""A run's door: budget, journal and events around every call, the same live and replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from rebut.errors import BudgetSpent, ModelError, ModelRefused, ModelTimeout, SettingsError
from rebut.events import CallFinished, Event
from rebut.models.budget import Budget, Limits
from rebut.models.gateway import Gateway
from rebut.models.hosted import HostedBackend
from rebut.models.journal import CallSite, Outcome
from rebut.models.retry import Backoff
from rebut.models.script import EVERYTHING, Scripted
from rebut.models.session import Session
from rebut.models.wire import Message, Request
from rebut.settings import Settings

from .fault_server import Fault, FaultServer, fault_server


class Kept:
    """A journal in memory: hands recorded outcomes over in their order."""

    def __init__(self, *outcomes: tuple[str, Outcome]) -> None:
        self.outcomes = list(outcomes)
        self.next = 0
        self.recorded: list[tuple[str, Outcome]] = []
        self.turn = asyncio.Condition()

    @property
    def recalling(self) -> bool:
        return self.next < len(self.outcomes)

    async def recall(self, site: CallSite, request: Request) -> Outcome | None:
        async with self.turn:
            await self.turn.wait_for(lambda: not self.recalling or self.outcomes[self.next][0] == site.path)
            if not self.recalling:
                return None
            self.next += 1
            self.turn.notify_all()
            return self.outcomes[self.next - 1][1]

    async def record(self, site: CallSite, request: Request, outcome: Outcome) -> None:
        await asyncio.sleep(0)
        self.recorded.append((site.path, outcome))

    def event(self, event: Event) -> None: ...


@pytest.fixture
async def door() -> AsyncIterator[Gateway]:
    backend = HostedBackend(Settings(), {})
    async with Gateway(Settings(), {"openai": backend}, Backoff(3, 0.001, random=Random(1))) as gateway:
        yield gateway


def site(path: str = "solve/1") -> CallSite:
    return CallSite(path=path, node="solve", visit=1, agent="ada", role="solver")


def ask(server: FaultServer, text: str = "one two three", **options: Any) -> Request:
    return Request(model=server.model(), messages=(Message("user", text),), **options)


def session(gateway: Gateway, limits: Limits | None = None, **options: Any) -> tuple[Session, list[Event]]:
    events: list[Event] = []
    return Session(gateway, "r1", budget=Budget(limits), emit=events.append, **options), events


async def test_a_call_is_announced_answered_and_accounted(server: FaultServer, door: Gateway) -> None:
    run, events = session(door)
    response = await run.call(ask(server, n=2), site())
    assert [e.kind for e in events] == ["call.started", "call.finished"]
    last = events[1]
    assert isinstance(last, CallFinished)
    assert (last.texts, last.prompt_tokens, last.completion_tokens) == (("Answer: 0", "Answer: 1"), 3, 4)
    assert (last.run, last.node, last.call, last.agent, last.role) == (
        "r1",
        "solve",
        "solve/1",
        "ada",
        "solver",
    )
    assert last.t == run.clock > 0
    assert run.budget.spent == response.usage


async def test_the_call_is_reserved_and_announced_before_it_first_suspends(
    server: FaultServer, door: Gateway
) -> None:
    run, events = session(door, Limits(calls=1))
    first = run.call(ask(server), site())
    second = run.call(ask(server), site("solve/2"))
    first.send(None)
    with pytest.raises(BudgetSpent):
        second.send(None)
    assert [e.kind for e in events] == ["call.started"]
    first.close()
    assert run.budget.used_calls == 0


@pytest.mark.parametrize(
    ("limits", "least"),
    [(Limits(calls=7), 7), (Limits(tokens=260), 10), (Limits(usd=0.00026), 10)],
    ids=["calls", "tokens", "usd"],
)
async def test_fifty_parallel_calls_use_a_limit_and_never_pass_it(limits: Limits, least: int) -> None:
    async with fault_server(latency=0.01) as server:
        settings = Settings(prices={server.model(): (1e-6, 1e-6)})
        async with Gateway(settings, {"openai": HostedBackend(settings, {})}) as gateway:
            run, _ = session(gateway, limits)
            requests = [run.call(ask(server, max_tokens=32), site(f"s/{i}")) for i in range(50)]
            answers = await asyncio.gather(*requests, return_exceptions=True)
        stood = [a for a in answers if not isinstance(a, BaseException)]
        assert len(stood) == server.requests
        assert least <= len(stood) < 50, "what a call did not use is room for another"
        assert all(isinstance(a, BudgetSpent) for a in answers if isinstance(a, BaseException))
        spent = run.budget.spent
        assert spent.calls <= (limits.calls or 50)
        assert spent.tokens <= (limits.tokens or 10**9)
        assert (spent.usd or 0) <= (limits.usd or 1)
        assert run.budget.used_calls == spent.calls


async def test_a_call_waits_while_others_hold_room_that_they_may_not_use(
    server: FaultServer, door: Gateway
) -> None:
    run, _ = session(door, Limits(tokens=125 + 150))  # at worst one call takes 125 + 100 of them
    server.latency = 0.1
    calls = [asyncio.create_task(run.call(ask(server, max_tokens=100), site(f"s/{i}"))) for i in range(3)]
    await asyncio.sleep(0.05)
    assert server.requests == 1
    assert [len((await call).completions) for call in calls] == [1, 1, 1]
    assert run.budget.spent.tokens <= 275


async def test_who_waits_for_room_can_be_cancelled_and_holds_up_nobody(
    server: FaultServer, door: Gateway
) -> None:
    run, _ = session(door, Limits(tokens=4000))
    server.latency = 0.05
    first = asyncio.create_task(run.call(ask(server, max_tokens=3800), site("a/1")))
    await asyncio.sleep(0)
    second, third = (
        asyncio.create_task(run.call(ask(server, max_tokens=3000), site(f"{who}/1"))) for who in "bc"
    )
    await asyncio.sleep(0.01)
    assert server.requests <= 1
    second.cancel()
    assert len((await first).completions) == len((await third).completions) == 1
    assert second.cancelled() and run.budget.used_calls == 2


async def test_short_room_makes_fewer_then_shorter_completions(server: FaultServer, door: Gateway) -> None:
    run, _ = session(door, Limits(calls=3))
    assert len((await run.call(ask(server, n=8), site())).completions) == 3
    run, _ = session(door, Limits(tokens=125 + 3 * 100))
    await run.call(ask(server, n=8, max_tokens=100), site())
    run, _ = session(door, Limits(tokens=125 + 40))
    await run.call(ask(server, n=8, max_tokens=100), site())
    assert [(b.get("n", 1), b["max_tokens"]) for b in server.bodies[1:]] == [(3, 100), (1, 40)]
    run, _ = session(door, Limits(tokens=125 + 15))
    with pytest.raises(BudgetSpent, match="tokens limit of 140"):
        await run.call(ask(server, max_tokens=100), site())


async def test_a_back_end_with_shorter_replies_needs_less_room() -> None:
    able = Scripted(lambda request: "Answer: 42", can=replace(EVERYTHING, reply=50))
    async with Gateway(Settings(), {"able": able}) as gateway:
        request = Request(model="able/x", messages=(Message("user", "one two three"),), max_tokens=1000, n=8)
        run, _ = session(gateway, Limits(tokens=125 + 4 * 50))
        assert len((await run.call(request, site())).completions) == 4
        run, _ = session(gateway, Limits(tokens=2000))
        assert len((await run.call(replace(request, max_tokens=None), site())).completions) == 8
        run, _ = session(gateway)
        await run.call(request, site())
    assert [seen.max_tokens for seen in able.seen] == [50, 50, 1000], "what has no limit is left as it is"


async def test_a_server_that_ignores_n_cannot_break_the_budget(server: FaultServer, door: Gateway) -> None:
    server.always = Fault(choices=1)
    server.say = lambda body, index: "word " * body["max_tokens"]
    run, _ = session(door, Limits(tokens=125 + 4 * 60))
    await run.call(ask(server, n=4, max_tokens=60), site())
    assert server.requests == 2
    assert run.budget.spent.tokens <= 365


async def test_money_needs_a_price_before_anything_is_sent(server: FaultServer, door: Gateway) -> None:
    run, events = session(door, Limits(usd=1.0))
    with pytest.raises(SettingsError, match=r"price .* is not known"):
        await run.call(ask(server), site())
    assert (events, server.requests) == ([], 0)


async def test_time_that_runs_out_during_a_call_is_the_budgets(server: FaultServer, door: Gateway) -> None:
    server.latency = 5
    journal = Kept()
    run, events = session(door, Limits(seconds=0.05), journal=journal)
    with pytest.raises(BudgetSpent, match=r"seconds limit of 0\.05"):
        await run.call(ask(server), site())
    assert run.clock >= 0.05
    assert journal.recorded[0][1].error == "BudgetSpent"
    with pytest.raises(BudgetSpent):
        await run.call(ask(server), site("solve/2"))
    assert [e.kind for e in events] == ["call.started", "call.finished"]


async def test_a_calls_own_timeout_is_the_models(server: FaultServer, door: Gateway) -> None:
    server.latency = 5
    run, _ = session(door, Limits(seconds=60))
    with pytest.raises(ModelTimeout, match="before the deadline"):
        await run.call(ask(server), site(), timeout=0.05)


async def test_a_cancelled_call_is_not_recorded_and_gives_its_room_back(
    server: FaultServer, door: Gateway
) -> None:
    server.latency = 5
    journal = Kept()
    run, events = session(door, Limits(calls=1), journal=journal)
    task = asyncio.create_task(run.call(ask(server), site()))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journal.recorded == []
    assert run.budget.grant(1) == 1
    assert [e.kind for e in events] == ["call.started"]


async def trial(run: Session, server: FaultServer) -> list[str]:
    """Calls side by side and one after the other, some of which fail."""

    async def one(index: int) -> str:
        try:
            response = await run.call(ask(server, f"q {index}", max_tokens=50), site(f"solve/{index}"))
        except (ModelError, BudgetSpent) as error:
            return f"{type(error).__name__} {error} {getattr(error, 'status', '')}"
        return response.completions[0].text

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(i)) for i in range(8)]
    return [t.result() for t in tasks] + [await one(8), await one(9)]


async def test_a_replay_gives_the_same_events_byte_for_byte(server: FaultServer, door: Gateway) -> None:
    server.fail(Fault(hang=0.03), Fault(status=400, said="odd"), Fault(status=500), Fault(raw=b"x"), Fault())
    journal = Kept()
    run, events = session(door, Limits(calls=9), journal=journal)
    live = await trial(run, server)
    sent = server.requests
    again, replayed = session(door, Limits(calls=9), journal=Kept(*journal.recorded))
    assert await trial(again, server) == live
    assert server.requests == sent
    assert [e.as_json() for e in replayed if e.durable] == [e.as_json() for e in events if e.durable]
    assert again.budget.spent == run.budget.spent
    assert again.clock == run.clock
    assert "ModelRefused" in " ".join(live) and "BudgetSpent" in live[-1]


async def test_a_resumed_run_goes_on_from_where_its_clock_stood(server: FaultServer, door: Gateway) -> None:
    journal = Kept()
    first, _ = session(door, journal=journal)
    await first.call(ask(server), site())
    old = [(path, Outcome(response=o.response, at=1000.0)) for path, o in journal.recorded]
    second, events = session(door, Limits(seconds=1001), journal=Kept(*old))
    await second.call(ask(server), site())
    assert second.clock == 1000.0
    await second.call(ask(server), site("solve/2"))
    assert 1000.0 < second.clock < 1001.0
    assert [e.t for e in events if e.durable] == [1000.0, second.clock]


async def test_what_was_recorded_as_an_error_is_the_same_error_again(
    door: Gateway, server: FaultServer
) -> None:
    journal = Kept(("solve/1", Outcome(error="ModelRefused", message="too long", status=400, at=1.0)))
    run, events = session(door, journal=journal)
    with pytest.raises(ModelRefused, match="too long") as caught:
        await run.call(ask(server), site())
    assert caught.value.status == 400
    assert isinstance(events[-1], CallFinished) and events[-1].error == "too long"


async def test_a_fallback_is_noted_for_good(server: FaultServer) -> None:
    bad, good = server.model("bad"), server.model("good")
    server.fail(Fault(status=404))
    settings = Settings(fallbacks={bad: (good,)})
    async with Gateway(settings, {"openai": HostedBackend(settings, {})}) as gateway:
        journal = Kept()
        run, events = session(gateway, journal=journal)
        request = Request(model=bad, messages=(Message("user", "q"),))
        await run.call(request, site())
        again, replayed = session(gateway, journal=Kept(*journal.recorded))
        await again.call(request, site())
    assert [e.kind for e in events] == ["call.started", "call.retrying", "noted", "call.finished"]
    assert isinstance(events[-1], CallFinished) and events[-1].model == good
    assert [e.as_json() for e in replayed if e.durable] == [e.as_json() for e in events if e.durable]


async def test_text_is_announced_while_it_is_written_only_when_wanted(
    server: FaultServer, door: Gateway
) -> None:
    run, events = session(door, deltas=True)
    await run.call(ask(server), site())
    assert "".join(e.as_dict()["text"] for e in events if e.kind == "call.delta") == "Answer: 0"
    assert server.bodies[0]["stream"] is True


async def test_retries_are_announced(server: FaultServer, door: Gateway) -> None:
    server.fail(Fault(status=503), Fault(cut=3))
    journal = Kept()
    run, events = session(door, journal=journal)
    await run.call(ask(server), site())
    assert [e.as_dict()["attempt"] for e in events if e.kind == "call.retrying"] == [1, 2]
    assert journal.recorded[0][1].attempts == 3
