"""A run has one worker at a time; the lease of one that shows no life goes to another."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from rebut.memory.store import Store
from rebut.testing.databases import Database


async def test_one_worker_at_a_time_has_a_run(where: Database) -> None:
    async with Store.open(where.url) as one, Store.open(where.url) as other:
        first = await one.lease("sums.a", "sums", 30)
        assert first is not None and (first.worker, first.attempts) == (one.token, 1)
        assert await other.lease("sums.a", "sums", 30) is None
        await other.give_back("sums.a")  # not his to give
        assert await other.lease("sums.a", "sums", 30) is None
        await one.give_back("sums.a")
        later = await other.lease("sums.a", "sums", 30)
        assert later is not None and later.attempts == 1


async def test_a_lease_lapses_unless_it_is_renewed(where: Database) -> None:
    async with Store.open(where.url) as one, Store.open(where.url) as other:
        await one.lease("sums.a", "sums", 0.05)
        await one.lease("sums.b", "sums", 0.05)
        assert await one.renew(30) == 2
        await asyncio.sleep(0.06)
        assert await other.lease("sums.a", "sums", 30) is None
        await one.renew(0)
        taken = await other.lease("sums.a", "sums", 30)
        assert taken is not None and taken.attempts == 2
        assert await one.renew(30) == 1, "what another has taken over is not renewed"


async def test_whoever_has_a_run_may_take_it_anew(where: Database) -> None:
    async with Store.open(where.url) as one:
        for _ in range(2):
            lease = await one.lease("sums.a", "sums", 30)
            assert lease is not None and lease.attempts == 1


async def test_what_a_dead_process_of_this_machine_had_is_free_at_once(where: Database) -> None:
    program = (
        "import asyncio, os\nfrom rebut.memory.store import Store\n"
        "async def main():\n"
        f"    await Store.open({where.url!r}).lease('sums.a', 'sums', 600)\n"
        "    os._exit(0)\n"
        "asyncio.run(main())"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True)
    async with Store.open(where.url) as store:
        assert [lease.run for lease in await store.leases("sums")] == ["sums.a"]
        taken = await store.lease("sums.a", "sums", 30)
        assert taken is not None and taken.attempts == 2


async def test_leases_of_a_worker_known_dead_lapse_and_keep_count(where: Database) -> None:
    async with Store.open(where.url) as one, Store.open(where.url) as other:
        await one.lease("sums.a", "sums", 600)
        assert await other.lapse(one.token) == 1
        taken = await other.lease("sums.a", "sums", 600)
        assert taken is not None and taken.attempts == 2
        await one.drop_lease("sums.a")
        assert await other.leases("sums") == []


async def test_leases_of_a_worker_ended_on_purpose_are_forgotten_with_their_count(where: Database) -> None:
    async with Store.open(where.url) as one, Store.open(where.url) as other:
        await one.lease("sums.a", "sums", 600)
        await other.lease("sums.b", "sums", 600)
        assert await other.release(one.token) == 1
        assert [lease.run for lease in await other.leases("sums")] == ["sums.b"]
        taken = await other.lease("sums.a", "sums", 600)
        assert taken is not None and taken.attempts == 1


async def test_of_many_that_ask_at_once_one_gets_it(where: Database) -> None:
    stores = [Store.open(where.url) for _ in range(4)]
    runs = [f"sums.{i}" for i in range(20)]
    got = await asyncio.gather(*(store.lease(run, "sums", 30) for store in stores for run in runs))
    assert sorted(lease.run for lease in got if lease is not None) == sorted(runs)
    await asyncio.gather(*(store.close() for store in stores))
