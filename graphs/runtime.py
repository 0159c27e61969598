"""The one place where a run is put together: gateway, store, budget, agents, watchers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from rebut.errors import InputError, RebutError
from rebut.records import Usage
from rebut.settings import Settings

from ..agents.roles import RoleBook
from ..memory.values import RunStart, Status
from ..models.budget import Limits
from ..models.gateway import Gateway
from ..models.journal import RunJournal
from ..models.session import Session
from .context import RunContext, limits_of
from .pinned import PinnedGateway, pins_of
from .run import Emitter, Entry, Run
from .turns import Stirring
from .workflow import Workflow

if TYPE_CHECKING:
    from ..agents.agent import Agent
    from ..memory.store import Store

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_id() -> str:
    """A run's id: the day and 50 random bits, such as ``261121-k3f9qz7m2a``."""
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    return f"{time.strftime('%y%m%d')}-{tail}"


class Runtime:
    """Runs workflows: one gateway to the models and one store, shared by all runs of an event loop.

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
        await asyncio.gather(*[run.stop() for run in list(self._running)], return_exceptions=True)
        if not self._given_gateway:
            await self.gateway.close()
        if self._store is not None and self._store is not self._store_ref:
            await self._store.close()
            self._store = None

    def begin(
        self, workflow: Workflow, inputs: Mapping[str, Any], *, seed: int | None = None, watch: bool = True
    ) -> Run:
        """A new run, not yet driven: await its `execute` or `result`, or iterate over it.

        Without `watch`, and without a store, no events are made at all.
        """
        agents = workflow.agents(self.settings.models, self.settings.model)
        models = {name: agent.model for name, agent in agents.items()}
        start = RunStart(
            run=new_id(),
            workflow=workflow.name,
            snapshot={},
            input=dict(inputs),
            params=dict(workflow.params),
            models=models,
            seed=secrets.randbits(31) if seed is None else seed,
            budget=asdict(_limits(workflow)),
            started=time.time(),
        )
        entry: Entry | None = None
        if self.store is not None:
            snapshot = _snapshot(workflow, models, pins_of(self.gateway, models.values()))
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
        workflow = _from_snapshot(start.snapshot, self)
        gateway = cast(Gateway, PinnedGateway(start.snapshot["pins"], self.gateway))
        entry = _StoreEntry(self.store, start, journal)
        return self._run(workflow, start, gateway, workflow.agents({}, ""), watch=watch, entry=entry)

    async def replay(self, source: str | Path) -> Run:
        """A recorded run played again with no model and no network: a journal file, or a run in the store.

        Raises:
            InputError: the file is no journal, or the run does not exist.
        """
        from ..memory.cassette import CassetteJournal

        cassette = await self._cassette(source)
        start: RunStart = cassette.start
        workflow = _from_snapshot(start.snapshot, self)
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
        )
        run = Run(workflow, context, emitter, entry, watch=watch)
        run.registry = self._running
        return run


class _StoreEntry:
    """A run's place in the store: new, or taken up again with its journal."""

    def __init__(self, store: Store, start: RunStart, journal: RunJournal | None = None) -> None:
        self._store, self._start, self._journal = store, start, journal

    async def open(self) -> RunJournal:
        if self._journal is None:
            self._journal = await self._store.begin(self._start)
        return self._journal

    async def close(
        self, *, status: Status, answer: Any, stop_reason: str, detail: str, usage: Usage, seconds: float
    ) -> None:
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
    given = workflow.budget or Limits()
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


def _snapshot(workflow: Workflow, models: Mapping[str, str], pins: Mapping[str, Any]) -> dict[str, Any]:
    """All that a later process needs to run the same workflow: source, prompts, settings."""
    from rebut import __version__

    return {
        "rebut": __version__,
        "name": workflow.name,
        "source": workflow.spec.source,
        "path": Path(workflow.spec.path).name,
        "roles": workflow.roles.snapshot(uses_of(workflow)),
        "params": dict(workflow.params),
        "models": dict(models),
        "kind": workflow.kind,
        "budget": asdict(workflow.budget) if workflow.budget else None,
        "pins": dict(pins),
    }


def uses_of(workflow: Workflow) -> list[tuple[str, str]]:
    """The (role, mode) pairs whose prompts a workflow uses."""
    from .spec import AskNode, SampleNode, ScoreNode

    uses: dict[tuple[str, str], None] = {}
    for node in workflow.spec.nodes.values():
        if isinstance(node, AskNode | SampleNode):
            uses[workflow.spec.agents[node.agent].role, node.mode or "default"] = None
        elif isinstance(node, ScoreNode):
            for scorer in node.by:
                uses[workflow.spec.agents[scorer].role, "default"] = None
    return list(uses)


def _from_snapshot(snapshot: Mapping[str, Any], runtime: Runtime) -> Workflow:
    from .loader import loads

    roles = RoleBook.from_snapshot(dict(snapshot["roles"]))
    spec = loads(snapshot["source"], path=snapshot["path"], roles=roles)
    budget = Limits(**snapshot["budget"]) if snapshot["budget"] else None
    return Workflow(
        spec, roles, params=snapshot["params"], models=snapshot["models"], kind=snapshot["kind"],
        budget=budget, runtime=runtime,
    )  # fmt: skip


_defaults: WeakKeyDictionary[asyncio.AbstractEventLoop, Runtime] = WeakKeyDictionary()


def default_runtime() -> Runtime:
    """The runtime of the running event loop; it is closed when the loop shuts down its async generators."""
    loop = asyncio.get_running_loop()
    runtime = _defaults.get(loop)
    if runtime is None:
        runtime = _defaults[loop] = Runtime()
        keeper = _keepers[loop] = _keeper(runtime)
        _held.add(task := loop.create_task(anext(keeper)))
        task.add_done_callback(_held.discard)
    return runtime


async def _keeper(runtime: Runtime) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await runtime.close()


# A generator that nobody holds is closed at once, and its runtime with it.
_keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = WeakKeyDictionary()
_held: set[asyncio.Task[None]] = set()
