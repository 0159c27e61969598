"""How many items a name's list can hold at most, found without running anything.

Each expression has a bound in terms of the names that it reads. Every write of a node happens at most as
often as the node is visited, so repeating all writes that often from empty lists gives a bound for each.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from .expressions import Expression, parse
from .partial import known
from .spec import AskNode, CallNode, SampleNode, Save, ScoreNode, SetNode, Value, WorkflowSpec

Sizes = dict[str, int | None]
"""Bound of the items of each name that is written; None is no bound known. What is no list counts as 1.

What results of calls keep as `x` stands under ``kept x``, their answer under ``kept answer``."""

Kept = Callable[[CallNode, Sizes], Mapping[str, int | None]]
"""Bounds of what a node's results hold, by such names, given those of the names that its inputs read."""

_SAME = {"compact", "sorted", "unique", "enumerate", "list", "round", "zscores", "flatten", "seen_by"}
_ROUNDS = 10_000
_MOST = 10**9
"""A list that may be longer counts as one without a bound."""


def number_of(value: Value, scope: Mapping[str, Any]) -> int | None:
    """A whole number that the parameters give, else None."""
    found = known(value, scope) if isinstance(value, Expression) else value
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def size_of(expression: Expression, sizes: Sizes, scope: Mapping[str, Any]) -> int | None:
    """A bound for the items of the list that an expression gives; 1 for what is no list."""
    return _size(ast.parse(expression.source.strip(), mode="eval").body, sizes, scope)


def _size(node: ast.expr, sizes: Sizes, scope: Mapping[str, Any]) -> int | None:
    again: Callable[[ast.expr], int | None] = lambda part: _size(part, sizes, scope)  # noqa: E731
    match node:
        case ast.Name(id=name):
            return sizes.get(name)
        case ast.Attribute(value=ast.Name(id="params")):
            return _length(node, scope)
        case ast.Attribute(value=ast.Attribute(value=called, attr="kept"), attr=name):
            return _product([again(called), sizes.get(f"kept {name}")])
        case ast.Attribute(value=value, attr="answer") if "kept answer" in sizes:
            return _product([again(value), sizes["kept answer"]])
        case ast.Attribute(value=value, attr=attr):
            return again(value) if attr in _SINGLE else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _sum([again(left), again(right)])
        case ast.IfExp(body=body, orelse=orelse):
            return _max([again(body), again(orelse)])
        case ast.BoolOp(values=values):
            return _max([again(value) for value in values])
        case ast.List(elts=elts) | ast.Tuple(elts=elts):
            return _sum([again(e.value) if isinstance(e, ast.Starred) else 1 for e in elts])
        case ast.ListComp(generators=generators) | ast.GeneratorExp(generators=generators):
            return _product([again(generator.iter) for generator in generators])
        case ast.Subscript(value=value, slice=ast.Slice() as part):
            return _sliced(again(value), part, scope)
        case ast.Call(func=ast.Name(id=name), args=args):
            return _called(node, name, args, again, scope)
        case ast.Constant() | ast.Compare() | ast.UnaryOp() | ast.Dict():
            return 1
        case _:
            return None


def _called(
    node: ast.expr,
    name: str,
    args: list[ast.expr],
    again: Callable[[ast.expr], int | None],
    scope: Mapping[str, Any],
) -> int | None:
    if name in _SAME and args:
        return None if name == "flatten" else again(args[0])
    if name == "others" and args:
        size = again(args[0])
        return None if size is None else max(size - 1, 0)
    if name == "zip":
        return _least([again(arg) for arg in args])
    if name == "top" and len(args) > 1:
        return _least([again(args[0]), _constant(args[1], scope)])
    if name == "range" and args:
        return _length(node, scope)
    return 1 if name in _ONE else None


_ONE = {
    "len", "min", "max", "sum", "any", "all", "abs", "first", "last", "mean", "prod", "sqrt", "exp", "log",
    "sigmoid", "clamp", "entropy", "confidence", "zscore", "aggregate", "str", "lower", "join", "majority",
    "vote", "settled", "certainty", "probability", "both_orders", "internal_consistency", "stated",
    "unanswered",
}  # fmt: skip


_SINGLE = {
    "text", "answer", "agent", "model", "index", "visit", "confidence", "certainty", "cut", "scores", "score",
    "call", "decided", "side", "reason", "accepted", "value", "raw", "mass", "probabilities", "winner",
    "share", "margin", "entropy", "best", "workflow", "stop_reason", "detail", "calls", "tokens",
}  # fmt: skip
"""Fields that hold one value in whichever record has them; any other may hold a list of unknown length."""


def _constant(node: ast.expr, scope: Mapping[str, Any]) -> int | None:
    return number_of(parse(ast.unparse(node)), scope)


def _sliced(size: int | None, part: ast.Slice, scope: Mapping[str, Any]) -> int | None:
    bounds: list[int | None] = [size]
    if part.upper is not None and part.lower is None:
        upper = _constant(part.upper, scope)
        bounds.append(upper if upper is None or upper >= 0 else None)
    if isinstance(part.lower, ast.UnaryOp) and isinstance(part.lower.operand, ast.Constant):
        bounds.append(int(part.lower.operand.value) if isinstance(part.lower.operand.value, int) else None)
    return _least(bounds)


def _length(node: ast.expr, scope: Mapping[str, Any]) -> int | None:
    """How many items a list has that the parameters give: 1 for what is no list, None where they do not."""
    value = known(parse(ast.unparse(node)), scope)
    return len(value) if isinstance(value, list | tuple) else 1 if value is not None else None


def _least(sizes: list[int | None]) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


def _max(sizes: list[int | None]) -> int | None:
    return None if None in sizes else max((size for size in sizes if size is not None), default=0)


def _sum(sizes: list[int | None]) -> int | None:
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _product(sizes: list[int | None]) -> int | None:
    total = 1
    for size in sizes:
        if size is None:
            return None
        total *= size
    return total


def bounds(
    spec: WorkflowSpec,
    scope: Mapping[str, Any],
    visits: Mapping[str, int],
    inputs: Sizes | None = None,
    kept: Kept | None = None,
) -> Sizes:
    """Bounds for all names that the workflow writes, given how often each node is visited at most, and those
    of its inputs, as far as they are known."""
    sizes: Sizes = {name: 0 for node in spec.nodes.values() for name in _written(node)}
    sizes |= inputs or {}
    for _ in range(min(sum(visits.values()) + 1, _ROUNDS)):
        before = dict(sizes)
        for node in spec.nodes.values():
            if visits.get(node.name, 0):
                _write(node, sizes, scope)
                if isinstance(node, CallNode) and kept is not None:
                    for name, size in kept(node, sizes).items():
                        _keep(sizes, Save(name), size)
        if sizes == before:
            return sizes
    return sizes if sum(visits.values()) < _ROUNDS else dict.fromkeys(sizes)


def _written(node: Any) -> list[str]:
    if isinstance(node, SetNode):
        return [save.name for save, _ in node.values]
    return [node.save.name] if node.save else []


def _write(node: Any, sizes: Sizes, scope: Mapping[str, Any]) -> None:
    if isinstance(node, SetNode):
        for save, expression in node.values:
            _keep(sizes, save, size_of(expression, sizes, scope))
    elif node.save:
        _keep(sizes, node.save, items_of(node, sizes, scope))


def _keep(sizes: Sizes, save: Save, size: int | None) -> None:
    old = sizes.get(save.name, 0)
    new = _sum([old, size]) if save.append else size
    most = _max([old, new])
    sizes[save.name] = None if most is None or most > _MOST else most


def items_of(node: Any, sizes: Sizes, scope: Mapping[str, Any]) -> int | None:
    """How many items a node works on, and gives, at most."""
    match node:
        case AskNode(for_each=None) | CallNode(for_each=None):
            return 1
        case AskNode() | CallNode():
            assert node.for_each is not None
            found = [size_of(e, sizes, scope) for e in node.for_each.values()]
            return _least([*found, number_of(node.at_most, scope)])
        case SampleNode():
            return number_of(node.n, scope)
        case ScoreNode():
            return _least([size_of(node.items, sizes, scope), number_of(node.at_most, scope)])
        case _:
            return 1
