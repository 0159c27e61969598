"""Conditions as far as the parameters alone decide them: which edges of a graph can be taken at all."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from rebut.errors import RebutError

from .expressions import Expression, parse
from .spec import EdgeSpec, Fork, WorkflowSpec

_CONSTANT = frozenset({"params", "kind"})


def known(expression: Expression, scope: Mapping[str, Any]) -> Any | None:
    """The expression's value when parameters alone give it, else None."""
    if not expression.names <= _CONSTANT:
        return None
    try:
        return expression(dict(scope))
    except RebutError:
        return None


def decided(expression: Expression, scope: Mapping[str, Any]) -> bool | None:
    """Whether a condition always (True) or never (False) holds under these parameters; None if it depends."""
    return _decided(ast.parse(expression.source.strip(), mode="eval").body, scope)


def _decided(node: ast.expr, scope: Mapping[str, Any]) -> bool | None:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [_decided(value, scope) for value in values]
            return False if False in parts else True if all(parts) else None
        case ast.BoolOp(op=ast.Or(), values=values):
            parts = [_decided(value, scope) for value in values]
            return True if True in parts else False if all(part is False for part in parts) else None
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            part = _decided(operand, scope)
            return None if part is None else not part
        case _:
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if not names <= _CONSTANT:
                return None
            value = known(parse(ast.unparse(node)), scope)
            return None if value is None else bool(value)


def live_edges(
    spec: WorkflowSpec, scope: Mapping[str, Any]
) -> dict[str, tuple[tuple[int, EdgeSpec], ...] | Fork]:
    """The edges that can be taken under these parameters, each with its place in its node's list."""
    live: dict[str, tuple[tuple[int, EdgeSpec], ...] | Fork] = {}
    for source, edges in spec.edges.items():
        if isinstance(edges, Fork):
            live[source] = edges
            continue
        kept: list[tuple[int, EdgeSpec]] = []
        for place, edge in enumerate(edges):
            holds = True if edge.when is None else decided(edge.when, scope)
            if holds is not False:
                kept.append((place, edge))
            if holds:
                break
        live[source] = tuple(kept)
    return live
