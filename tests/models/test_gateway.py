"""The gateway: attempts, fallbacks, single flight, samples, all against a back end in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

import pytest

from rebut.errors import (
    ModelBusy,
    ModelError,
    ModelGarbled,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    RebutError,
    SettingsError,
)
from rebut.models.gateway import Gateway
from rebut.models.retry import Backoff
from rebut.models.wire import Capabilities, Completion, Message, Request, Response, Sink
from rebut.records import Usage
from rebut.settings import Settings

Act = Callable[[Request], Exception | None]


class Fake:
    """A back end that does as told; counts what it sees."""

    def __init__(
        self,
        *faults: Exception | None,
        gives: int | None = None,
        hang: float = 0.0,
        n: bool = True,
        usd: float | None = 1e-5,
    ) -> None:
        self.faults, self.gives, self.hang, self.n, self.usd = list(faults), gives, hang, n, usd
        self.seen: list[Request] = []
        self.cancelled = self.active = self.peak = self.closed = 0

    def capabilities(self, model: str) -> Capabilities:
        return Capabilities(n=self.n, concurrency=64)

    def price(self, model: str) -> tuple[float, float] | None:
        return (1e-6, 2e-6)

    async def close(self) -> None:
        self.closed += 1

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.seen.append(request)
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            await asyncio.sleep(self.hang)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.active -= 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        count = request.n if self.gives is None else min(self.gives, request.n)
        texts = [f"{request.model} {request.seed} {len(self.seen)}.{i}" for i in range(count)]
        if sink:
            for index, text in enumerate(texts):
                sink(index, text)
        usage = Usage(calls=request.n, requests=1, prompt=10, completion=3 * count, usd=self.usd)
        return Response(
            completions=tuple(Completion(text=t) for t in texts), usage=usage, model="as the server says"
        )


def ask(model: str = "a/x", **options: Any) -> Request:
    return Request(model=model, messages=(Message("user", "hello"),), **options)


def gateway(settings: Settings | None = None, **backends: Fake) -> Gateway:
    quick = Backoff(attempts=4, base=0.001, random=Random(1))
    return Gateway(settings or Settings(), backends, quick)


async def test_an_answer_comes_back_under_the_name_that_was_asked() -> None:
    response, attempts = await gateway(a=Fake()).complete(ask())
    assert (response.model, attempts, len(response.completions)) == ("a/x", 1, 1)


async def test_what_may_pass_is_tried_again_and_told() -> None:
    told: list[tuple[int, str]] = []
    fake = Fake(ModelBusy("busy", status=429), ModelGarbled("cut"), ModelTimeout("slow"))
    _, attempts = await gateway(a=fake).complete(ask(), on_retry=lambda n, w, e: told.append((n, str(e))))
    assert attempts == 4
    assert told == [(1, "busy"), (2, "cut"), (3, "slow")]


@pytest.mark.parametrize("error", [ModelRefused("key"), ModelUnavailable("gone")])
async def test_what_will_not_pass_is_not_tried_again(error: ModelError) -> None:
    fake = Fake(error)
    with pytest.raises(type(error)):
        await gateway(a=fake).complete(ask())
    assert len(fake.seen) == 1


async def test_patience_ends_with_the_last_error() -> None:
    fake = Fake(*(ModelBusy(f"busy {i}") for i in range(9)))
    with pytest.raises(ModelBusy, match="busy 3"):
        await gateway(a=fake).complete(ask())
    assert len(fake.seen) == 4


async def test_a_silent_server_is_a_timeout_and_the_work_is_cancelled() -> None:
    fake = Fake(hang=5)
    with pytest.raises(ModelTimeout, match=r"no answer from a/x within 0.01 s"):
        await gateway(Settings(timeout=0.01), a=fake).complete(ask())
    assert (fake.cancelled, len(fake.seen)) == (4, 4)
    with pytest.raises(ModelTimeout, match=r"within 0.02 s"):
        await gateway(a=fake).complete(ask(timeout=0.02))


async def test_the_deadline_ends_all_attempts() -> None:
    fake, loop = Fake(hang=5), asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(ModelTimeout, match="before the deadline"):
        await gateway(a=fake).complete(ask(), deadline=began + 0.05)
    assert loop.time() - began < 4
    assert (fake.cancelled, len(fake.seen)) == (1, 1)


async def test_the_deadline_also_ends_waiting_in_line() -> None:
    fake = Fake(hang=0.2)
    door = gateway(Settings(concurrency={"*": 1}), a=fake)
    until = asyncio.get_running_loop().time() + 0.02
    first = asyncio.create_task(door.complete(ask()))
    await asyncio.sleep(0)
    with pytest.raises(ModelTimeout, match="before the deadline"):
        await door.complete(ask(), deadline=until)
    await first
    assert len(fake.seen) == 1


async def test_a_server_that_asks_to_wait_holds_back_the_whole_model() -> None:
    fake, loop = Fake(ModelBusy("busy", status=429, retry_after=0.06)), asyncio.get_running_loop()
    door = gateway(a=fake)
    began = loop.time()
    first = asyncio.create_task(door.complete(ask()))
    await asyncio.sleep(0.01)
    await door.complete(ask())
    assert loop.time() - began >= 0.055
    await first


async def test_overload_halves_what_is_in_flight() -> None:
    fake = Fake(*(ModelBusy("busy", status=429) for _ in range(20)), hang=0.001)
    door = gateway(a=fake)
    await asyncio.gather(*(door.complete(ask()) for _ in range(60)))
    assert fake.peak == 20
    assert door._routes["a/x"].limiter.limit < 20


async def test_a_pinned_concurrency_is_kept() -> None:
    fake = Fake(hang=0.001)
    door = gateway(Settings(concurrency={"a/x": 3}), a=fake)
    await asyncio.gather(*(door.complete(ask()) for _ in range(40)))
    assert fake.peak == 3


async def test_a_fallback_is_asked_and_told() -> None:
    told: list[tuple[str, str, str]] = []
    settings = Settings(fallbacks={"a/x": ("b/y", "c/z")})
    door = gateway(settings, a=Fake(ModelUnavailable("down")), b=Fake(ModelUnavailable("too")), c=Fake())
    response, _ = await door.complete(ask(), on_fallback=lambda m, o, e: told.append((m, o, str(e))))
    assert response.model == "c/z"
    assert told == [("a/x", "b/y", "down"), ("b/y", "c/z", "too")]


async def test_a_refusal_does_not_fall_back() -> None:
    other = Fake()
    with pytest.raises(ModelRefused):
        await gateway(
            Settings(fallbacks={"a/x": ("b/y",)}), a=Fake(ModelRefused("too long")), b=other
        ).complete(ask())
    assert not other.seen


async def test_equal_requests_in_flight_are_sent_once_and_paid_once() -> None:
    fake = Fake(hang=0.01)
    door = gateway(a=fake)
    answers = await asyncio.gather(*(door.complete(ask(temperature=0)) for _ in range(5)))
    assert len(fake.seen) == 1
    assert len({r.completions for r, _ in answers}) == 1
    assert sum(r.usage.prompt for r, _ in answers) == 10
    assert [r.usage.calls for r, _ in answers] == [1] * 5


@pytest.mark.parametrize("options", [[{"temperature": 0.7}] * 3, [{"seed": 1}] * 3])
async def test_requests_that_may_differ_are_all_sent(options: Sequence[dict[str, Any]]) -> None:
    fake = Fake(hang=0.01)
    door = gateway(a=fake)
    await asyncio.gather(*(door.complete(ask(**o)) for o in options))
    assert len(fake.seen) == 3


async def test_who_joined_survives_the_first_ones_cancellation() -> None:
    fake = Fake(hang=0.03)
    door = gateway(a=fake)
    tasks = [asyncio.create_task(door.complete(ask(temperature=0))) for _ in range(3)]
    await asyncio.sleep(0.005)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    paid = [answer[0].usage.prompt for answer in answers[1:] if not isinstance(answer, BaseException)]
    assert sorted(paid) == [0, 10]
    assert (len(fake.seen), fake.cancelled) == (1, 0)


async def test_when_all_have_left_the_work_is_cancelled() -> None:
    fake = Fake(hang=5)
    door = gateway(a=fake)
    tasks = [asyncio.create_task(door.complete(ask(temperature=0))) for _ in range(3)]
    await asyncio.sleep(0.005)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (fake.cancelled, fake.active) == (1, 0)
    fake.hang = 0
    await door.complete(ask(temperature=0))
    assert len(fake.seen) == 2


async def test_a_shared_failure_is_everyones() -> None:
    fake = Fake(ModelRefused("no"), hang=0.005)
    door = gateway(a=fake)
    answers = await asyncio.gather(
        *(door.complete(ask(temperature=0)) for _ in range(3)), return_exceptions=True
    )
    assert [type(a) for a in answers] == [ModelRefused] * 3


async def test_one_with_more_time_does_not_depend_on_one_with_less() -> None:
    fake = Fake(hang=0.05)
    door, now = gateway(a=fake), asyncio.get_running_loop().time()
    hasty = asyncio.create_task(door.complete(ask(temperature=0), deadline=now + 0.01))
    patient = asyncio.create_task(door.complete(ask(temperature=0), deadline=now + 5))
    with pytest.raises(ModelTimeout):
        await hasty
    response, _ = await patient
    assert response.completions


async def test_samples_come_in_one_request_where_the_server_can() -> None:
    fake = Fake()
    response, _ = await gateway(a=fake).complete(ask(n=8))
    assert (len(response.completions), len(fake.seen), response.usage.prompt) == (8, 1, 10)


async def test_a_server_that_gives_one_at_a_time_is_asked_side_by_side() -> None:
    fake = Fake(n=False, hang=0.001)
    response, attempts = await gateway(a=fake).complete(ask(n=5, seed=40))
    assert (len(response.completions), attempts, fake.peak) == (5, 5, 5)
    assert sorted(r.seed or 0 for r in fake.seen) == [40, 41, 42, 43, 44]
    assert (response.usage.calls, response.usage.requests, response.usage.prompt) == (5, 5, 50)


async def test_a_server_that_ignores_n_is_found_out_once() -> None:
    fake = Fake(gives=1)
    door = gateway(a=fake)
    response, _ = await door.complete(ask(n=4))
    assert len(response.completions) == 4
    assert [r.n for r in fake.seen] == [4, 1, 1, 1]
    await door.complete(ask(n=4))
    assert [r.n for r in fake.seen][4:] == [1, 1, 1, 1]


async def test_fewer_samples_than_asked_are_given_as_they_are() -> None:
    response, _ = await gateway(a=Fake(gives=3)).complete(ask(n=8))
    assert len(response.completions) == 3


async def test_a_sample_that_fails_does_not_spoil_the_others() -> None:
    fake = Fake(ModelRefused("no"), n=False)
    response, _ = await gateway(a=fake).complete(ask(n=4))
    assert len(response.completions) == 3
    with pytest.raises(ModelRefused):
        await gateway(a=Fake(*(ModelRefused("no") for _ in range(4)), n=False)).complete(ask(n=4))


async def test_text_is_passed_on_under_the_samples_own_index() -> None:
    pieces: dict[int, str] = {}
    response, _ = await gateway(a=Fake(n=False)).complete(ask(n=3), sink=pieces.__setitem__)
    assert pieces == {i: c.text for i, c in enumerate(response.completions)}


async def test_closing_closes_each_back_end_once() -> None:
    fake = Fake()
    async with gateway(a=fake, b=fake) as door:
        await door.complete(ask())
    assert fake.closed == 1


@pytest.mark.parametrize(("own", "paid"), [(None, 0.016), (0.0, 0.016), (1e-5, 1e-5)])
async def test_what_a_back_end_has_no_price_for_costs_what_the_settings_say(
    own: float | None, paid: float
) -> None:
    door = gateway(Settings(prices={"a/x": (1e-3, 2e-3)}), a=Fake(usd=own))
    response, _ = await door.complete(ask())
    assert response.usage.usd == pytest.approx(paid)


async def test_a_fallback_that_gives_one_sample_says_nothing_about_the_model_itself() -> None:
    first, other = Fake(*[ModelUnavailable("down")] * 4), Fake(gives=1)
    door = gateway(Settings(fallbacks={"a/x": ("b/y",)}), a=first, b=other)
    assert len((await door.complete(ask(n=3)))[0].completions) == 3 == len(other.seen)
    first.faults.clear()
    first.seen.clear()
    assert len((await door.complete(ask(n=3)))[0].completions) == 3
    assert [request.n for request in first.seen] == [3]


def test_prices_are_the_dearest_of_a_model_and_its_fallbacks() -> None:
    settings = Settings(prices={"b/y": (5e-6, 1e-6)}, fallbacks={"a/x": ("b/y",)})
    assert gateway(settings, a=Fake(), b=Fake()).dearest("a/x") == (5e-6, 2e-6)


def test_money_cannot_be_limited_without_a_price() -> None:
    class Unpriced(Fake):
        def price(self, model: str) -> None:
            return None

    with pytest.raises(SettingsError, match=r"price of 'a/x' is not known .*rebut.toml"):
        gateway(a=Unpriced()).dearest("a/x")


async def test_an_error_that_is_nobodys_leaves_no_permit_behind() -> None:
    door = gateway(Settings(concurrency={"*": 1}), a=Fake(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await door.complete(ask())
    await door.complete(ask())


async def test_a_back_ends_own_timeout_is_no_deadline_that_nobody_set() -> None:
    for temperature in (0, 0.7):
        with pytest.raises(TimeoutError, match="the vector store"):
            await gateway(a=Fake(TimeoutError("the vector store"))).complete(ask(temperature=temperature))


async def test_who_joins_a_flight_has_its_own_deadline() -> None:
    door, now = gateway(a=Fake(hang=5)), asyncio.get_running_loop().time()
    patient = asyncio.create_task(door.complete(ask(temperature=0), deadline=now + 60))
    await asyncio.sleep(0)
    with pytest.raises(ModelTimeout, match="before the deadline"):
        await asyncio.wait_for(door.complete(ask(temperature=0), deadline=now + 0.01), 4)
    patient.cancel()


def abandoned(*work: Coroutine[Any, Any, Any]) -> None:
    """Begin the work in a loop that is closed before it ends; what is left of it is never collected."""

    async def begin() -> None:
        left.extend(asyncio.create_task(w) for w in work)
        await asyncio.sleep(0.01)

    left: list[asyncio.Task[Any]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    ABANDONED.extend(left)


ABANDONED: list[asyncio.Task[Any]] = []


def test_one_loop_after_the_other_may_use_it() -> None:
    door = gateway(a=Fake())
    for _ in range(3):
        response, _ = asyncio.run(door.complete(ask(temperature=0)))
        assert response.completions


@pytest.mark.filterwarnings("ignore")
def test_what_a_closed_loop_left_in_flight_holds_up_nobody() -> None:
    fake = Fake(hang=60)
    door = gateway(Settings(concurrency={"*": 2}, rates={"*": (100, None)}), a=fake)
    abandoned(*(door.complete(ask(temperature=t)) for t in (0, 0, 0.7, 0.7)))
    fake.hang = 0
    response, _ = asyncio.run(asyncio.wait_for(door.complete(ask(temperature=0)), 4))
    assert response.completions


def test_a_pause_that_a_server_asked_for_holds_in_the_next_loop_and_ends_there() -> None:
    fake = Fake(ModelBusy("busy", status=429, retry_after=0.6))
    door = gateway(a=fake)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(door.complete(ask()), 0.05))
    asyncio.run(asyncio.wait_for(door.complete(ask()), 10))
    assert time.monotonic() - began >= 0.59


def test_what_was_sent_in_a_closed_loop_counts_in_its_minute() -> None:
    door = gateway(Settings(rates={"*": (1, None)}), a=Fake())
    asyncio.run(door.complete(ask()))
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(door.complete(ask()), 0.1))


async def test_another_loop_is_refused_while_the_first_is_open() -> None:
    door, refused = gateway(a=Fake()), list[str]()
    await door.complete(ask())

    def elsewhere() -> None:
        try:
            asyncio.run(door.complete(ask()))
        except RebutError as error:
            refused.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert "belong to one event loop" in refused[0] and "a Runtime for each thread" in refused[0]
    await door.complete(ask())
