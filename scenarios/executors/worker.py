"""A worker: makes trials on a runtime of its own, on the store that all workers share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rebut.errors import InputError, RebutError, StoreError
from rebut.settings import Settings

from ...graphs.runtime import Runtime
from ...graphs.snapshots import workflow_of
from ...graphs.workflow import Workflow
from ...memory.leases import Lease
from ...memory.store import Store
from ...models.gateway import Gateway
from ...models.limiter import Limiter
from . import Made
from .attempt import attempt, result_of
from .kit import Badge, Failure, Job, Kit, Reply
from .ration import Share, Want
from .rationed import Rationed

MOST_ATTEMPTS = 5
"""So often a trial may be taken by a worker that dies at it, before it is given up."""


class Worker:
    """Makes the trials that it is handed; a Ray actor, whose methods run side by side.

    A trial is leased before it begins and given back when it ends. What the store holds already is told, not
    made again. A worker that dies leaves its leases to lapse and its runs to be resumed by another.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._bench: _Bench | None = None
        self._jobs: dict[str, asyncio.Task[Any]] = {}
        self._closed = False

    async def open(self, kit: Kit, ration: Any = None) -> Badge | Failure:
        """Open the store and the models, if that is not done; who this is.

        The kit is no argument of the constructor: Ray could not start the actor anew once that is gone.

        Args:
            ration: the actor that shares out requests in flight; None where nothing is shared.
        """
        try:
            async with self._lock:
                if self._bench is None:
                    self._bench = await _Bench.open(kit, ration)
            return Badge(self._bench.store.token, os.getpid())
        except RebutError as error:
            return Failure.of(error)

    async def make(self, job: Job) -> Reply:
        """Make a trial; `elsewhere` while another worker, or this one, is at it."""
        if self._bench is None or self._closed:
            return Reply(closed=True)
        if job.run in self._jobs:
            return Reply(Made(elsewhere=True))
        task = self._jobs[job.run] = asyncio.create_task(self._leased(self._bench, job))
        try:
            return Reply.of(await task)
        except RebutError as error:
            return Reply(failure=Failure.of(error), broken=True)
        except asyncio.CancelledError:  # by `close`
            return Reply(closed=True)
        finally:
            del self._jobs[job.run]

    async def close(self) -> None:
        """Stop what is under way, so that it can be resumed, and let go of everything."""
        self._closed = True
        for task in self._jobs.values():
            task.cancel()
        if self._jobs:
            await asyncio.wait(list(self._jobs.values()))
        async with self._lock:
            if self._bench is not None:
                await self._bench.close()

    async def _leased(self, bench: _Bench, job: Job) -> Made:
        lease = await bench.lease(job.run)
        if lease is None:
            return Made(elsewhere=True)
        try:
            if lease.attempts > MOST_ATTEMPTS:
                words = f"given up: {MOST_ATTEMPTS} workers died while they were at it"
                return Made(failure=RebutError(words))
            return await self._made(bench, job)
        finally:
            with suppress(StoreError):
                await asyncio.shield(bench.store.give_back(job.run))

    async def _made(self, bench: _Bench, job: Job) -> Made:
        try:
            info = await bench.store.run(job.run)
        except InputError:
            info = None
        if info is not None and info.status == "finished":
            return Made(result=result_of(info))
        if info is not None and info.status == "running":
            return Made(elsewhere=True)
        workflow = bench.workflows[job.label]
        return await attempt(bench.runtime, workflow, job.run, job.inputs, job.seed, resumed=info is not None)


class _Bench:
    """What a worker works with."""

    def __init__(self, runtime: Runtime, gateway: Gateway, store: Store, kit: Kit) -> None:
        self.runtime, self.store = runtime, store
        self.workflows: Mapping[str, Workflow] = {
            label: workflow_of(snapshot, runtime) for label, snapshot in kit.workflows.items()
        }
        self._gateway, self._scenario, self._lease = gateway, kit.scenario, kit.lease
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, kit: Kit, ration: Any) -> _Bench:
        settings = Settings(**kit.settings)
        store = await asyncio.to_thread(Store.open, kit.store)
        token = store.token

        async def ask(wants: Mapping[str, Want]) -> Mapping[str, Share]:
            shares: Mapping[str, Share] = await ration.share.remote(token, wants)
            return shares

        rationed = Rationed(ask)
        limiter = _own if ration is None else rationed.limiter
        gateway = Gateway(settings, _backends(settings, kit), limiter=limiter)
        bench = cls(Runtime(store, settings=settings, gateway=gateway), gateway, store, kit)
        bench._tasks.append(asyncio.create_task(bench._beat()))
        if ration is not None:
            bench._tasks.append(asyncio.create_task(rationed.keep()))
        return bench

    async def lease(self, run: str) -> Lease | None:
        """Take a run; None while another worker has it."""
        return await self.store.lease(run, self._scenario, self._lease)

    async def _beat(self) -> None:
        """Keep the leases; a store that fails now may be back before they lapse."""
        while True:
            await asyncio.sleep(self._lease / 3)
            with suppress(StoreError):
                await self.store.renew(self._lease)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.runtime.close()
        await self._gateway.close()
        await self.store.close()


def _own(model: str, most: int) -> Limiter:
    return Limiter(most)


def _backends(settings: Settings, kit: Kit) -> dict[str, Any]:
    """llama.cpp with the worker's share of the cores: left alone, each worker would take all of them."""
    from ...models.local.backend import LocalBackend
    from ...models.local.options import Options

    return {"local": LocalBackend(settings.folder(), Options(threads=kit.threads))}
