import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rebut.graphs.fanout import FanOut


def job(value: int, delay: float = 0.0, log: list[str] | None = None) -> Callable[[], Awaitable[int]]:
    async def work() -> int:
        try:
            await asyncio.sleep(delay)
        except asyncio.CancelledError:
            if log is not None:
                log.append(f"cancelled {value}")
            raise
        return value

    return work


def failing(error: Exception) -> Callable[[], Awaitable[int]]:
    async def work() -> int:
        await asyncio.sleep(0)
        raise error

    return work


async def test_every_result_is_handed_over_with_its_index() -> None:
    got: dict[int, object] = {}

    def settled(i: int, outcome: int | Exception) -> bool:
        got[i] = outcome
        return False

    await FanOut([job(10), job(20), job(30)], settled).run()
    assert got == {0: 10, 1: 20, 2: 30}


async def test_a_stop_cancels_what_is_in_flight_and_starts_nothing_more() -> None:
    log: list[str] = []
    started = [job(1), job(2, 30, log), job(3, 30, log), job(4, 0, log)]
    fan = FanOut(started, lambda i, outcome: True, limit=3)
    await fan.run()
    assert fan.cancelled == [1, 2]
    assert sorted(log) == ["cancelled 2", "cancelled 3"]


async def test_no_more_than_the_limit_are_in_flight() -> None:
    now, most = 0, 0

    async def work() -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return 0

    await FanOut([work] * 20, lambda i, outcome: False, limit=4).run()
    assert most == 4


async def test_an_expected_failure_is_a_result_and_the_others_go_on() -> None:
    got: list[object] = []

    def settled(i: int, outcome: int | Exception) -> bool:
        got.append(outcome)
        return False

    error = KeyError("x")
    await FanOut([failing(error), job(2, 0.001)], settled, expected=(KeyError,)).run()
    assert got == [error, 2]


async def test_an_unexpected_failure_cancels_the_others_and_is_raised() -> None:
    log: list[str] = []
    with pytest.raises(ZeroDivisionError):
        await FanOut([job(1, 30, log), failing(ZeroDivisionError())], lambda i, o: False).run()
    assert log == ["cancelled 1"]


async def test_cancelling_the_whole_cancels_and_awaits_every_job() -> None:
    log: list[str] = []
    task = asyncio.create_task(FanOut([job(1, 30, log), job(2, 30, log)], lambda i, o: False).run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["cancelled 1", "cancelled 2"]


async def test_no_jobs_end_at_once() -> None:
    await FanOut([], lambda i, outcome: False).run()


async def test_a_stop_before_the_others_have_begun_ends_too() -> None:
    async def at_once() -> int:
        return 1

    fan = FanOut([at_once, job(2, 30), job(3, 30)], lambda i, outcome: True)
    await asyncio.wait_for(fan.run(), 5)
    assert fan.cancelled == [1, 2]


async def test_a_failure_before_the_others_have_begun_is_raised() -> None:
    async def at_once() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(FanOut([at_once, job(2, 30)], lambda i, outcome: False).run(), 5)
