"""Nodes that no way leads to, and nodes from which none leads to the end."""

from __future__ import annotations

from ..analysis import following, reachable, reaching
from ..draft import Draft
from ..sites import Sites
from ..spec import END, START


def check(draft: Draft, sites: Sites) -> None:
    """Note unreachable nodes and dead ends; says nothing when some edge could not be read."""
    if draft.vague:
        return
    graph = following(draft.spec)
    reached, ending = reachable(graph, START), reaching(graph, END)
    for name, node in draft.spec.nodes.items():
        if name not in reached:
            draft.problems.error(
                "unreachable", node.span, f"node {name!r} is never reached", "no way leads to it from `start`"
            )
    dead = reached - ending
    entered = [
        name for name in dead if any(name in to and source not in dead for source, to in graph.items())
    ]
    for name in entered:
        ahead = sorted(reachable(graph, name))
        draft.problems.error(
            "no-end",
            draft.spec.nodes[name].span,
            f"no way leads from node {name!r} to the end",
            f"it leads to {', '.join(ahead)} only; add an edge to `end`",
        )
