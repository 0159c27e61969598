"""Requests in flight are shared out: never more than may be, and nobody is forgotten."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as some

from rebut.scenarios.executors.ration import SILENT, TURN, Ration, Share, Want, filled


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Workers that report to a ration; each keeps in flight all that it may."""

    def __init__(self, most: int, needs: dict[str, int]) -> None:
        self.clock = Clock()
        self.ration, self.most, self.needs = Ration(self.clock), most, needs
        self.shares = dict.fromkeys(needs, 0)

    async def report(self, worker: str, active: int | None = None) -> Share:
        active = min(self.needs[worker], self.shares[worker]) if active is None else active
        want = Want(self.most, self.shares[worker], active, self.needs[worker] - active)
        share = (await self.ration.share(worker, {"m": want}))["m"]
        self.shares[worker] = share.most
        return share

    async def rounds(self, n: int, check: Callable[[], None] = lambda: None) -> None:
        for _ in range(n):
            for worker in self.needs:
                await self.report(worker)
                check()
            self.clock.now += 0.25


@settings(max_examples=40)
@given(some.integers(1, 40), some.lists(some.integers(0, 60), min_size=1, max_size=6))
async def test_the_sum_of_the_shares_is_never_more_than_may_be_in_flight(most: int, needs: list[int]) -> None:
    desk = Desk(most, {str(i): need for i, need in enumerate(needs)})

    def check() -> None:
        assert sum(desk.shares.values()) <= most

    await desk.rounds(3, check)
    desk.needs = dict(zip(desk.needs, reversed(needs), strict=True))
    await desk.rounds(4, check)
    used = sum(min(desk.shares[w], need) for w, need in desk.needs.items())
    assert used == min(most, sum(needs)), "what somebody needs is not left lying"


@settings(max_examples=40)
@given(some.dictionaries(some.sampled_from("abcdef"), some.integers(0, 50), min_size=1), some.integers(0, 90))
def test_nobody_gets_more_than_needed_while_another_lacks(needs: dict[str, int], most: int) -> None:
    shares = filled(needs, most)
    assert sum(shares.values()) == most
    lacking = [shares[w] for w in needs if shares[w] < needs[w]]
    if lacking:
        assert all(shares[w] <= needs[w] for w in needs)
        assert all(shares[w] <= min(lacking) + 1 for w in needs)


async def test_where_there_are_fewer_permits_than_workers_they_take_turns() -> None:
    desk, held = Desk(1, {"a": 5, "b": 5, "c": 5}), {"a": 0, "b": 0, "c": 0}

    def count() -> None:
        assert sum(desk.shares.values()) <= 1

    for _ in range(60):
        await desk.rounds(1, count)
        for worker, share in desk.shares.items():
            held[worker] += share
    assert min(held.values()) * 0.25 > TURN, held


async def test_what_is_in_flight_elsewhere_is_not_given_to_another() -> None:
    desk = Desk(10, {"a": 10, "b": 0})
    assert (await desk.report("a", active=0)).most == 10
    desk.needs["b"] = 10
    assert (await desk.report("b", active=0)).most == 0
    assert (await desk.report("a", active=10)).most == 5
    assert (await desk.report("b", active=0)).most == 0
    assert (await desk.report("a", active=7)).most == 5
    assert (await desk.report("b", active=0)).most == 3
    assert (await desk.report("a", active=4)).most == 5
    assert (await desk.report("b", active=3)).most == 5


async def test_what_a_dead_worker_had_is_free() -> None:
    desk = Desk(4, {"a": 4, "b": 4})
    await desk.report("a", active=0)
    await desk.report("a", active=4)
    assert (await desk.report("b", active=0)).most == 0
    await desk.ration.forget("a")
    assert (await desk.report("b", active=0)).most == 4
    desk.clock.now += SILENT + 1
    desk.shares["a"] = 0
    assert (await desk.report("a", active=0)).most > 0, "one that was silent for long is forgotten too"


async def test_one_that_is_asked_to_wait_asks_all_to_wait() -> None:
    desk = Desk(4, {"a": 4, "b": 4})
    await desk.ration.share("a", {"m": Want(4, 2, 2, 2, pause=3.0)})
    desk.clock.now += 1
    assert (await desk.report("b")).pause == 2.0
    desk.clock.now += 5
    assert (await desk.report("b")).pause == 0.0


async def test_started_anew_it_believes_what_workers_say_they_have() -> None:
    ration = Ration()
    await ration.share("a", {"m": Want(10, 7, 7, 3)})
    share = await ration.share("b", {"m": Want(10, 3, 3, 9)})
    assert share["m"].most == 3
