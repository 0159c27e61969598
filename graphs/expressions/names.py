"""Which names, paths and functions an expression reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Path = tuple[str, ...]


def free_paths(node: ast.expr, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Path, ast.expr]]:
    """Each name that is read from the scope with the attributes behind it, in reading order."""
    path = _path(node)
    if path:
        if path[0] not in bound:
            yield path, node
    elif isinstance(node, ast.ListComp | ast.GeneratorExp):
        yield from _comprehension(node, bound)
    elif isinstance(node, ast.Call):
        for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
            yield from free_paths(part, bound)
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from free_paths(child, bound)


def _comprehension(
    node: ast.ListComp | ast.GeneratorExp, bound: frozenset[str]
) -> Iterator[tuple[Path, ast.expr]]:
    for generator in node.generators:
        yield from free_paths(generator.iter, bound)
        bound |= {name.id for name in ast.walk(generator.target) if isinstance(name, ast.Name)}
        for test in generator.ifs:
            yield from free_paths(test, bound)
    yield from free_paths(node.elt, bound)


def _path(node: ast.expr) -> Path:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        inner = _path(node.value)
        return (*inner, node.attr) if inner else ()
    return ()


def called(node: ast.expr) -> frozenset[str]:
    """The functions that are called anywhere in the expression."""
    return frozenset(
        n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    )
