"""From a checked syntax tree to nested closures: evaluation is function calls only, about 50 ns a node."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from . import values
from .faults import Fault
from .registry import FUNCTIONS

Scope = Mapping[str, Any]
Run = Callable[[Scope], Any]

BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: values.add,
    ast.Sub: values.subtract,
    ast.Mult: values.multiply,
    ast.Div: values.divide,
    ast.FloorDiv: values.floor_divide,
    ast.Mod: values.modulo,
    ast.Pow: values.power,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: values.negative,
    ast.UAdd: values.positive,
}
COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: values.contains(b, a),
    ast.NotIn: lambda a, b: not values.contains(b, a),
}


def closure(node: ast.expr) -> Run:
    """A function from a scope to the value of `node`, which `syntax.check` has let pass."""
    return BUILDERS[type(node)](node)


def _constant(node: ast.Constant) -> Run:
    value = node.value
    return lambda scope: value


def _name(node: ast.Name) -> Run:
    name = node.id

    def read(scope: Scope) -> Any:
        try:
            return scope[name]
        except KeyError:
            raise Fault(f"{name!r} has no value") from None

    return read


def _attribute(node: ast.Attribute) -> Run:
    name, attribute = node.attr, values.attribute
    if not isinstance(node.value, ast.Name):
        inner = closure(node.value)
        return lambda scope: attribute(inner(scope), name)
    root = node.value.id

    def read(scope: Scope) -> Any:
        try:
            value = scope[root]
        except KeyError:
            raise Fault(f"{root!r} has no value") from None
        return attribute(value, name)

    return read


def _subscript(node: ast.Subscript) -> Run:
    value, key, subscript = closure(node.value), closure(node.slice), values.subscript
    return lambda scope: subscript(value(scope), key(scope))


def _slice(node: ast.Slice) -> Run:
    lower, upper, step = (closure(part) if part else _nothing for part in (node.lower, node.upper, node.step))
    return lambda scope: slice(lower(scope), upper(scope), step(scope))


def _nothing(scope: Scope) -> None:
    return None


def _bool(node: ast.BoolOp) -> Run:
    parts = [closure(value) for value in node.values]
    run = parts.pop()
    join = _either if isinstance(node.op, ast.Or) else _both
    for part in reversed(parts):
        run = join(part, run)
    return run


def _either(left: Run, right: Run) -> Run:
    return lambda scope: left(scope) or right(scope)


def _both(left: Run, right: Run) -> Run:
    return lambda scope: left(scope) and right(scope)


def _binary(node: ast.BinOp) -> Run:
    left, right, apply = closure(node.left), closure(node.right), BINARY[type(node.op)]
    return lambda scope: apply(left(scope), right(scope))


def _unary(node: ast.UnaryOp) -> Run:
    operand, apply = closure(node.operand), UNARY[type(node.op)]
    return lambda scope: apply(operand(scope))


def _compare(node: ast.Compare) -> Run:
    left = closure(node.left)
    links = [
        (COMPARE[type(op)], closure(right)) for op, right in zip(node.ops, node.comparators, strict=True)
    ]
    if len(links) == 1:
        apply, right = links[0]
        return lambda scope: apply(left(scope), right(scope))

    def run(scope: Scope) -> Any:
        value, result = left(scope), True
        for apply, right in links:
            following = right(scope)
            result = apply(value, following)
            if not result:
                break
            value = following
        return result

    return run


def _choice(node: ast.IfExp) -> Run:
    test, then, other = closure(node.test), closure(node.body), closure(node.orelse)
    return lambda scope: then(scope) if test(scope) else other(scope)


def _list(node: ast.List) -> Run:
    parts = [closure(item) for item in node.elts]
    return lambda scope: [part(scope) for part in parts]


def _tuple(node: ast.Tuple) -> Run:
    parts = [closure(item) for item in node.elts]
    return lambda scope: tuple([part(scope) for part in parts])


def _dict(node: ast.Dict) -> Run:
    parts = [(closure(key), closure(value)) for key, value in zip(node.keys, node.values, strict=True) if key]
    return lambda scope: {key(scope): value(scope) for key, value in parts}


def _call(node: ast.Call) -> Run:
    assert isinstance(node.func, ast.Name)
    function = FUNCTIONS[node.func.id]
    apply = function.call
    args = [closure(arg) for arg in node.args]
    keywords = {k.arg: closure(k.value) for k in node.keywords if k.arg}
    if function.needs_scope:
        return lambda scope: apply(
            scope, *[a(scope) for a in args], **{k: v(scope) for k, v in keywords.items()}
        )
    if len(args) == 1 and not keywords:
        only = args[0]
        return lambda scope: apply(only(scope))
    return lambda scope: apply(*[a(scope) for a in args], **{k: v(scope) for k, v in keywords.items()})


def _comprehension(node: ast.ListComp | ast.GeneratorExp) -> Run:
    element = closure(node.elt)
    loops = [(_binder(g.target), closure(g.iter), [closure(c) for c in g.ifs]) for g in node.generators]

    def walk(scope: dict[str, Any], depth: int, found: list[Any]) -> None:
        if depth == len(loops):
            found.append(element(scope))
            return
        bind, source, tests = loops[depth]
        for item in values.items_of(source(scope)):
            values.charge(values.STEP)
            bind(scope, item)
            if all(test(scope) for test in tests):
                walk(scope, depth + 1, found)

    def run(scope: Scope) -> list[Any]:
        found: list[Any] = []
        values.charge(values.STEP)
        walk({**scope}, 0, found)
        return found

    return run


def _binder(target: ast.expr) -> Callable[[dict[str, Any], Any], None]:
    if isinstance(target, ast.Name):
        return lambda scope, item: scope.__setitem__(target.id, item)
    assert isinstance(target, ast.Tuple)
    names = [name.id for name in target.elts if isinstance(name, ast.Name)]

    def bind(scope: dict[str, Any], item: Any) -> None:
        if not isinstance(item, list | tuple) or len(item) != len(names):
            raise Fault(f"cannot take {len(names)} values ({', '.join(names)}) from one item")
        scope.update(zip(names, item, strict=True))

    return bind


BUILDERS: Mapping[type[ast.expr], Callable[[Any], Run]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.BoolOp: _bool,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.IfExp: _choice,
    ast.List: _list,
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.Call: _call,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
}
