"""Forks whose branches do not meet, touch each other on the way, or are entered from elsewhere."""

from __future__ import annotations

from ..analysis import branch, following, join_of
from ..draft import Draft
from ..sites import Sites
from ..spec import END, Fork


def check(draft: Draft, sites: Sites) -> None:
    """Note what is wrong with the forks of a workflow."""
    if draft.vague:
        return
    graph = following(draft.spec)
    joins: dict[str, str] = {}
    for source, fork in draft.spec.edges.items():
        if isinstance(fork, Fork) and join_of(graph, source) is not None:
            _check(draft, graph, source, fork)
            other = joins.setdefault(fork.join, source)
            if other != source and fork.join != END:
                draft.problems.error(
                    "fork",
                    draft.key("edges", source),
                    f"the forks after {other!r} and {source!r} both meet at {fork.join!r}",
                    "let one of them meet at a node of its own, such as a `set`",
                )


def _check(draft: Draft, graph: dict[str, tuple[str, ...]], source: str, fork: Fork) -> None:
    branches = {first: branch(graph, first, fork.join) for first in fork.to}
    back = [first for first in fork.to if source in branches[first]]
    for first in back:
        span = draft.span("edges", source, fork.to.index(first))
        message = f"the branch {first!r} leads back to {source!r}, where the fork begins"
        draft.problems.error("fork", span, message, f"loops go on after the branches meet (at {fork.join!r})")
    if not back:
        _shared(draft, source, fork, branches)
        _entered(draft, graph, source, branches)


def _shared(draft: Draft, source: str, fork: Fork, branches: dict[str, set[str]]) -> None:
    for index, first in enumerate(fork.to):
        span = draft.span("edges", source, index)
        if first == fork.join:
            message = f"{first!r} is a branch of the fork after {source!r}, and where its other branches meet"
            draft.problems.error("fork", span, message, "let every branch have a node of its own")
        for other in fork.to[:index]:
            if both := sorted(branches[first] & branches[other]):
                shared = f"share {', '.join(both)} before all meet at {fork.join!r}"
                message = f"the branches {other!r} and {first!r} {shared}"
                note = "branches of a fork meet at one node, and at no other; or put a fork within a branch"
                draft.problems.error("fork", span, message, note)


def _entered(
    draft: Draft, graph: dict[str, tuple[str, ...]], source: str, branches: dict[str, set[str]]
) -> None:
    inside = set().union(*branches.values())
    for outside, targets in graph.items():
        if outside == source or outside in inside:
            continue
        for target in targets:
            if target in inside:
                draft.problems.error(
                    "fork",
                    draft.key("edges", outside),
                    f"{outside!r} leads into a branch of the fork after {source!r}, at {target!r}",
                    "a branch is entered by its fork only",
                )
