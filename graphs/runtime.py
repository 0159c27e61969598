"""The one place where a run is put together: gateway, store, budget, agents, watchers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from rebut.errors import InputError, RebutError
from rebut.records import Usage
from rebut.settings import Settings

from ..memory.values import RecordedCall, RunStart, Status
from ..models.budget import Limits
from ..models.gateway import Gateway, Home, running
from ..models.journal import RunJournal
from ..models.limits import UNLIMITED
from ..models.session import Session
from .abilities import hold
from .context import RunContext, limits_of
from .pinned import PinnedGateway, pins_of
from .run import Emitter, Entry, Run
from .snapshots import snapshot_of, workflow_of
from .turns import Stirring
from .workflow import Workflow

if TYPE_CHECKING:
    from ..agents.agent import Agent
    from ..memory.store import Store

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters that cannot be taken for one another."""


def new_id() -> str:
    """A run's id: the day and 50 random bits, such as ``261121-k3f9qz7m2a``."""
    bits = secrets.randbits(50)
    tail = "".join([_ALPHABET[bits >> place & 31] for place in range(0, 50, 5)])
    return f"{time.strftime('%y%m%d')}-{tail}"


class Runtime:
    """Runs workflows: one gateway to the models and one store, shared by all runs of an event loop.

    It belongs to the loop that uses it first, until that is closed; the next one may use it then.

    Args:
        store: a path or URL of the store, a `Store`, ``"none"`` for no store; None for the settings' own.
        settings: default from files and environment.
        gateway: default one made from the settings; a given one is not closed with the runtime.
    """

    def __init__(
        self,
        store: str | Path | Store | None = None,
        *,
        settings: Settings | None = None,
        gateway: Gateway | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self._given_gateway = gateway is not None
        self.gateway = gateway or Gateway(self.settings)
        self._store_ref: str | Path | Store | None = (
            store if store is not None else self.settings.store_location()
        )
        self._store: Store | None = None
        self._running: set[Run] = set()
        self._home = Home()
        self._closed = False

    @property
    def store(self) -> Store | None:
        """The store, opened at first use; None when runs are not kept.

        Raises:
            StoreError: it cannot be opened.
        """
        if self._closed:
            return None
        if self._store is None and self._store_ref is not None and str(self._store_ref) != "none":
            from ..memory.store import Store

            ref = self._store_ref
            self._store = ref if isinstance(ref, Store) else Store.open(ref)
        return self._store

    async def __aenter__(self) -> Runtime:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Cancel what runs (it can be resumed), flush the store, close the connections."""
        self._closed = True
        self._forget_lost()
        await asyncio.gather(*[run.stop() for run in list(self._running)], return_exceptions=True)
        if not self._given_gateway:
            await self.gateway.close()
        if self._store is not None and self._store is not self._store_ref:
            await self._store.close()
            self._store = None

    def begin(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        *,
        seed: int | None = None,
        watch: bool = True,
        run: str | None = None,
    ) -> Run:
        """A new run, not yet driven: await its `execute` or `result`, or iterate over it.

        Without `watch`, and without a store, no events are made at all. `run` is an id of the caller's own,
        which no run of the store may have; None for a new one.
        """
        workflow = workflow.bound(self.settings.models, self.settings.model)
        agents = workflow.agents(self.settings.models, self.settings.model)
        hold(workflow, agents, self.gateway.capabilities)
        models = workflow.voices(self.settings.models, self.settings.model)
        start = _start(workflow, inputs, models, secrets.randbits(31) if seed is None else seed, run=run)
        entry: Entry | None = None
        if self.store is not None:
            snapshot = snapshot_of(workflow, models, pins_of(self.gateway, models.values()))
            entry = _StoreEntry(self.store, replace(start, snapshot=snapshot))
        return self._run(workflow, start, self.gateway, agents, watch=watch, entry=entry)

    async def resume(self, run: str, *, watch: bool = True) -> Run:
        """A run that was interrupted, taken up where its journal ends; a prefix of its id will do.

        Raises:
            InputError: no run has this id, or several.
            StoreError: another process drives it, or the store cannot be read.
        """
        if self.store is None:
            raise InputError("there is no store to resume from")
        start, journal = await self.store.reopen(run)
        try:
            workflow = workflow_of(start.snapshot, self)
            gateway = cast(Gateway, PinnedGateway(start.snapshot["pins"], self.gateway))
            entry = _StoreEntry(self.store, start, journal)
            return self._run(workflow, start, gateway, workflow.agents({}, ""), watch=watch, entry=entry)
        except BaseException:
            self.store.abandon(start.run)
            raise

    async def fork(
        self,
        run: str,
        at: str,
        *,
        say: str | None = None,
        params: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | str | None = None,
        budget: Limits | str | None = None,
        seed: int | None = None,
        watch: bool = True,
    ) -> Run:
        """A new run that takes over what another one did before a call, and goes on from there.

        What was taken over is not paid again, yet it counts in the new run's usage and limits. The workflow
        and its prompts are those that the other run began with, whatever their files say now.

        Args:
            run: the other run's id, or a beginning of it.
            at: the path of a call, such as ``weigh/2`` or ``solve/1#3``; or a node, or a visit of it
                (``weigh/2``), for the first of its calls that came in. What came in before is taken over.
            say: what the agent said there instead; recorded as written by hand, at no cost. Where one call
                gave several completions, `at` says which: ``solve/1#3``.
            params, models, budget: what is to differ from the other run; what came before the call stays what
                it was, so params must not change its prompts.
            seed: default the other run's, with which a model that keeps to seeds says the same again.

        Raises:
            InputError: no such run or call, or a parameter or model does not fit.
            StoreError: the run is still going on.
        """
        from .forking import forked

        if self.store is None:
            raise InputError("there is no store to fork a run from")
        kept = await self.store.cassette(run)
        calls, start = forked(kept, at, say), kept.start
        workflow = workflow_of(start.snapshot, self).with_(params=params, budget=budget)
        workflow = workflow.with_(models=workflow.models_by_agent(models))
        workflow = workflow.bound(self.settings.models, self.settings.model)
        agents, chosen = workflow.agents({}, ""), workflow.voices({}, "")
        old = start.snapshot["pins"]
        pins = {**old, **pins_of(self.gateway, [model for model in chosen.values() if model not in old])}
        start = _start(workflow, start.input, chosen, start.seed if seed is None else seed, parent=start.run)
        entry = _StoreEntry(
            self.store, replace(start, snapshot=snapshot_of(workflow, chosen, pins)), calls=calls
        )
        gateway = cast(Gateway, PinnedGateway(pins, self.gateway))
        return self._run(workflow, start, gateway, agents, watch=watch, entry=entry)

    async def replay(self, source: str | Path) -> Run:
        """A recorded run played again with no model and no network: a journal file, or a run in the store.

        Raises:
            InputError: the file is no journal, or the run does not exist.
        """
        from ..memory.cassette import CassetteJournal

        cassette = await self._cassette(source)
        start: RunStart = cassette.start
        workflow = workflow_of(start.snapshot, self)
        gateway = cast(Gateway, PinnedGateway(start.snapshot["pins"], None))
        journal = CassetteJournal(cassette)
        run = self._run(
            workflow, start, gateway, workflow.agents({}, ""), watch=True, entry=_CassetteEntry(journal)
        )
        run.difference = journal.difference
        return run

    async def _cassette(self, source: str | Path) -> Any:
        from ..memory import cassette

        path = Path(source)
        if await asyncio.to_thread(path.is_file):
            return await asyncio.to_thread(cassette.read, path)
        if self.store is None:
            raise InputError(f"no journal file {str(source)!r}, and there is no store to look for a run in")
        return await self.store.cassette(str(source))

    def _run(
        self,
        workflow: Workflow,
        start: RunStart,
        gateway: Gateway,
        agents: Mapping[str, Agent],
        *,
        watch: bool,
        entry: Entry | None,
    ) -> Run:
        if self._closed:
            raise RebutError("this runtime is closed: open another one")
        self._forget_lost()
        if loop := running():
            self._home.enter(loop)
            self.gateway.enter()
        emitter: Emitter | None = None
        if watch or entry is not None:
            emitter = Emitter(start.run, lambda: session.clock)
        budget = Stirring(_limits(workflow))
        session = Session(gateway, start.run, budget=budget, journal=None, emit=emitter, deltas=watch)
        context = RunContext(
            run=start.run,
            spec=workflow.spec,
            inputs=start.input,
            params=workflow.params,
            agents=agents,
            session=session,
            budget=budget,
            kind=workflow.kind,
            seed=start.seed,
            emit=emitter,
            called=workflow.called({}, ""),
        )
        run = Run(workflow, context, emitter, entry, watch=watch)
        run.registry = self._running
        return run

    def _forget_lost(self) -> None:
        """Runs of a loop that was closed before they could end: nobody drives them, they can be resumed."""
        if self._home.lost:
            self._running.clear()


def _start(
    workflow: Workflow,
    inputs: Mapping[str, Any],
    models: Mapping[str, str],
    seed: int,
    parent: str | None = None,
    run: str | None = None,
) -> RunStart:
    """The start of a new run, without its snapshot."""
    return RunStart(
        run=run or new_id(),
        workflow=workflow.name,
        input=dict(inputs),
        params=dict(workflow.params),
        models=models,
        seed=seed,
        budget=_limits(workflow).as_dict(),
        started=time.time(),
        parent=parent,
    )


class _StoreEntry:
    """A run's place in the store: new, or taken up again with its journal."""

    def __init__(
        self,
        store: Store,
        start: RunStart,
        journal: RunJournal | None = None,
        calls: Sequence[RecordedCall] | None = None,
    ) -> None:
        self._store, self._start, self._journal, self._calls = store, start, journal, calls
        self._entered = journal is not None

    async def open(self) -> RunJournal:
        if self._journal is None:
            self._entered = True
            try:
                self._journal = await self._store.begin(self._start, self._calls)
            except RebutError:
                self._entered = False  # what has the place that it wanted may be another run
                raise
        return self._journal

    async def close(
        self, *, status: Status, answer: Any, stop_reason: str, detail: str, usage: Usage, seconds: float
    ) -> None:
        if not self._entered:
            return
        await self._store.finish(
            self._start.run,
            status=status,
            answer=answer,
            stop_reason=stop_reason,
            detail=detail,
            usage=usage,
            seconds=seconds,
        )


class _CassetteEntry:
    """A replayed run is written nowhere."""

    def __init__(self, journal: RunJournal) -> None:
        self._journal = journal

    async def open(self) -> RunJournal:
        return self._journal

    async def close(self, **_: Any) -> None:
        return None


def _limits(workflow: Workflow) -> Limits:
    """The tighter of what the file and the caller allow, resource by resource."""
    given = workflow.budget or UNLIMITED
    if workflow.spec.budget is None:
        return given
    stated = limits_of(workflow.spec.budget, {"params": workflow.params, "kind": workflow.kind})
    return Limits(
        calls=_least(given.calls, stated.calls),
        tokens=_least(given.tokens, stated.tokens),
        usd=_least(given.usd, stated.usd),
        seconds=_least(given.seconds, stated.seconds),
    )


def _least(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else min(a, b)


_defaults: WeakKeyDictionary[asyncio.AbstractEventLoop, Runtime] = WeakKeyDictionary()


def default_runtime() -> Runtime:
    """The runtime of the running event loop; it is closed when the loop shuts down its async generators."""
    loop = asyncio.get_running_loop()
    runtime = _defaults.get(loop)
    if runtime is None:
        runtime = _defaults[loop] = Runtime()
        keeper = _keepers[loop] = _keeper(loop, runtime)
        with suppress(StopIteration):
            keeper.asend(None).send(None)  # goes on to its yield without a turn of the loop
    return runtime


async def _keeper(loop: asyncio.AbstractEventLoop, runtime: Runtime) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        try:
            await runtime.close()
        finally:
            _keepers.pop(loop, None)
            _defaults.pop(loop, None)


# A generator that nobody holds is closed at once, and its runtime with it. It holds its loop as well, by the
# hook that closes it, so it has to leave of itself.
_keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = WeakKeyDictionary()
