"""Branches that run side by side and disturb each other's names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ..analysis import branch, following, saves
from ..draft import Draft
from ..sites import Sites
from ..spec import END, Fork, SetNode, Span


def check(draft: Draft, sites: Sites) -> None:
    """Note names that two branches write, and names that one reads while another writes them."""
    if draft.vague:
        return
    graph = following(draft.spec)
    for fork in draft.spec.edges.values():
        if isinstance(fork, Fork):
            branches = [branch(graph, first, fork.join) for first in fork.to]
            for one, two in combinations(branches, 2):
                if not one & two:
                    _both_write(draft, one, two)
                    _one_reads(draft, sites, one, two)
                    _one_reads(draft, sites, two, one)


def _writes(draft: Draft, nodes: set[str]) -> Iterator[tuple[str, bool, str]]:
    for name, node in draft.spec.nodes.items():
        if name in nodes:
            for saved, append in saves(node):
                yield saved, append, name


def save_span(draft: Draft, node: str, saved: str, append: bool) -> Span | None:
    """Where a node says that it saves a name."""
    if isinstance(draft.spec.nodes[node], SetNode):
        return draft.key("nodes", node, "set", f"{saved}+" if append else saved)
    return draft.span("nodes", node, "save")


def _both_write(draft: Draft, one: set[str], two: set[str]) -> None:
    first = {name: (append, node) for name, append, node in _writes(draft, one)}
    for name, append, node in _writes(draft, two):
        if name in first and not (append and first[name][0]):
            draft.problems.error(
                "race",
                save_span(draft, node, name, append),
                f"nodes {first[name][1]!r} and {node!r} run side by side and both write {name!r}",
                f"append with `{name}+`, or save under two names",
            )


def _one_reads(draft: Draft, sites: Sites, readers: set[str], writers: set[str]) -> None:
    from ..sites import place

    written = {name: node for name, _, node in _writes(draft, writers)}
    own = {name for name, _, _ in _writes(draft, readers)}
    for site in sites.all:
        if site.node not in readers:
            continue
        for name in sorted(site.expression.names - site.bound.keys() - own):
            if name in written:
                draft.problems.error(
                    "race",
                    place(draft, site),
                    f"node {site.node!r} reads {name!r} while {written[name]!r} writes it side by side",
                    f"read it where the branches have met{_join(draft, site.node)}",
                )


def _join(draft: Draft, node: str) -> str:
    graph = following(draft.spec)
    for fork in draft.spec.edges.values():
        if not isinstance(fork, Fork) or fork.join == END:
            continue
        if any(node in branch(graph, first, fork.join) for first in fork.to):
            return f" (at {fork.join!r})"
    return ""
