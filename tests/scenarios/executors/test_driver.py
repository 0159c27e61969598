"""The driver hands every trial over until it is made, whichever worker dies at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import rebut
from rebut.errors import ModelUnavailable, RebutError, StoreError
from rebut.memory.store import Store
from rebut.models.wire import Request
from rebut.scenarios.executors import driver, worker
from rebut.scenarios.executors.driver import RayExecutor
from rebut.scenarios.runner import Report, Runner

from ..adder import Adder, scenario
from .fake_ray import FakeRay

Open = Callable[[Adder], rebut.Runtime]


@pytest.fixture
def adder(monkeypatch: pytest.MonkeyPatch) -> Adder:
    """The model of all workers."""
    adder = Adder()
    monkeypatch.setattr(worker, "_backends", lambda settings, kit: {"adder": adder})
    return adder


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """A cluster in this process."""
    ray = FakeRay()
    monkeypatch.setattr(driver, "_ray", lambda: ray)
    strategies = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *given, **more: None)
    monkeypatch.setattr(driver, "import_module", lambda name: strategies)
    return ray


async def sitting(runtime: Open, adder: Adder, **more: Any) -> Report:
    async with runtime(adder) as opened:
        executor = RayExecutor(opened, lease=5, **more)
        return await Runner(scenario(), opened, executor=executor, concurrency=2).run()


def all_right(report: Report) -> bool:
    return len(report.trials) == 12 and all(trial.right for trial in report.trials)


async def test_workers_make_all_trials_once(runtime: Open, adder: Adder, ray: FakeRay) -> None:
    adder.delay = 0.001
    report = await sitting(runtime, adder)
    assert all_right(report) and len(adder.seen) == 6 * (1 + 3)
    assert len(ray.workers) == 2 and all(actor.dead for actor in ray.actors), "none is left behind"
    assert [actor.options["num_cpus"] for actor in ray.actors] == [0, 1, 1]


async def test_what_dies_with_a_worker_is_made_by_another(runtime: Open, adder: Adder, ray: FakeRay) -> None:
    adder.delay, adder.tells_at = 0.01, 5
    going = asyncio.create_task(sitting(runtime, adder))
    await adder.told.wait()
    ray.workers[0].dies()
    assert all_right(await asyncio.wait_for(going, 60)) and len(ray.workers) == 2


async def test_a_worker_that_died_while_it_was_idle_is_opened_again(
    runtime: Open, adder: Adder, ray: FakeRay
) -> None:
    async with runtime(adder) as opened:
        executor = RayExecutor(opened, workers=1)
        runner = Runner(scenario(), opened, executor=executor)
        await executor.open(runner.spec, runner.entrants, 2)
        first = await executor.make(runner.tasks[0], resumed=False)
        ray.workers[0].dies()
        second = await asyncio.wait_for(executor.make(runner.tasks[1], resumed=False), 30)
        assert first.result is not None and second.result is not None
        await executor.close()


async def test_one_worker_lost_for_good_leaves_its_work_to_the_other(
    runtime: Open, adder: Adder, ray: FakeRay
) -> None:
    adder.delay, adder.tells_at = 0.01, 5
    going = asyncio.create_task(sitting(runtime, adder))
    await adder.told.wait()
    ray.workers[1].dies(for_good=True)
    assert all_right(await asyncio.wait_for(going, 60))


async def test_when_no_worker_is_left_that_is_said(runtime: Open, adder: Adder, ray: FakeRay) -> None:
    adder.delay = 30
    going = asyncio.create_task(sitting(runtime, adder))
    await adder.told.wait()
    for actor in ray.workers:
        actor.dies(for_good=True)
    with pytest.raises(RebutError, match=r"^no worker is left: the Worker is dead$"):
        await asyncio.wait_for(going, 60)


async def test_a_worker_changes_its_engine_when_nobody_needs_it_any_more(
    runtime: Open, adder: Adder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "engines_of", lambda entrant: frozenset({entrant.label}))
    report = await asyncio.wait_for(sitting(runtime, adder, workers=1), 60)
    assert all_right(report) and len(ray.workers) == 2, "one after the other"
    labels = [trial.label for trial in report.trials]
    assert labels == ["solve", "vote"] * 6, "the report keeps the items' order"


async def test_a_cancelled_scenario_stops_its_workers_and_goes_on_later(
    runtime: Open, adder: Adder, ray: FakeRay
) -> None:
    adder.delay, adder.tells_at = 0.05, 7
    going = asyncio.create_task(sitting(runtime, adder))
    await adder.told.wait()
    going.cancel()
    await asyncio.wait([going])
    assert going.cancelled() and adder.under_way == 0 and all(actor.dead for actor in ray.actors)
    adder.delay = 0.0
    report = await asyncio.wait_for(sitting(runtime, adder), 60)
    assert all_right(report) and any(trial.kept for trial in report.trials)


async def test_what_a_worker_was_too_slow_to_give_back_is_free_when_the_scenario_ends(
    runtime: Open, adder: Adder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_slow(store: Store, run: str) -> None:
        raise StoreError("killed before it was written")

    async def never(slow: worker.Worker) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(Store, "give_back", too_slow)
    monkeypatch.setattr(worker.Worker, "close", never)
    monkeypatch.setattr(driver, "CLOSING", 0.01)
    adder.delay, adder.tells_at = 0.05, 7
    async with runtime(adder) as opened:
        assert opened.store is not None
        executor = RayExecutor(opened, lease=600)
        runner = Runner(scenario(), opened, executor=executor, concurrency=2)
        going = asyncio.create_task(runner.run())
        await adder.told.wait()
        assert await opened.store.leases(runner.spec.name)
        going.cancel()
        await asyncio.wait([going])
        assert await opened.store.leases(runner.spec.name) == [], "else the next had to wait ten minutes"


async def test_a_model_that_cannot_be_had_ends_the_scenario_as_in_one_process(
    runtime: Open, adder: Adder, ray: FakeRay
) -> None:
    def fails(request: Request, number: int) -> None:
        raise ModelUnavailable("nobody there", model="adder/x")

    adder.fails = fails
    with pytest.raises(ModelUnavailable, match="nobody there"):
        await asyncio.wait_for(sitting(runtime, adder), 60)
    assert all(actor.dead for actor in ray.actors)


async def test_a_store_that_a_worker_cannot_open_ends_the_scenario(
    runtime: Open, adder: Adder, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "address_of", lambda runtime: "elsewhere.db")
    monkeypatch.setattr(Store, "open", _refuses)
    with pytest.raises(RebutError, match="no way in"):
        async with runtime(adder) as opened:
            runner = Runner(scenario(), opened)
            executor = RayExecutor(opened)
            await executor.open(runner.spec, runner.entrants, 1)
            try:
                await asyncio.wait_for(executor.make(runner.tasks[0], resumed=False), 30)
            finally:
                await executor.close()


def _refuses(url: str) -> Any:
    raise RebutError("no way in")
