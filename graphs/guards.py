"""What the conditions of edges say before a run: bounds on visits, and which conditions exclude each other.

Parameters, inputs and `kind` do not change during a run. A *world* is one way in which all conditions over
them can turn out; an edge whose condition is false in a world, or stands behind one that is true, is not
live there. So a cycle that needs `params.first` to be two things at once is no cycle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from .expressions import Expression, parse
from .expressions.closures import closure
from .expressions.names import free_paths
from .spec import EdgeSpec, Fork, WorkflowSpec

MOST_WORLDS = 128


@dataclass(frozen=True, slots=True)
class Bound:
    """A condition `visits.node < bound` (or `<=` when not `strict`) that an edge needs to be taken."""

    node: str
    bound: Expression
    strict: bool


@dataclass(frozen=True, slots=True)
class World:
    """Parameters with finitely many values, and truth values of the other conditions that stay constant."""

    values: Mapping[str, Any]
    facts: Mapping[str, bool]
    constant: frozenset[str]

    def truth(self, node: ast.expr) -> bool | None:
        """Whether a condition holds in this world; None when that depends on the run."""
        if isinstance(node, ast.Constant):
            return bool(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(node.operand)
            return None if inner is None else not inner
        if isinstance(node, ast.BoolOp):
            return self._joined(node)
        if not _is_constant(node, self.constant):
            return None
        if _params_of(node) is not None and _params_of(node) <= self.values.keys():  # type: ignore[operator]
            return _evaluated(node, self.values)
        text, positive = canonical(node)
        found = self.facts.get(text)
        return None if found is None else found == positive

    def _joined(self, node: ast.BoolOp) -> bool | None:
        parts = [self.truth(value) for value in node.values]
        decisive = isinstance(node.op, ast.Or)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive


def _evaluated(node: ast.expr, values: Mapping[str, Any]) -> bool | None:
    try:
        return bool(closure(node)({"params": values}))
    except Exception:  # a condition that cannot be evaluated decides nothing here
        return None


def _is_constant(node: ast.expr, constant: frozenset[str]) -> bool:
    return all(path[0] in constant for path, _ in free_paths(node))


def _params_of(node: ast.expr) -> set[str] | None:
    """The parameters that a condition reads; None when it reads anything else."""
    paths = [path for path, _ in free_paths(node)]
    if any(path[0] != "params" or len(path) < 2 for path in paths):
        return None
    return {path[1] for path in paths}


_OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.NotEq: ast.Eq,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.NotIn: ast.In,
    ast.IsNot: ast.Is,
}


def canonical(node: ast.expr) -> tuple[str, bool]:
    """A condition as text, and whether it is that text or its opposite: ``a >= b`` is not ``a < b``."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPPOSITE:
        opposite = ast.Compare(node.left, [_OPPOSITE[type(node.ops[0])]()], node.comparators)
        return ast.unparse(opposite), False
    return ast.unparse(node), True


def _atoms(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _atoms(value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _atoms(node.operand)
    elif not isinstance(node, ast.Constant):
        yield node


def worlds(spec: WorkflowSpec) -> list[World]:
    """The worlds of a workflow; at most `MOST_WORLDS`, beyond that conditions are left open."""
    constant = frozenset({"params", "kind", *spec.inputs})
    atoms = [atom for when in _conditions(spec) for atom in _atoms(when.tree) if _is_constant(atom, constant)]
    domains: dict[str, Sequence[Any]] = {}
    facts: dict[str, None] = {}
    for atom in atoms:
        finite = {name: _domain(spec, name) for name in _params_of(atom) or ()}
        if finite and all(values is not None for values in finite.values()):
            domains |= {name: values for name, values in finite.items() if values is not None}
        else:
            facts[canonical(atom)[0]] = None
    axes = [[(name, value) for value in values] for name, values in domains.items()]
    return list(_combined(axes, list(facts), constant))


def _combined(
    axes: list[list[tuple[str, Any]]], facts: list[str], constant: frozenset[str]
) -> Iterator[World]:
    size = 1
    kept: list[list[tuple[str, Any]]] = []
    for axis in axes:
        if size * len(axis) <= MOST_WORLDS:
            size *= len(axis)
            kept.append(axis)
    while facts and size * 2 ** len(facts) > MOST_WORLDS:
        facts.pop()
    for values in product(*kept):
        for truths in product((True, False), repeat=len(facts)):
            yield World(dict(values), dict(zip(facts, truths, strict=True)), constant)


def _conditions(spec: WorkflowSpec) -> Iterator[Expression]:
    for edges in spec.edges.values():
        if not isinstance(edges, Fork):
            yield from (edge.when for edge in edges if edge.when is not None)


def _domain(spec: WorkflowSpec, name: str) -> Sequence[Any] | None:
    param = spec.params.get(name)
    if param is None:
        return None
    if param.choices:
        return param.choices
    return (True, False) if isinstance(param.default, bool) else None


def live(edges: Sequence[EdgeSpec], world: World) -> Iterator[tuple[int, EdgeSpec]]:
    """The edges of a list that can be taken in a world, with their places."""
    for place, edge in enumerate(edges):
        holds = True if edge.when is None else world.truth(edge.when.tree)
        if holds is not False:
            yield place, edge
        if holds is True:
            return


def bounds(edges: Sequence[EdgeSpec], place: int) -> list[Bound]:
    """The bounds that hold when the edge at `place` of its list is taken.

    Its own condition holds then, and those before it do not.
    """
    found: list[Bound] = []
    for earlier in edges[:place]:
        if earlier.when is not None:
            found += _bounds(earlier.when.tree, False)
    own = edges[place].when
    return found if own is None else [*_bounds(own.tree, True), *found]


def _bounds(node: ast.expr, holds: bool) -> list[Bound]:
    """The bounds that follow from a condition's being true (or false)."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _bounds(node.operand, not holds)
    if isinstance(node, ast.BoolOp):
        parts = [_bounds(value, holds) for value in node.values]
        if isinstance(node.op, ast.And) is holds:
            return [bound for part in parts for bound in part]
        return _common(parts)
    if isinstance(node, ast.Compare) and (holds or len(node.ops) == 1):
        return _compared(node, holds)
    return []


def _common(parts: list[list[Bound]]) -> list[Bound]:
    """Bounds that hold whichever part it is: the larger one, for nodes that all parts bound."""
    found: list[Bound] = []
    for first in parts[0]:
        same = [next((b for b in part if b.node == first.node), None) for part in parts]
        known = [bound for bound in same if bound is not None]
        if len(known) < len(parts):
            continue
        limits = ", ".join(dict.fromkeys(bound.bound.source for bound in known))
        source = f"max({limits})" if "," in limits else limits
        found.append(Bound(first.node, parse(source), all(bound.strict for bound in known)))
    return found


_MIRROR: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
}
_NEGATED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.NotEq: ast.Eq,
}


def _compared(node: ast.Compare, holds: bool) -> list[Bound]:
    operands = [node.left, *node.comparators]
    found: list[Bound] = []
    for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
        sign = type(op) if holds else _NEGATED.get(type(op))
        for a, s, b in ((left, sign, right), (right, _MIRROR.get(sign) if sign else None, left)):
            if s in (ast.Lt, ast.LtE, ast.Eq) and (bound := _bound(a, b, s is ast.Lt)):
                found.append(bound)
    return found


def _bound(counter: ast.expr, limit: ast.expr, strict: bool) -> Bound | None:
    if isinstance(counter, ast.BinOp) and isinstance(counter.op, ast.Add | ast.Sub):
        # visits.x + k < limit is visits.x < limit - k
        shift: ast.operator = ast.Sub() if isinstance(counter.op, ast.Add) else ast.Add()
        return _bound(counter.left, ast.BinOp(limit, shift, counter.right), strict)
    if not (isinstance(counter, ast.Attribute) and isinstance(counter.value, ast.Name)):
        return None
    if counter.value.id != "visits" or not _is_constant(limit, frozenset({"params"})):
        return None
    return Bound(counter.attr, parse(ast.unparse(limit)), strict)


def visits_compared(edges: Sequence[EdgeSpec]) -> bool:
    """Whether any condition of the list reads `visits` at all."""
    return any(edge.when is not None and "visits" in edge.when.names for edge in edges)
