"""A worker's limiters follow what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rebut.scenarios.executors.ration import Ration, Share, Want
from rebut.scenarios.executors.rationed import Rationed


async def test_a_shared_model_admits_nothing_before_something_is_given() -> None:
    ration = Ration()
    rationed = Rationed(lambda wants: ration.share("a", wants))
    limiter = rationed.limiter("openai/x", 6)
    assert limiter.enter() is None
    waiting = asyncio.create_task(limiter.wait())
    await asyncio.sleep(0)
    await rationed.report()
    await asyncio.wait_for(waiting, 20)
    assert limiter.maximum == 6


async def test_an_engine_of_its_own_is_not_shared() -> None:
    async def ask(wants: Mapping[str, Want]) -> Mapping[str, Share]:
        raise AssertionError("nothing is shared")

    rationed = Rationed(ask)
    assert rationed.limiter("local/x", 4).enter() is not None
    await rationed.report()


async def test_two_workers_together_have_no_more_in_flight_than_one_may() -> None:
    ration, busy, most = Ration(), 0, 0
    workers = [Rationed(lambda wants, w=w: ration.share(w, wants), every=0.002) for w in "ab"]  # type: ignore[misc]

    async def request(rationed: Rationed, limiter: object) -> None:
        nonlocal busy, most
        permit = await limiters[rationed].wait()
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.003)
        busy -= 1
        limiters[rationed].exit(permit)

    limiters = {rationed: rationed.limiter("openai/x", 5) for rationed in workers}
    keepers = [asyncio.create_task(rationed.keep()) for rationed in workers]
    async with asyncio.timeout(20):
        await asyncio.gather(*(request(r, limiters[r]) for r in workers for _ in range(60)))
    for keeper in keepers:
        keeper.cancel()
    assert 2 < most <= 5


async def test_a_pause_that_a_server_asked_one_for_holds_for_the_other() -> None:
    ration = Ration()
    one, other = (Rationed(lambda wants, w=w: ration.share(w, wants)) for w in "ab")  # type: ignore[misc]
    asked, waits = one.limiter("openai/x", 4), other.limiter("openai/x", 4)
    asked.pause(30)
    await one.report()
    await other.report()
    assert waits.enter() is None and waits.pausing > 29
    asked.close()
    waits.close()


async def test_it_goes_on_while_nobody_hears() -> None:
    calls = 0

    async def ask(wants: Mapping[str, Want]) -> Mapping[str, Share]:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionError("being restarted")
        return {model: Share(want.most) for model, want in wants.items()}

    rationed = Rationed(ask, every=0.001)
    limiter = rationed.limiter("openai/x", 2)
    keeper = asyncio.create_task(rationed.keep())
    await asyncio.wait_for(limiter.wait(), 5)
    keeper.cancel()
    assert calls >= 3
