"""Names that are read before they are written, on some way through the graph."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..analysis import Written, following, saves, surely_written, way
from ..draft import Draft
from ..expressions.names import free_paths
from ..guards import World, worlds
from ..sites import Site, Sites, place
from ..spec import END, START


def check(draft: Draft, sites: Sites) -> None:
    """Note each name that an expression reads although a way leads there that does not write it."""
    found: set[tuple[int, str]] = set()
    empty = lists(draft)
    for world, written in states(draft):
        for number, site in enumerate(sites.all):
            for name, node in _unwritten(sites, site, written, empty):
                if (number, name) not in found:
                    found.add((number, name))
                    _note(draft, world, site, name, node)


def states(draft: Draft) -> Iterator[tuple[World, Written]]:
    """What is surely written, in each world; nothing when some edge could not be read."""
    if not draft.vague:
        for world in worlds(draft.spec):
            yield world, surely_written(draft.spec, world)


def lists(draft: Draft) -> frozenset[str]:
    """Names that some node appends to: before that they are empty lists."""
    return frozenset(name for node in draft.spec.nodes.values() for name, append in saves(node) if append)


def _unwritten(
    sites: Sites, site: Site, written: Written, empty: frozenset[str]
) -> Iterator[tuple[str, ast.expr]]:
    available = _available(site, written)
    if available is None:
        return
    for path, node in free_paths(site.expression.tree) if site.expression.names & sites.saved.keys() else ():
        known = path[0] in available or path[0] in site.bound or path[0] in site.ready or path[0] in empty
        if path[0] in sites.saved and not known:
            yield path[0], node


def _available(site: Site, written: Written) -> frozenset[str] | None:
    if site.when == "before":
        return written.before.get(site.node)
    if site.when == "after":
        return written.after.get(site.node)
    return written.before.get(END) if site.when == "answer" else None


def _note(draft: Draft, world: World, site: Site, name: str, node: ast.expr) -> None:
    span = place(draft, site, node)
    goal = END if site.when == "answer" else site.node
    what = "the answer" if site.when == "answer" else f"node {goal!r}"
    message = f"{name!r} may not have been written when {what} reads it"
    if site.when == "after":
        message = f"{name!r} may not have been written when the edges of {goal!r} read it"
    draft.problems.error("unwritten", span, message, witness(draft, world, goal, name))


def witness(draft: Draft, world: World, goal: str, name: str) -> str:
    """A way to `goal` on which `name` is not written, and which nodes write it."""
    writers = [n for n, node in draft.spec.nodes.items() if any(saved == name for saved, _ in saves(node))]
    path = way(following(draft.spec, world), START, goal, lambda n: n not in writers)
    said = "written by " + ", ".join(repr(n) for n in writers)
    if path is None or goal == START:
        return said
    return f"{said}, but not on the way {' -> '.join(path)}"
