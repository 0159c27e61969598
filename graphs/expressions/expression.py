"""An expression: read once, evaluated often."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from rebut.errors import WorkflowError

from .closures import closure
from .faults import shortened
from .names import called, free_paths
from .syntax import Reader, flat, read
from .values import start


class Expression:
    """A checked expression of a workflow file; call it with a scope to get its value.

    Attributes:
        source: the text as written.
        tree: its syntax tree, for analyses; positions in it are of the text on one line (`place` translates).
        names: the free names that it reads; `paths` the same with the attributes behind them.
        calls: the functions that it calls.
    """

    __slots__ = ("_reader", "_run", "calls", "names", "paths", "source", "tree")

    def __init__(self, source: str) -> None:
        self.source = source
        self.tree: ast.expr = read(source)
        self._reader = Reader(*_flat_of(source))
        self._run = closure(self.tree)
        self.paths: tuple[tuple[str, ...], ...] = tuple(dict.fromkeys(p for p, _ in free_paths(self.tree)))
        self.names: frozenset[str] = frozenset(path[0] for path in self.paths)
        self.calls: frozenset[str] = called(self.tree)

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """The value in `scope`, which maps each name to what it stands for.

        Raises:
            WorkflowError: it has no value there; the text names the expression and the types it met.
        """
        start()
        try:
            return self._run(scope)
        except Exception as error:
            raise WorkflowError(self._explain(scope, error)) from error

    def _explain(self, scope: Mapping[str, Any], error: Exception) -> str:
        kinds = [f"{'.'.join(path)}: {_kind(path, scope)}" for path in self.paths]
        met = f" ({', '.join(kinds)})" if kinds else ""
        reason = str(error) or type(error).__name__
        return f"cannot evaluate {shortened(self.source)!r}: {shortened(reason)}{met}"

    def place(self, node: ast.expr) -> tuple[int, int]:
        """Where a node of `tree` stands in `source`: characters from 0, the end exclusive."""
        return self._reader.place(node)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __str__(self) -> str:
        return self.source

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> tuple[type[Expression], tuple[str]]:
        return Expression, (self.source,)


def parse(source: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionInvalid: it cannot be read or holds what is not allowed; carries the place.
    """
    return Expression(source)


def _flat_of(source: str) -> tuple[str, str, int]:
    line, shift = flat(source)
    return line, source, shift


def _kind(path: tuple[str, ...], scope: Mapping[str, Any]) -> str:
    from .values import attribute

    if path[0] not in scope:
        return "missing"
    value = scope[path[0]]
    try:
        for name in path[1:]:
            value = attribute(value, name)
    except Exception:
        return "missing"
    return "None" if value is None else type(value).__name__
