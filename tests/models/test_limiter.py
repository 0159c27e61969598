"""The limiter: first come first served, grows, halves, pauses, and survives cancellation."""

from __future__ import annotations

import asyncio

import pytest

from rebut.models.limiter import Limiter


def admitted(limiter: Limiter) -> int:
    permit = limiter.enter()
    assert permit is not None
    return permit


def test_an_uncontended_request_does_not_wait() -> None:
    limiter = Limiter(2)
    assert admitted(limiter) == 0
    assert admitted(limiter) == 0
    assert limiter.enter() is None
    assert limiter.active == 2


def a_round(limiter: Limiter) -> None:
    """Each request in flight succeeds, while others always wait to be admitted."""
    while limiter.enter() is not None:
        pass
    for _ in range(limiter.active):
        limiter.exit(0)
        while limiter.enter() is not None:
            pass


def test_it_doubles_each_round_until_the_first_setback_then_creeps() -> None:
    limiter = Limiter(1000, start=4)
    a_round(limiter)
    assert limiter.limit == 8
    a_round(limiter)
    assert limiter.limit == 16
    limiter.exit(0, well=False)
    assert limiter.limit == 8
    limiter.active = 8
    a_round(limiter)
    assert 8.9 < limiter.limit <= 9.0


def test_it_does_not_grow_while_it_is_not_needed_nor_above_its_maximum() -> None:
    limiter = Limiter(30, start=20)
    for _ in range(50):
        limiter.exit(admitted(limiter))
    assert limiter.limit == 20
    small = Limiter(2)
    for _ in range(5):
        one, two = admitted(small), admitted(small)
        small.exit(one)
        small.exit(two)
    assert small.limit == 2


def test_a_burst_of_setbacks_halves_once() -> None:
    limiter = Limiter(64, start=32)
    permits = [admitted(limiter) for _ in range(32)]
    for permit in permits:
        limiter.exit(permit, well=False)
    assert limiter.limit == 16
    limiter.exit(admitted(limiter), well=False)
    assert limiter.limit == 8


def test_it_never_shuts_completely() -> None:
    limiter = Limiter(4)
    for _ in range(10):
        limiter.exit(admitted(limiter), well=False)
    assert limiter.limit == 1
    assert limiter.enter() is not None


async def test_who_waits_longest_is_next() -> None:
    limiter, order = Limiter(1), list[int]()
    first = admitted(limiter)

    async def request(name: int) -> None:
        permit = limiter.enter()
        permit = await limiter.wait() if permit is None else permit
        order.append(name)
        limiter.exit(permit)

    async with asyncio.TaskGroup() as group:
        for name in range(5):
            group.create_task(request(name))
        await asyncio.sleep(0)
        limiter.exit(first)
    assert order == [0, 1, 2, 3, 4]
    assert limiter.active == 0


async def test_a_cancelled_wait_loses_no_place_and_no_permit() -> None:
    limiter = Limiter(1)
    first = admitted(limiter)
    waits = [asyncio.create_task(limiter.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waits[0].cancel()
    limiter.exit(first)  # given to the second, in the same breath as that one is cancelled
    waits[1].cancel()
    await asyncio.gather(*waits[:2], return_exceptions=True)
    assert await waits[2] == 0
    limiter.leave()
    assert (limiter.active, limiter.waiting) == (0, 0)


async def test_a_pause_holds_everyone_back_until_it_ends() -> None:
    limiter, loop = Limiter(4), asyncio.get_running_loop()
    began = loop.time()
    limiter.pause(0.05)
    limiter.pause(0.01)
    assert limiter.enter() is None
    await limiter.wait()
    assert loop.time() - began >= 0.045
    assert limiter.enter() is not None


@pytest.mark.parametrize("seed", range(20))
async def test_under_storms_of_cancellation_the_count_comes_out_even(seed: int) -> None:
    from random import Random

    dice, limiter = Random(seed), Limiter(8, start=3)

    async def request() -> None:
        permit = limiter.enter()
        permit = await limiter.wait() if permit is None else permit
        try:
            assert limiter.active <= 8
            await asyncio.sleep(dice.random() / 500)
        except asyncio.CancelledError:
            limiter.leave()
            raise
        limiter.exit(permit, well=dice.random() > 0.1)

    tasks = [asyncio.create_task(request()) for _ in range(60)]
    for task in dice.sample(tasks, 25):
        await asyncio.sleep(dice.random() / 1000)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (limiter.active, limiter.waiting) == (0, 0)


async def test_a_share_of_nothing_admits_nobody_until_it_grows() -> None:
    limiter = Limiter(8)
    limiter.allow(0)
    assert limiter.enter() is None
    waiting = asyncio.create_task(limiter.wait())
    await asyncio.sleep(0)
    limiter.allow(2)
    await waiting
    admitted(limiter)
    assert limiter.enter() is None and limiter.active == 2


async def test_a_share_that_shrinks_leaves_what_is_in_flight() -> None:
    limiter = Limiter(4)
    permits = [admitted(limiter) for _ in range(4)]
    limiter.allow(1)
    limiter.exit(permits[0], well=False)
    assert (limiter.active, limiter.limit) == (3, 1) and limiter.enter() is None
    for permit in permits[1:]:
        limiter.exit(permit)
    assert limiter.limit == 1
    admitted(limiter)
    assert limiter.enter() is None


async def test_a_larger_share_does_not_undo_a_setback() -> None:
    limiter = Limiter(8)
    limiter.exit(admitted(limiter), well=False)
    limiter.allow(16)
    assert limiter.limit == 4


async def test_how_long_a_pause_still_is() -> None:
    limiter = Limiter(1)
    assert limiter.pausing == 0
    limiter.pause(30)
    assert 29 < limiter.pausing <= 30
    limiter.close()
    assert limiter.pausing == 0


async def test_one_that_follows_another_knows_what_that_one_learned() -> None:
    former, limiter = Limiter(40), Limiter(40)
    permits = [admitted(former) for _ in range(20)]
    former.exit(permits[-1], well=False)
    former.pause(0.05)
    limiter.follow(former)
    assert (limiter.limit, limiter.active) == (10, 0)
    assert 0 < limiter.pausing <= 0.05
    assert await limiter.wait() == 0
    small = Limiter(4)
    small.follow(former)
    assert small.limit == 4
