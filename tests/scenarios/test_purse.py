"""The limits of all trials together: worst cases are held, and what is not used comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import rebut
from rebut.models.limits import Limits
from rebut.records import Usage
from rebut.scenarios.purse import Purse
from rebut.scenarios.runner import Runner
from rebut.scenarios.trials import Entrant

from .adder import Adder, scenario

Open = Callable[[Adder], rebut.Runtime]


@pytest.fixture
def vote(runtime: Open) -> Entrant:
    """A contender of at most three calls."""
    return Runner(scenario(), runtime(Adder())).entrants[1]


async def test_one_for_whom_there_is_no_room_waits_for_those_under_way(vote: Entrant) -> None:
    purse = Purse(Limits(calls=4), [vote])
    first = await purse.room(vote)
    assert first is not None and first.calls == 3
    waits = asyncio.create_task(purse.room(vote))
    await asyncio.sleep(0)
    assert not waits.done()
    purse.settle(first, Usage(calls=1), Usage())
    second = await asyncio.wait_for(waits, 20)
    assert second is not None and (purse.spent.calls, purse.held.calls) == (1, 3)
    purse.settle(second, Usage(calls=3), Usage())
    assert await purse.room(vote) is None
    assert purse.words == "the total of 4 calls has no room for another run of vote"


async def test_a_small_trial_does_not_pass_a_large_one_that_waits(vote: Entrant, runtime: Open) -> None:
    solve = Runner(scenario(), runtime(Adder())).entrants[0]
    purse = Purse(Limits(calls=5), [solve, vote])
    first = await purse.room(vote)
    large, small = (asyncio.create_task(purse.room(entrant)) for entrant in (vote, solve))
    await asyncio.sleep(0.01)
    assert first is not None and not large.done() and not small.done()
    purse.settle(first, Usage(calls=1), Usage())
    held = [await asyncio.wait_for(waits, 20) for waits in (large, small)]
    assert [one and one.calls for one in held] == [3, 1]


async def test_what_was_paid_before_is_neither_held_nor_counted_again(vote: Entrant) -> None:
    purse, before = Purse(Limits(calls=3), [vote]), Usage(calls=2)
    purse.pay(before)
    held = await purse.room(vote, before)
    assert held is not None and held.calls == 1
    purse.settle(held, Usage(calls=3), before)
    assert (purse.spent.calls, purse.held.calls) == (3, 0)


async def test_a_trial_of_which_nothing_came_gives_nothing_back_that_was_paid(vote: Entrant) -> None:
    purse, before = Purse(Limits(calls=9), [vote]), Usage(calls=2)
    purse.pay(before)
    held = await purse.room(vote, before)
    assert held is not None
    purse.settle(held, Usage(), before)
    assert purse.spent.calls == 2


LONG = {"question": "word " * 20_000}


async def test_a_long_question_needs_more_room_in_every_call_that_may_quote_it(vote: Entrant) -> None:
    plan = vote.workflow.plan()
    purse = Purse(Limits(tokens=10**9, usd=1e9), [vote])
    short, long = purse.hold(vote, None, {"question": "2 + 2"}), purse.hold(vote, None, LONG)
    assert short is not None and long is not None
    assert short.tokens == plan.tokens
    assert long.tokens - short.tokens == 3 * (round(100_000 / 3) - 100)
    assert (long.usd or 0) - (short.usd or 0) == pytest.approx((long.tokens - short.tokens) * 1e-6)
    small = Purse(Limits(tokens=plan.tokens + 10), [vote])
    assert await small.room(vote, None, LONG) is None and await small.room(vote, None, {}) is not None


async def test_a_run_with_limits_of_its_own_needs_no_more_than_these(runtime: Open) -> None:
    own = Runner(scenario(budget="{tokens: 50}"), runtime(Adder())).entrants[1]
    held = Purse(Limits(tokens=1000), [own]).hold(own, None, LONG)
    assert held is not None and held.tokens == 50


async def test_who_used_more_than_was_held_is_held_to_need_it_again(vote: Entrant) -> None:
    purse = Purse(Limits(tokens=10**6), [vote])
    first = await purse.room(vote)
    assert first is not None
    purse.settle(first, Usage(calls=3, completion=first.tokens + 500), Usage(), vote)
    second = await purse.room(vote)
    assert second is not None and second.tokens == first.tokens + 500


async def test_money_of_which_nothing_is_known_is_not_forgotten(vote: Entrant) -> None:
    purse = Purse(Limits(usd=1.0), [vote])
    purse.pay(Usage(calls=3, prompt=100_000, completion=200_000, usd=None), vote)
    assert purse.spent.usd == pytest.approx(0.3), "at the price that is known now"
    held = await purse.room(vote)
    assert held is not None and held.usd
    purse.settle(held, Usage(calls=3, usd=None), Usage(), vote)
    assert purse.spent.usd == pytest.approx(0.3 + held.usd)
