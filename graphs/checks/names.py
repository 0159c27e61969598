"""Names in expressions that stand for nothing there."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rebut.errors import suggest

from ..draft import Draft
from ..expressions import FUNCTIONS
from ..expressions.names import free_paths
from ..sites import Site, Sites, place
from ..sorts import Sort
from ..spec import AskNode, CallNode


def check(draft: Draft, sites: Sites) -> None:
    """Note unknown names, parameters and nodes in every expression."""
    for site in sites.all:
        env = sites.env(site)
        seen: set[tuple[str, ...]] = set()
        for path, node in free_paths(site.expression.tree):
            if path[:2] not in seen:
                seen.add(path[:2])
                before = len(draft.problems.found)
                _check(draft, site, path, node, env)
                if site.when == "after" and len(draft.problems.found) > before:
                    draft.unclear.add(site.node)


def _check(draft: Draft, site: Site, path: Sequence[str], node: ast.expr, env: dict[str, Sort]) -> None:
    root = _root(node)
    if path[0] not in env:
        note = _note(draft, site, path[0], env)
        draft.problems.error("unknown-name", place(draft, site, root), f"unknown name: {path[0]!r}", note)
    elif path[0] == "params" and len(path) > 1 and path[1] not in draft.spec.params:
        hint = suggest(path[1], list(draft.spec.params)) or "declare it under `params`"
        draft.problems.error(
            "unknown-param", place(draft, site, node), f"unknown parameter: {path[1]!r}", hint
        )
    elif path[0] == "visits" and len(path) > 1 and path[1] not in draft.spec.nodes:
        hint = suggest(path[1], list(draft.spec.nodes))
        draft.problems.error("unknown-node", place(draft, site, node), f"unknown node: {path[1]!r}", hint)


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _note(draft: Draft, site: Site, name: str, env: dict[str, Sort]) -> str:
    spec = draft.spec
    if site.when == "settings" and name not in spec.params:
        return "agents and the budget are set before the run: params and kind are known here"
    if name in spec.params:
        return f"write: params.{name}"
    if name in FUNCTIONS:
        return f"it is a function: {FUNCTIONS[name].usage}"
    for node in spec.nodes.values():
        if isinstance(node, AskNode | CallNode) and name in (node.for_each or {}):
            return f"it is bound within node {node.name!r} only"
    if name in spec.nodes:
        return f"a node has no value; what it saves has, and visits.{name} counts its visits"
    return suggest(name, sorted(env))
