"""A worker makes each trial once, tells what is known, and leaves the rest to be taken up by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused, RebutError
from rebut.memory.store import Store
from rebut.models.wire import Request
from rebut.scenarios.executors import Made, worker
from rebut.scenarios.executors.kit import Badge, Job, Kit, job_of, kit_of
from rebut.scenarios.executors.worker import MOST_ATTEMPTS, Worker
from rebut.scenarios.runner import Runner

from ..adder import Adder, scenario

Open = Callable[[Adder], rebut.Runtime]


class Crew:
    """Workers on one store, all with the same model."""

    def __init__(self, runtime: rebut.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
        self.adder = Adder()
        runner = Runner(scenario(), runtime)
        self.jobs = [job_of(task) for task in runner.tasks]
        self.kit: Kit = kit_of("sums", runtime, runner.entrants, threads=1, lease=5)
        self.workers: list[Worker] = []
        monkeypatch.setattr(worker, "_backends", lambda settings, kit: {"adder": self.adder})

    async def hired(self) -> Worker:
        self.workers.append(one := Worker())
        assert isinstance(await one.open(self.kit), Badge)
        return one


@pytest.fixture
async def crew(runtime: Open, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Crew]:
    async with runtime(Adder()) as opened:
        crew = Crew(opened, monkeypatch)
        yield crew
        for one in crew.workers:
            await one.close()


async def made(one: Worker, job: Job) -> Made:
    return (await one.make(job)).told()


async def leased(store: Path) -> list[str]:
    async with Store.open(store) as opened:
        return [lease.run for lease in await opened.leases("sums")]


async def test_a_trial_is_made_once_and_then_told(crew: Crew, store: Path) -> None:
    one, other = await crew.hired(), await crew.hired()
    first = await made(one, crew.jobs[1])
    assert first.result is not None and first.result.stop_reason == "answered" and len(crew.adder.seen) == 3
    again = await made(other, crew.jobs[1])
    assert again.result is not None and again.result.answer == first.result.answer
    assert again.result.usage.calls == 3 and len(crew.adder.seen) == 3
    assert await leased(store) == []


async def test_no_two_workers_are_at_a_trial(crew: Crew, store: Path) -> None:
    one, other = await crew.hired(), await crew.hired()
    crew.adder.delay = 0.5
    first = asyncio.create_task(one.make(crew.jobs[0]))
    await crew.adder.told.wait()
    assert await leased(store) == [crew.jobs[0].run]
    assert (await made(other, crew.jobs[0])).elsewhere and (await made(one, crew.jobs[0])).elsewhere
    assert (await first).told().result is not None and len(crew.adder.seen) == 1


async def test_a_worker_that_closes_leaves_its_trials_to_another(crew: Crew, store: Path) -> None:
    one, other = await crew.hired(), await crew.hired()
    crew.adder.delay = 30
    first = asyncio.create_task(one.make(crew.jobs[0]))
    await crew.adder.told.wait()
    await one.close()
    assert (await first).closed and crew.adder.under_way == 0
    assert await leased(store) == []
    crew.adder.delay = 0
    assert (await made(other, crew.jobs[0])).result is not None
    assert (await one.make(crew.jobs[1])).closed and (await Worker().make(crew.jobs[1])).closed


async def test_a_failure_is_told_with_what_it_used(crew: Crew, store: Path) -> None:
    def fails(request: Request, number: int) -> None:
        if number == 2:
            raise ModelRefused("not today", model="adder/x")

    one = await crew.hired()
    crew.adder.fails = fails
    job = crew.jobs[0]
    await made(one, job)
    failed = await made(one, crew.jobs[2])
    assert isinstance(failed.failure, ModelRefused) and not failed.elsewhere
    assert await leased(store) == []
    assert (await made(one, crew.jobs[2])).result is not None, "it is made again"


async def test_a_trial_at_which_workers_die_is_given_up(crew: Crew, store: Path) -> None:
    one, job = await crew.hired(), crew.jobs[0]
    for _ in range(MOST_ATTEMPTS):
        async with Store.open(store) as dying:
            assert await dying.lease(job.run, "sums", 600) is not None
            await dying.lapse(dying.token)
    given_up = await made(one, job)
    assert type(given_up.failure) is RebutError and "5 workers died" in str(given_up.failure)
    assert (await made(one, job)).result is not None, "asked for again, it begins anew"


async def test_one_that_cannot_open_the_store_says_so(crew: Crew, tmp_path: Path) -> None:
    from dataclasses import replace

    from rebut.scenarios.executors.kit import Failure

    (tmp_path / "broken.db").write_text("this is no database, and it is long enough to be seen as none")
    said: Any = await Worker().open(replace(crew.kit, store=str(tmp_path / "broken.db")))
    assert isinstance(said, Failure) and "cannot open store" in str(said.error())


@pytest.mark.slow
async def test_leases_are_kept_while_a_trial_goes_on(crew: Crew, store: Path) -> None:
    from dataclasses import replace

    crew.kit = replace(crew.kit, lease=0.9)
    one, other = await crew.hired(), await crew.hired()
    crew.adder.delay = 3
    first = asyncio.create_task(one.make(crew.jobs[0]))
    await crew.adder.told.wait()
    for _ in range(4):
        await asyncio.sleep(0.5)
        assert (await made(other, crew.jobs[0])).elsewhere
    assert (await first).told().result is not None and len(crew.adder.seen) == 1
