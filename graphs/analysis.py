"""Analyses of a workflow's graph: ways, joins of forks, bounds of loops, what is surely written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .guards import Bound, World, bounds, live, worlds
from .spec import END, START, EdgeSpec, Fork, NodeSpec, SetNode, WorkflowSpec

Next = Mapping[str, tuple[str, ...]]
"""For each node (and ``start``) the nodes that may come next, each once."""

EdgeKey = tuple[str, int]
"""An edge: its source, and its place in the source's list."""


def saves(node: NodeSpec) -> tuple[tuple[str, bool], ...]:
    """The names that a node writes, and whether it appends."""
    if isinstance(node, SetNode):
        return tuple((save.name, save.append) for save, _ in node.values)
    return ((node.save.name, node.save.append),) if node.save else ()


def following(spec: WorkflowSpec, world: World | None = None) -> dict[str, tuple[str, ...]]:
    """The graph of a workflow, or what is left of it in one world."""
    found: dict[str, tuple[str, ...]] = {}
    for source, edges in spec.edges.items():
        if isinstance(edges, Fork):
            targets: Iterable[str] = edges.to
        elif world is None:
            targets = (edge.to for edge in edges)
        else:
            targets = (edge.to for _, edge in live(edges, world))
        found[source] = tuple(dict.fromkeys(targets))
    return found


def reachable(graph: Next, start: str, *, without: str | None = None) -> set[str]:
    """The nodes that ways from `start` lead to (itself if one comes back), not going through `without`."""
    found: set[str] = set()
    todo = [start]
    while todo:
        for target in graph.get(todo.pop(), ()):
            if target != without and target not in found:
                found.add(target)
                todo.append(target)
    return found


def reaching(graph: Next, target: str) -> set[str]:
    """The nodes from which a way leads to `target`, which counts itself."""
    back: dict[str, list[str]] = {}
    for source, targets in graph.items():
        for to in targets:
            back.setdefault(to, []).append(source)
    return {target} | reachable({name: tuple(sources) for name, sources in back.items()}, target)


def way(
    graph: Next, start: str, to: str, allowed: Callable[[str], bool] = lambda name: True
) -> list[str] | None:
    """A shortest way from `start` to `to`, both included, over allowed nodes; None if there is none."""
    before: dict[str, str] = {}
    todo = deque([start])
    while todo:
        name = todo.popleft()
        for target in graph.get(name, ()):
            if target == to:
                return [*_back(before, start, name), to]
            if target not in before and target != start and allowed(target):
                before[target] = name
                todo.append(target)
    return None


def _back(before: Mapping[str, str], start: str, name: str) -> list[str]:
    path = [name]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]


# Forks


def join_of(graph: Next, fork: str) -> str | None:
    """The nearest node that every way from `fork` to the end passes; None when none leads to the end."""
    names = reaching(graph, END) & (reachable(graph, fork) | {fork, END})
    if fork not in names:
        return None
    after = {name: set(names) for name in names}
    after[END] = {END}
    changed = True
    while changed:
        changed = False
        for name in names - {END}:
            ahead = [after[target] for target in graph.get(name, ()) if target in names]
            new = {name} | (set.intersection(*ahead) if ahead else set())
            if new != after[name]:
                after[name], changed = new, True
    own = after[fork] - {fork}
    return max(own, key=lambda name: len(after[name])) if own else None


def branch(graph: Next, first: str, join: str) -> set[str]:
    """The nodes of a fork's branch: from `first` up to the join, which does not count."""
    return ({first} | reachable(graph, first, without=join)) - {join, END} if first != join else set()


# Loops


@dataclass(slots=True)
class Loops:
    """The loops of one world: which edges bound them, and the cycles that nothing bounds."""

    bounded: dict[EdgeKey, Bound] = field(default_factory=dict)
    on_cycle: set[EdgeKey] = field(default_factory=set)
    free: list[list[str]] = field(default_factory=list)


def loop_bounds(spec: WorkflowSpec) -> dict[EdgeKey, Bound]:
    """The edges without which the graph has no cycle, each with the bound that its condition implies.

    An edge counts when its condition (or the negation of an earlier one in its list) holds `visits.X`
    below an expression over parameters, and every cycle through it visits X.
    """
    found = [_loops(spec, world) for world in worlds(spec)]
    keys = {key: bound for loops in found for key, bound in loops.bounded.items()}
    return {
        key: bound
        for key, bound in keys.items()
        if all(key in loops.bounded or key not in loops.on_cycle for loops in found)
    }


def free_cycles(spec: WorkflowSpec) -> list[list[str]]:
    """Cycles that no condition on visits bounds, as lists of nodes; one of each knot of the graph."""
    unique: dict[frozenset[str], list[str]] = {}
    for world in worlds(spec):
        for cycle in _loops(spec, world).free:
            unique.setdefault(frozenset(cycle), cycle)
    return list(unique.values())


def _loops(spec: WorkflowSpec, world: World) -> Loops:
    edges = _edges(spec, world)
    loops = Loops()
    graph = _graph(edges)
    part = knots(graph)
    loops.on_cycle = {key for key, to in edges.items() if part[key[0]] == part[to]}
    while True:
        cyclic = {key: to for key, to in edges.items() if part[key[0]] == part[to]}
        within = _graph(cyclic)
        new = {key: bound for key, to in cyclic.items() if (bound := _bound(spec, within, key, to))}
        if not new:
            break
        loops.bounded |= new
        edges = {key: to for key, to in edges.items() if key not in new}
        part = knots(_graph(edges))
    loops.free = _cycles(_graph(cyclic))
    return loops


def knots(graph: Next) -> dict[str, int]:
    """The strongly connected part of each node, as a number (Tarjan's algorithm, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    part: dict[str, int] = {}
    stack: list[str] = []
    for root in [*graph, *(to for targets in graph.values() for to in targets)]:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        walk = [(root, iter(graph.get(root, ())))]
        while walk:
            name, targets = walk[-1]
            for to in targets:
                if to not in order:
                    order[to] = low[to] = len(order)
                    stack.append(to)
                    walk.append((to, iter(graph.get(to, ()))))
                    break
                if to not in part:
                    low[name] = min(low[name], order[to])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[name])
                if low[name] == order[name]:
                    _close(name, stack, part)
    return part


def _close(root: str, stack: list[str], part: dict[str, int]) -> None:
    number = len(part)
    while root not in part:
        name = stack.pop()
        part[name] = number


def _edges(spec: WorkflowSpec, world: World) -> dict[EdgeKey, str]:
    found: dict[EdgeKey, str] = {}
    for source, edges in spec.edges.items():
        if isinstance(edges, Fork):
            found |= {(source, place): to for place, to in enumerate(edges.to)}
        else:
            found |= {(source, place): edge.to for place, edge in live(edges, world)}
    return found


def _graph(edges: Mapping[EdgeKey, str]) -> dict[str, tuple[str, ...]]:
    graph: dict[str, tuple[str, ...]] = {}
    for (source, _), to in edges.items():
        graph[source] = (*graph.get(source, ()), to)
    return graph


def _meets(graph: Next, start: str, to: str, without: str | None = None) -> bool:
    return start != without and (start == to or to in reachable(graph, start, without=without))


def _bound(spec: WorkflowSpec, graph: Next, key: EdgeKey, to: str) -> Bound | None:
    """The bound of an edge on a cycle, if every cycle through it visits the bound's node."""
    source, place = key
    edges = spec.edges[source]
    if isinstance(edges, Fork) or not _meets(graph, to, source):
        return None
    for bound in bounds(edges, place):
        if bound.node == source or not _meets(graph, to, source, without=bound.node):
            return bound
    return None


def _cycles(graph: Next) -> list[list[str]]:
    """A shortest cycle in each strongly connected part; `graph` holds edges within the parts only."""
    part, found = knots(graph), dict[int, list[str]]()
    for name in graph:
        if part[name] not in found and (cycle := way(graph, name, name)):
            found[part[name]] = cycle[:-1]
    return list(found.values())


# Writes


@dataclass(slots=True)
class Written:
    """Names that are surely written in one world when a node begins (`before`), and when it ends (`after`).

    A node that cannot be reached in this world has no entry.
    """

    before: dict[str, frozenset[str]] = field(default_factory=dict)
    after: dict[str, frozenset[str]] = field(default_factory=dict)


def surely_written(spec: WorkflowSpec, world: World) -> Written:
    """What is written on every way, found by repeating until nothing changes.

    Where the branches of a fork meet, all of them have ended: what any of them surely writes is written.
    """
    graph = following(spec, world)
    sources = _sources(graph)
    own = {name: frozenset(n for n, _ in saves(node)) for name, node in spec.nodes.items()}
    forks = _forks_by_join(spec, graph)
    written = Written({START: frozenset(spec.inputs)}, {START: frozenset(spec.inputs)})
    todo = deque(graph.get(START, ()))
    while todo:
        name = todo.popleft()
        before = _meeting(sources[name], forks.get(name, ()), written.after)
        if before is None:
            continue
        known = written.before.get(name)
        if known is not None:
            before &= known  # what is written can only become less, so that this comes to an end
        if before == known:
            continue
        written.before[name] = before
        written.after[name] = before | own.get(name, frozenset())
        todo.extend(graph.get(name, ()))
    return written


def _sources(graph: Next) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for source, targets in graph.items():
        for to in targets:
            found.setdefault(to, set()).add(source)
    return found


def _forks_by_join(spec: WorkflowSpec, graph: Next) -> dict[str, list[list[set[str]]]]:
    """For each join the forks that end there, each as the sets of nodes of its branches."""
    found: dict[str, list[list[set[str]]]] = {}
    for source, edges in spec.edges.items():
        if isinstance(edges, Fork) and source in graph:
            found.setdefault(edges.join, []).append([branch(graph, first, edges.join) for first in edges.to])
    return found


def _meeting(
    sources: set[str], forks: Iterable[list[set[str]]], after: Mapping[str, frozenset[str]]
) -> frozenset[str] | None:
    """What is written when a node begins; None as long as no way to it is known."""
    sources = {source for source in sources if source in after}
    ways: list[frozenset[str]] = []
    for branches in forks:
        ends = [[after[s] for s in sorted(sources & nodes)] for nodes in branches]
        sources -= set().union(*branches)
        if all(ends):
            ways.append(frozenset().union(*(frozenset.intersection(*end) for end in ends)))
    ways += [after[source] for source in sources]
    return frozenset.intersection(*ways) if ways else None


def first_edge(spec: WorkflowSpec, source: str, to: str) -> EdgeSpec | None:
    """The first conditional edge from `source` to `to`."""
    edges = spec.edges.get(source, ())
    return None if isinstance(edges, Fork) else next((edge for edge in edges if edge.to == to), None)
