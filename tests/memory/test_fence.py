"""A process that was taken for dead does not write into runs that another has taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from rebut.errors import StoreError
from rebut.events import NodeStarted
from rebut.memory.owner import SILENT
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.testing.databases import Database

Start = Callable[..., RunStart]
Record = Callable[..., Coroutine[None, None, None]]


async def test_whoever_slept_loses_what_another_took_up_and_keeps_the_rest(
    where: Database, start: Start, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Store.open(where.url) as sleeper, Store.open(where.url) as other:
        journals = [await sleeper.begin(start(f"run-{n}")) for n in range(2)]
        for journal in journals:
            await record(journal, "a/1")
        _falls_asleep(sleeper, where, "run-0", monkeypatch)
        await other.reopen("run-0")
        journals[0].event(NodeStarted(run="run-0", seq=0, node="a", visit=1))
        done = await asyncio.gather(*(record(j, "a/2") for j in journals), return_exceptions=True)
        assert (
            str(done[0]) == "run 'run-0' is not held by this process: it was finished, or taken up by another"
        )
        assert done[1] is None
        with pytest.raises(StoreError, match="taken up by another"):
            await record(journals[0], "a/3")
        with pytest.raises(StoreError, match="taken up by another"):
            await sleeper.finish("run-0", status="finished")
        assert [call.site.path for call in await other.calls("run-0")] == ["a/1"]
        assert await other.events("run-0") == []
        await other.finish("run-0", status="failed")
        _, journal = await sleeper.reopen("run-0")  # its own again
        await record(journal, "a/3")


async def test_a_sign_of_life_does_not_hide_that_a_run_was_lost(
    where: Database, start: Start, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Store.open(where.url) as sleeper, Store.open(where.url) as other:
        journal = await sleeper.begin(start())
        await record(journal, "a/1")
        where.rows("UPDATE run SET machine = 'elsewhere', beat = 1.0")
        await other.reopen("run-1")
        monkeypatch.setattr(sleeper._writer.fence, "_shown", 0.0)
        await sleeper.begin(start("run-2"))
        await _has_shown_life(sleeper)
        with pytest.raises(StoreError, match="run 'run-1' is not held by this process"):
            await record(journal, "a/2")


async def test_whoever_slept_and_lost_nothing_goes_on(
    where: Database, start: Start, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Store.open(where.url) as store:
        journal = await store.begin(start())
        _falls_asleep(store, where, "run-1", monkeypatch)
        await record(journal, "a/1")
        await _has_shown_life(store)
        assert where.one("SELECT beat FROM run") > 1.0
        await store.finish("run-1", status="finished")


def _falls_asleep(store: Store, where: Database, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To others it has long been silent, and its clock says the same."""
    where.rows(f"UPDATE run SET machine = 'elsewhere', beat = 1.0 WHERE id = '{run}'")
    monkeypatch.setattr(store._writer.fence, "_shown", store._writer.fence._shown - SILENT)


async def _has_shown_life(store: Store) -> None:
    for _ in range(1000):
        if store._writer.fence.silent() < SILENT / 2:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it showed no life")
