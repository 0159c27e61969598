"""Loops that nothing bounds."""

from __future__ import annotations

from ..analysis import first_edge, following, free_cycles, reaching
from ..draft import Draft
from ..expressions.names import free_paths
from ..guards import visits_compared
from ..sites import Sites
from ..spec import END, Fork


def check(draft: Draft, sites: Sites) -> None:
    """Note each loop without an edge that a condition on `visits` closes after so many rounds."""
    if draft.vague:
        return
    ending = reaching(following(draft.spec), END)
    for cycle in free_cycles(draft.spec):
        # of a loop that never ends `reach` has told, of a condition with unknown names `names`
        if ending.intersection(cycle) and draft.unclear.isdisjoint(cycle):
            _unbounded(draft, cycle)


def _unbounded(draft: Draft, cycle: list[str]) -> None:
    order = list(draft.spec.nodes)
    start = min(range(len(cycle)), key=lambda i: order.index(cycle[i]))
    turned = [*cycle[start:], *cycle[:start]]
    last = turned[-1]
    edge = first_edge(draft.spec, last, turned[0])
    span = edge.span if edge else draft.key("edges", last)
    draft.problems.error(
        "loop", span, f"loop without a bound: {' -> '.join([*turned, turned[0]])}", _note(draft, turned)
    )


def _note(draft: Draft, cycle: list[str]) -> str:
    for name in cycle:
        edges = draft.spec.edges[name]
        if isinstance(edges, Fork) or not visits_compared(edges):
            continue
        names = {
            path[0] for edge in edges if edge.when is not None for path, _ in free_paths(edge.when.tree)
        } - {"params", "visits", "kind"}
        if names:
            said = ", ".join(sorted(names))
            return f"a bound holds visits below parameters or numbers, not below what a run finds ({said})"
        return (
            f"a bound counts a node of the loop, such as visits.{cycle[-1]}, and closes the edge in the end"
        )
    return f"add a condition on one edge of it, such as `when: visits.{cycle[-1]} < params.rounds`"
