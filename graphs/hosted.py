"""Runs of a workflow that is a node in somebody else's LangGraph graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from rebut.errors import BudgetSpent, RebutError

from .compile import saves_of
from .context import RunContext

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from .run import Run
    from .workflow import Workflow

_HERE: ContextVar[set[str] | None] = ContextVar("rebut_here", default=None)
"""The runs that the nodes of the graph's present invocation have to do with."""


class RunHost:
    """Opens a run in the graph's first node, finds it for the others, and closes it in the last, or when
    the graph is given up before."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._runs: dict[str, Run] = {}
        self._at_work: set[str] = set()

    async def begin(self, state: Mapping[str, Any], *, again: bool) -> str:
        """Open a run for the inputs in the state, or `again` the run that the state names; returns its id.

        Run again, its calls are taken from its journal as far as that goes.

        Raises:
            InputError: an input is missing, or the run that the state names is not in the store.
            StoreError: another process is running it.
        """
        if again:
            run = await self._workflow.runtime_or_default().resume(_id(state), watch=False)
        else:
            await self._leave_old(state)
            run = self._new(state)
        await self._open(run)
        return run.id

    async def find(self, state: Mapping[str, Any]) -> RunContext | None:
        """The run that the state belongs to: None if it is over and the store has its journal. Where there
        is no store, a run that is over goes on as a new one from what the state holds.

        Raises:
            RebutError: the state belongs to no run.
        """
        run = self._runs.get(_id(state))
        if run is None or run not in run.registry:
            self._runs.pop(_id(state), None)
            if self._workflow.runtime_or_default().store is not None:
                return None
            run = self._new(state, _id(state))
            saved = {name for node in self._workflow.spec.nodes.values() for name, _ in saves_of(node)}
            run.context.state.update({n: v for n, v in state.items() if n in saved and v not in (None, [])})
            run.context.state["visits"] = dict(state.get("visits") or {})
            await self._open(run)
        self._here(run.id)
        return run.context

    async def end(self, state: Mapping[str, Any], error: BaseException | None = None) -> Any:
        """Close the run with its answer, or with the error that ended it; after a spent budget the graph
        goes on to its last node, which closes the run with its fallback."""
        run = self._runs.get(state.get("rebut_run", ""))
        if run is None:
            return None
        if isinstance(error, BudgetSpent):
            run.cut_short(error)
            return None
        del self._runs[run.id]
        try:
            if error is None:
                return (await run.conclude()).answer
        except BaseException as late:
            await asyncio.shield(run.fail(late))
            raise
        await asyncio.shield(run.fail(error))
        return None

    def keep(self, graph: CompiledStateGraph[Any, Any, Any, Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The graph as one that leaves no run open when it is given up."""
        kept: CompiledStateGraph[Any, Any, Any, Any] = _kind()(host=self, **vars(graph))
        return kept

    async def leave(self, runs: Iterable[str], error: BaseException | None) -> None:
        """End what is still open of an invocation's runs with the error that ended it; without one they
        wait, at an interrupt, for the next invocation."""
        self._at_work.difference_update(runs)
        if error is not None:
            for run in [self._runs.pop(name) for name in runs if name in self._runs]:
                await asyncio.shield(run.fail(error))

    def _new(self, state: Mapping[str, Any], name: str | None = None) -> Run:
        named = {name: state[name] for name in self._workflow.spec.inputs if name in state}
        inputs = self._workflow.inputs(None, named)
        return self._workflow.runtime_or_default().begin(self._workflow, inputs, watch=False, run=name)

    async def _open(self, run: Run) -> None:
        self._runs[run.id] = run
        self._here(run.id)
        try:
            await run.open()
        except BaseException as error:
            self._runs.pop(run.id, None)
            await asyncio.shield(run.fail(error))
            raise

    def _here(self, run: str) -> None:
        here = _HERE.get()
        if here is not None:
            here.add(run)
            self._at_work.add(run)

    async def _leave_old(self, state: Mapping[str, Any]) -> None:
        """End the run that waits at an interrupt of the thread that now begins another one."""
        old = state.get("rebut_run", "")
        if old not in self._at_work:
            await self.leave([old], asyncio.CancelledError())


@cache
def _kind() -> type[Any]:
    from langgraph.graph.state import CompiledStateGraph

    class HostedGraph(CompiledStateGraph[Any, Any, Any, Any]):
        """A compiled graph whose runs end with its invocation, unless they wait at an interrupt."""

        def __init__(self, *, host: RunHost, **parts: Any) -> None:
            super().__init__(**parts)
            self.host = host

        def astream(self, *args: Any, **options: Any) -> AsyncGenerator[Any, None]:
            """As LangGraph's own, which every other way to invoke the graph goes by."""
            stream = cast("AsyncGenerator[Any, None]", super().astream(*args, **options))
            return _attended(self.host, stream, waits=bool(self.checkpointer))

    return HostedGraph


async def _attended(
    host: RunHost, stream: AsyncGenerator[Any, None], *, waits: bool
) -> AsyncGenerator[Any, None]:
    """An invocation of the graph, after which its host ends what nobody can go on with; a graph that
    `waits` at an interrupt has a checkpointer."""
    from langgraph.errors import GraphBubbleUp

    here: set[str] = set()
    left: BaseException | None = None if waits else asyncio.CancelledError()
    try:
        while True:
            mark = _HERE.set(here)
            try:
                item = await anext(stream)
            except StopAsyncIteration:
                break
            finally:
                _HERE.reset(mark)
            yield item
    except GraphBubbleUp:  # an interrupt, on its way to the graph that this one is a node of
        left = None
        raise
    except GeneratorExit:
        left = asyncio.CancelledError()
        raise
    except BaseException as error:
        left = error
        raise
    finally:
        await stream.aclose()
        await host.leave(here, left)


def _id(state: Mapping[str, Any]) -> str:
    run = state.get("rebut_run")
    if not run:
        raise RebutError("this state belongs to no run: give the graph its inputs")
    return str(run)
