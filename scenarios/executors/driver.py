"""The executor `ray`: trials made by workers of a Ray cluster, driven from here."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rebut.errors import InputError, RebutError, SettingsError, StoreError

from ...graphs.runtime import Runtime
from ..spec import ScenarioSpec
from ..trials import Entrant, Task
from . import Made
from .kit import LEASE, Badge, Failure, Job, Kit, Reply, address_of, is_file, job_of, kit_of, packed
from .placing import Place, Resources, engines_of, place_of
from .ration import Ration
from .worker import Worker

RESTARTS = 20
"""So often Ray starts a worker anew that died."""

PATIENCE = 120.0
"""Seconds to wait for a trial that another worker is at, before it is left to it."""

CLOSING = 20.0
"""Seconds for workers to stop what is under way."""

Engines = frozenset[str]


@dataclass(slots=True, eq=False)
class Seat:
    """A worker, as the driver sees it.

    Attributes:
        handle: of the actor.
        engines: that it runs; it makes the trials of entrants that need just these.
        kit: what it is opened with.
        badge: of its process; None while that is being started.
        busy: trials under way.
        gone: it will not come back.
    """

    handle: Any
    engines: Engines
    kit: Kit
    badge: Badge | None = None
    busy: int = 0
    gone: bool = False


class RayExecutor:
    """Makes trials on workers of a Ray cluster that share the store.

    Ray starts, places and restarts the workers; the store says who is at which trial and what was done; this
    object hands trials over, a bounded number at a time. What dies with a worker is handed over again.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        workers: int = 2,
        address: str | None = None,
        lease: float = LEASE,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """
        Args:
            workers: how many processes.
            address: of the cluster; None for `$RAY_ADDRESS`, else one that is started and ended here.
            lease: seconds for which a worker takes a trial unless it shows that it lives.
            say: is told what the user should know meanwhile.

        Raises:
            InputError: fewer than one worker, or an address that cannot be used.
        """
        if workers < 1:
            raise InputError(f"workers must be at least 1, there are {workers}")
        self._runtime, self._workers, self._lease, self._say = runtime, workers, lease, say
        self._address = address or os.environ.get("RAY_ADDRESS") or "local"
        if self._address.startswith("ray://"):
            raise InputError(
                f"address {self._address!r} is one for clients: run the command on a machine of the cluster "
                "(--address auto)"
            )
        self._ray: Any = None
        self._started = False
        self._seats: list[Seat] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: Counter[Engines] = Counter()
        self._changed = asyncio.Condition()
        self._broken: RebutError | None = None
        self._ration: Any = None

    async def open(self, spec: ScenarioSpec, entrants: Sequence[Entrant], concurrency: int) -> int:
        """Reach the cluster and start the workers; so many trials each at a time.

        Raises:
            SettingsError: Ray is not installed, or no cluster is found.
            InputError: no store that workers can share, or a model's rate is too small to be shared.
        """
        packed(self._runtime.settings, self._workers)
        self._scenario, self._each = spec.name, concurrency
        self._of = {entrant.label: engines_of(entrant) for entrant in entrants}
        self._groups: dict[Engines, list[Entrant]] = {}
        for entrant in entrants:
            self._groups.setdefault(self._of[entrant.label], []).append(entrant)
        self._local = is_file(address_of(self._runtime))
        self._connect()
        actor = self._ray.remote(Ration)
        self._ration = actor.options(**self._placed(Place(cpus=0), restarts=-1, at_once=1000)).remote()
        first = self._of[entrants[0].label]
        for _ in range(self._workers):
            self._seat(first)
        self._do(self._look_after(time.monotonic()))
        return self._workers * concurrency

    def order(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """By the engines that they need, so that no worker has to change its engine to and fro."""
        places = {engines: place for place, engines in enumerate(self._groups)}
        return sorted(tasks, key=lambda task: places[self._of[task.entrant.label]])

    async def make(self, task: Task, *, resumed: bool) -> Made:
        """Have a trial made; by another worker where one dies at it.

        Raises:
            RebutError: no worker is left, or they cannot open what they need.
        """
        job, engines, ends = job_of(task), self._of[task.entrant.label], None
        while True:
            reply = await self._handed(job, engines)
            if reply is None:
                continue
            made = reply.told()
            if not made.elsewhere:
                return made
            ends = ends or time.monotonic() + PATIENCE
            if time.monotonic() > ends:
                return made
            await asyncio.sleep(min(1.0, self._lease / 5))

    async def close(self) -> None:
        """Stop the workers, their runs in a state to be resumed, and leave the cluster."""
        for task in self._tasks:
            task.cancel()
        if self._ray is None:
            return
        living = [seat for seat in self._seats if not seat.gone]
        closing = [asyncio.ensure_future(_closed(seat)) for seat in living if seat.badge is not None]
        if closing:
            await asyncio.wait(closing, timeout=CLOSING)
        for handle in [seat.handle for seat in living] + [self._ration]:
            if handle is not None:
                with suppress(self._ray.exceptions.RayError):  # the cluster may be gone
                    self._ray.kill(handle)
        await self._freed(living)
        self._seats.clear()
        if self._started:
            self._ray.shutdown()

    async def _freed(self, killed: Sequence[Seat]) -> None:
        """Give back what workers held that were too slow to do so: who goes on need not wait for it."""
        store = self._runtime.store
        if store is not None:
            with suppress(StoreError):  # else it lapses by itself
                for badge in [seat.badge for seat in killed if seat.badge is not None]:
                    await store.release(badge.token)

    async def _handed(self, job: Job, engines: Engines) -> Reply | None:
        """Hand a trial to a worker that has room; None where that died, or has been started anew unseen."""
        seat, reply = await self._free(engines), None
        try:
            reply = await seat.handle.make.remote(job)
        except self._ray.exceptions.RayActorError:
            pass
        finally:
            seat.busy -= 1
        gone = reply is None or reply.closed
        if gone and seat.badge is not None and not seat.gone:
            dead, seat.badge = seat.badge, None
            self._do(self._back(seat, dead))
        await self._tell()
        return None if gone else reply

    async def _free(self, engines: Engines) -> Seat:
        """A worker that has room for a trial, which counts as handed over from now on."""
        self._waiting[engines] += 1
        try:
            async with self._changed:
                while True:
                    if self._broken is not None:
                        raise self._broken
                    fit = [s for s in self._seats if s.engines == engines and s.badge and s.busy < self._each]
                    if fit:
                        seat = min(fit, key=lambda seat: seat.busy)
                        seat.busy += 1
                        return seat
                    self._turn(engines)
                    await self._changed.wait()
        finally:
            self._waiting[engines] -= 1

    def _turn(self, engines: Engines) -> None:
        """Let an idle worker with engines that nobody waits for make room for one with these."""
        for seat in self._seats:
            if seat.engines != engines and not seat.busy and seat.badge and not self._waiting[seat.engines]:
                seat.gone = True
                self._seats.remove(seat)
                self._do(self._replaced(seat, engines))
                return

    async def _replaced(self, seat: Seat, engines: Engines) -> None:
        with suppress(self._ray.exceptions.RayError, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await _closed(seat)
        self._ray.kill(seat.handle)
        await self._forget(seat.badge)
        self._seat(engines)

    def _seat(self, engines: Engines) -> None:
        """Ask Ray for a worker; it is handed trials once it says who it is."""
        place = place_of(engines, self._workers, self._machines())
        options = self._placed(place, restarts=RESTARTS, at_once=self._each + 8)
        handle = self._ray.remote(Worker).options(**options).remote()
        entrants = self._groups[engines]
        kit = kit_of(
            self._scenario,
            self._runtime,
            entrants,
            threads=place.cpus,
            lease=self._lease,
            workers=self._workers,
        )
        seat = Seat(handle, engines, kit)
        self._seats.append(seat)
        self._do(self._ready(seat))

    async def _ready(self, seat: Seat) -> None:
        """Wait until a worker says who it is: where there is no room, or it dies at once, that takes long."""
        errors = self._ray.exceptions
        while not seat.gone:
            try:
                badge: Badge | Failure = await seat.handle.open.remote(seat.kit, self._ration)
            except errors.ActorUnavailableError:
                await asyncio.sleep(0.2)
                continue
            except errors.RayError as error:
                await self._lost(seat, error)
                return
            if isinstance(badge, Failure):
                self._broken = badge.error()
            else:
                seat.badge = badge
            await self._tell()
            return

    async def _back(self, seat: Seat, dead: Badge) -> None:
        """Wait until Ray has started a worker anew; what the dead process had is free then."""
        await self._ready(seat)
        if seat.badge is None or seat.badge.token != dead.token:
            store = self._runtime.store
            if store is not None:
                await store.lapse(dead.token)
            await self._forget(dead)

    async def _lost(self, seat: Seat, error: Exception) -> None:
        seat.gone, seat.badge = True, None
        with suppress(ValueError):
            self._seats.remove(seat)
        if not self._seats:
            said = str(error).strip().splitlines() or [type(error).__name__]
            self._broken = RebutError(f"no worker is left: {said[-1]}")
        await self._tell()

    async def _forget(self, badge: Badge | None) -> None:
        if badge is not None:
            with suppress(self._ray.exceptions.RayError):
                await self._ration.forget.remote(badge.token)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _look_after(self, began: float) -> None:
        """Say so where Ray has found no room for any worker."""
        while not any(seat.badge for seat in self._seats):
            await asyncio.sleep(1)
            if time.monotonic() - began > 30:
                has = self._ray.cluster_resources()
                self._say(f"waiting for a worker: the cluster has {_told(has)}")
                return

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _connect(self) -> None:
        self._ray = _ray()
        if self._ray.is_initialized():
            return
        try:
            self._ray.init(**_how(self._address, self._workers))
        except (ConnectionError, ValueError, RuntimeError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise SettingsError(f"no Ray cluster at {self._address!r}: {said[0]}") from error
        self._started = True

    def _machines(self) -> Sequence[Resources]:
        """Those that workers may be on."""
        here = self._ray.get_runtime_context().get_node_id()
        living = [node for node in self._ray.nodes() if node["Alive"]]
        return [node["Resources"] for node in living if not self._local or node["NodeID"] == here]

    def _placed(self, place: Place, *, restarts: int, at_once: int) -> dict[str, Any]:
        """How Ray is to start an actor: beside this process where the store is a file."""
        options: dict[str, Any] = {
            "num_cpus": place.cpus,
            "num_gpus": place.gpus,
            "max_restarts": restarts,
            "max_task_retries": 0,
            "max_concurrency": at_once,
        }
        if self._local:
            strategies = import_module("ray.util.scheduling_strategies")
            here = self._ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = strategies.NodeAffinitySchedulingStrategy(here, soft=False)
        return options


async def _closed(seat: Seat) -> None:
    with suppress(Exception):  # it died meanwhile: there is nothing to close
        await seat.handle.close.remote()


def _told(resources: Resources) -> str:
    counts = [f"{resources.get(name, 0):g} {name}" for name in ("CPU", "GPU")]
    return " and ".join(counts)


def _ray() -> Any:
    # what Ray would tell its makers, and a warning about what it will do one day
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise SettingsError("the executor ray needs Ray: install rebut[ray]") from error


def _how(address: str, workers: int) -> dict[str, Any]:
    """How to reach the cluster, or to start one that is just large enough."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "rebut"}
    if address != "local":
        return {"address": address, **quiet}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "address": "local",
        "num_cpus": max(cores, workers),
        "include_dashboard": False,
        "object_store_memory": 128 * 1024 * 1024,
        **quiet,
    }
