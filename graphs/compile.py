"""The compiler: a checked workflow becomes a LangGraph state graph.

Every saved name is a channel of the graph (`name+` one that appends), beside the inputs and `visits`.
Each node of the workflow is one node of the graph; it returns a `Command` that says what it wrote and
where to go, so that an edge costs no router of its own. Branches of a fork meet at a join that counts
who has arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypedDict

from rebut.errors import BudgetSpent, RebutError, WorkflowError
from rebut.events import NodeFinished, NodeStarted

from .context import RunContext, Scope
from .nodes import work_of
from .spec import END, START, EdgeSpec, Fork, NodeSpec, SetNode, WorkflowSpec

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Command

BEGIN, FINISH = "begin_run", "finish_run"

REPLACE = "rebut_replace"
"""Key of a write that replaces an appended list instead of adding to it; any checkpointer can keep it."""

AGAIN = "rebut_again"
"""Channel that says, for one step, that the first node is to take the state's run up again."""


def saves_of(node: NodeSpec) -> tuple[tuple[str, bool], ...]:
    """The names that a node writes, and whether it appends to them."""
    if isinstance(node, SetNode):
        return tuple((save.name, save.append) for save, _ in node.values)
    return ((node.save.name, node.save.append),) if node.save else ()


def appended(spec: WorkflowSpec) -> frozenset[str]:
    """Names that some node appends to."""
    return frozenset(name for node in spec.nodes.values() for name, append in saves_of(node) if append)


def _add_counts(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    return {**old, **{name: old.get(name, 0) + count for name, count in new.items()}}


def _merge(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    return {**old, **new}


def _append_or_replace(old: list[Any], new: Any) -> list[Any]:
    return list(new[REPLACE]) if isinstance(new, dict) else [*old, *new]


def state_type(spec: WorkflowSpec, *, hosted: bool = False) -> type:
    """The TypedDict of the graph's channels; the runs of a hosted one can be taken up again."""
    from langgraph.channels import EphemeralValue

    lists = appended(spec)
    channels: dict[str, Any] = dict.fromkeys(spec.inputs, Any)
    for node in spec.nodes.values():
        for name, _ in saves_of(node):
            channels[name] = Annotated[list[Any], _append_or_replace] if name in lists else Any
    channels["visits"] = Annotated[dict[str, int], _merge]
    if any(isinstance(edge, Fork) for edge in spec.edges.values()):
        channels["arrived"] = Annotated[dict[str, int], _add_counts]
    channels["rebut_run"] = str
    channels["answer"] = Any
    if hosted:
        channels[AGAIN] = Annotated[bool, EphemeralValue(bool, guard=False)]
    return TypedDict(f"{spec.name.title().replace('-', '').replace('_', '')}State", channels, total=False)  # type: ignore[operator, no-any-return]


class _Meetings:
    """Where the branches of forks meet. `arrived` of a join stands below 0 while branches are under way:
    a fork takes as many off as it has branches, and each branch that comes in adds one."""

    def __init__(self, spec: WorkflowSpec) -> None:
        self.forks = {
            source: edge for source, edge in spec.edges.items() if isinstance(edge, Fork) and edge.join != END
        }
        self.joins = frozenset(fork.join for fork in self.forks.values())
        self._inside: dict[str, set[str]] = {}
        for fork in self.forks.values():
            for name in _branches(spec, fork):
                self._inside.setdefault(name, set()).add(fork.join)

    def change(self, source: str, to: tuple[str, ...]) -> dict[str, int]:
        """What going from `source` to `to` does to the counts."""
        inside = self._inside.get(source, ())
        fork = self.forks.get(source)
        if fork is not None:
            under_way = len(fork.to) - fork.to.count(fork.join) - (fork.join in inside)
            return {fork.join: -under_way}
        return {target: 1 for target in to if target in inside}


def _branches(spec: WorkflowSpec, fork: Fork) -> set[str]:
    """The nodes between a fork and its join."""
    seen: set[str] = set()
    todo = list(fork.to)
    while todo:
        name = todo.pop()
        if name not in seen and name not in (fork.join, END):
            seen.add(name)
            todo.extend(targets(spec.edges.get(name, ())))
    return seen


def targets(edges: tuple[EdgeSpec, ...] | Fork) -> tuple[str, ...]:
    """Where edges lead, each target once, in order."""
    names = edges.to if isinstance(edges, Fork) else (edge.to for edge in edges)
    return tuple(dict.fromkeys(names))


def _after(edges: tuple[EdgeSpec, ...] | Fork, scope: Scope) -> tuple[str, ...]:
    if isinstance(edges, Fork):
        return edges.to
    for edge in edges:
        if edge.when is None or edge.when(scope):
            return (edge.to,)
    raise WorkflowError("no edge was taken: the last of a list of conditions must hold always")


class Host(Protocol):
    """Opens, finds and closes the runs of a workflow that is a node in somebody else's graph."""

    async def begin(self, state: Mapping[str, Any], *, again: bool) -> str:
        """Open a run for the inputs in the state, or `again` the run that the state names; returns its id."""
        ...

    async def find(self, state: Mapping[str, Any]) -> RunContext | None:
        """The run that the state belongs to; None if it is over, and is to be opened again."""
        ...

    async def end(self, state: Mapping[str, Any], error: BaseException | None = None) -> Any:
        """Close the run; returns its answer. A `BudgetSpent` is only noted: the last node closes the run."""
        ...

    def keep(self, graph: CompiledStateGraph[Any, Any, Any, Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The graph as one that leaves no run open when it is given up."""
        ...


def build(spec: WorkflowSpec, host: Host | None = None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile a workflow to a graph whose context is a `RunContext`.

    With a `host` the graph stands alone: it needs no context, takes the inputs from its state, opens a run
    in a first node and writes `answer` in a last one, and can so be a node in any other graph.
    """
    from langgraph.graph import END as LG_END
    from langgraph.graph import START as LG_START
    from langgraph.graph import StateGraph

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(
        state_type(spec, hosted=host is not None), context_schema=RunContext
    )
    first, last = (LG_START, LG_END) if host is None else (BEGIN, FINISH)
    meetings = _Meetings(spec)
    for name, node in spec.nodes.items():
        leads = tuple(last if t == END else t for t in targets(spec.edges[name]))
        run_node = _node(spec, name, node, meetings, host, last)
        graph.add_node(name, run_node, destinations=leads)
    if host is not None:
        _add_host(graph, spec, host)
    _add_start(graph, spec, host, first, last)
    compiled = graph.compile(name=spec.name)
    return compiled if host is None else host.keep(compiled)


def _add_start(
    graph: StateGraph[Any, Any, Any, Any], spec: WorkflowSpec, host: Host | None, first: str, last: str
) -> None:
    from langgraph.runtime import Runtime

    edges = spec.edges[START]
    leads = [last if target == END else target for target in targets(edges)]
    if isinstance(edges, Fork) or len(leads) == 1:
        for lead in leads:
            graph.add_edge(first, lead)
        return

    async def choose(state: dict[str, Any], runtime: Runtime[RunContext]) -> str:
        run = runtime.context if host is None else await host.find(state)
        if run is None:
            raise RebutError(f"run {state.get('rebut_run')!r} was ended before its first node")
        scope = run.scope(written(run, state, host))
        with run.visiting():
            [target] = await run.think(lambda: _after(edges, scope))
        return last if target == END else target

    choose.__annotations__ = {"runtime": Runtime[RunContext]}  # LangGraph resolves these by module globals
    graph.add_conditional_edges(first, choose, leads)


async def _run_of(state: Mapping[str, Any], context: Any, host: Host | None) -> RunContext | Command[Any]:
    """The run of a node; where it is over, what leads to the first node, which takes it up again, and lets
    the branches end that were left in the state."""
    if isinstance(context, RunContext):
        return context
    from langgraph.types import Command

    assert host is not None, "the graph needs a RunContext as its context"
    if state.get(AGAIN):
        return Command(goto=())
    return await host.find(state) or Command(update={AGAIN: True}, goto=BEGIN)


def written(run: RunContext, state: dict[str, Any], host: Host | None) -> dict[str, Any]:
    """The state without the names that only an earlier run of the same thread wrote."""
    if host is None:
        return state
    return {name: value for name, value in state.items() if value is not None or name in run.state}


def _add_host(graph: StateGraph[Any, Any, Any, Any], spec: WorkflowSpec, host: Host) -> None:
    from langgraph.graph import END as LG_END
    from langgraph.graph import START as LG_START

    async def begin(state: dict[str, Any]) -> dict[str, Any]:
        run = await host.begin(state, again=bool(state.get(AGAIN)))
        return {**_afresh(spec, state), "rebut_run": run}

    async def finish(state: dict[str, Any]) -> Any:
        run = await _run_of(state, None, host)
        return {"answer": await host.end(state)} if isinstance(run, RunContext) else run

    nodes: dict[str, Any] = {BEGIN: begin, FINISH: finish}  # LangGraph types no node on a plain dict
    graph.add_node(BEGIN, nodes[BEGIN])
    graph.add_node(FINISH, nodes[FINISH], defer=True)
    graph.add_edge(LG_START, BEGIN)
    graph.add_edge(FINISH, LG_END)


def _afresh(spec: WorkflowSpec, state: Mapping[str, Any]) -> dict[str, Any]:
    """The writes that make of any state, also of one that a thread's earlier run left, that of a new run."""
    lists = appended(spec)
    saved = {name for node in spec.nodes.values() for name, _ in saves_of(node)}
    fresh: dict[str, Any] = {name: {REPLACE: []} for name in lists if state.get(name)}
    fresh |= {name: None for name in {*saved, "answer"} - lists if state.get(name) is not None}
    fresh |= initial(spec, {})
    arrived = _add_counts(
        {join: -count for join, count in state.get("arrived", {}).items()}, fresh.get("arrived", {})
    )
    return {**fresh, "arrived": arrived} if arrived else fresh


def initial(spec: WorkflowSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a run starts from."""
    state = {**inputs, "visits": dict.fromkeys(spec.nodes, 0)}
    counts = _Meetings(spec).change(START, ())
    return {**state, "arrived": counts} if counts else state


def _node(
    spec: WorkflowSpec,
    name: str,
    node: NodeSpec,
    meetings: _Meetings,
    host: Host | None,
    last: str,
) -> Any:
    from langgraph.runtime import Runtime
    from langgraph.types import Command

    work = work_of(node)
    edges = spec.edges[name]
    lists = appended(spec)
    appends = frozenset(n for n, append in saves_of(node) if append)
    does = node.does
    meets = name in meetings.joins

    async def run_node(state: dict[str, Any], runtime: Runtime[RunContext]) -> Any:
        run = await _run_of(state, runtime.context, host)
        if not isinstance(run, RunContext):
            return run
        with run.visiting():
            return await visited(run, written(run, state, host))

    async def visited(run: RunContext, state: dict[str, Any]) -> Any:
        update: dict[str, Any] = {}
        if meets and state.get("arrived", {}).get(name, 0) < 0:
            return Command(goto=())
        visits = state.get("visits") or dict.fromkeys(spec.nodes, 0)
        visit = visits.get(name, 0) + 1
        visits = {**visits, name: visit}
        scope = run.scope({**state, "visits": visits})
        emit = run.emit
        if emit is not None:
            emit(NodeStarted(node=run.at(name), visit=visit, does=does))
        try:
            wrote = await work(run, scope, visit)
        except BaseException as error:
            if host is None:
                raise
            await host.end(state, error)
            if not isinstance(error, BudgetSpent):
                raise
            return Command(goto=last)
        said = {f"{key}+" if key in appends else key: value for key, value in wrote.items()}
        for key, value in wrote.items():
            if key in appends:
                run.state[key] = [*run.state.get(key, ()), *value]
                scope[key] = [*scope.get(key, ()), *value]
            else:
                run.state[key] = scope[key] = value
                if key in lists:
                    update[key] = {REPLACE: value}
        run.state["visits"] = {**run.state.get("visits", visits), name: visit}
        to = await run.think(lambda: _after(edges, scope))
        if emit is not None:
            emit(NodeFinished(node=run.at(name), visit=visit, wrote=said, to=tuple(map(run.at, to))))
        counts = meetings.change(name, to)
        if counts:
            update["arrived"] = counts
        goto = tuple(last if t == END else t for t in to)
        return Command(update={**wrote, **update, "visits": {name: visit}}, goto=goto)

    run_node.__name__ = name
    return run_node
