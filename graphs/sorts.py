"""What an expression's value will be, as far as the file tells: records, lists of them, numbers, texts."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Union, get_args, get_origin

from rebut.errors import suggest
from rebut.records import Candidates, Critique, Label, Record, Sample, Score, Verdict, Vote

from .expressions.values import readable


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of value: any, record, many (a list), mapped (by name), number, text, flag or none."""

    what: str
    record: type[Record] | None = None
    of: Sort | None = None

    def __str__(self) -> str:
        if self.record is not None:
            return self.record.__name__
        if self.of is not None and self.of.what != "any":
            return f"{'list' if self.what == 'many' else 'mapping'} of {self.of}"
        return {"many": "list", "mapped": "mapping", "any": "value"}.get(self.what, self.what)


ANY, NUMBER, TEXT, FLAG, NONE = (Sort(what) for what in ("any", "number", "text", "flag", "none"))
RETURNED: Mapping[str, type[Record]] = {
    "text": Sample,
    "sample": Sample,
    "verdict": Verdict,
    "critique": Critique,
    "score": Score,
    "step_scores": Score,
    "candidates": Candidates,
    "label": Label,
}


def record(kind: type[Record]) -> Sort:
    """The sort of a record."""
    return Sort("record", record=kind)


def many(of: Sort) -> Sort:
    """The sort of a list."""
    return Sort("many", of=of)


def joined(*sorts: Sort) -> Sort:
    """One sort for values that are of one of several; None counts for nothing."""
    some = {sort for sort in sorts if sort is not NONE}
    return some.pop() if len(some) == 1 else ANY if some else NONE


def sort_of(value: Any) -> Sort:
    """The sort of a literal."""
    if isinstance(value, bool):
        return FLAG
    if isinstance(value, int | float):
        return NUMBER
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list | tuple):
        return many(joined(*map(sort_of, value)) if value else ANY)
    return NONE if value is None else ANY


def annotated(annotation: Any) -> Sort:
    """The sort of a record's field."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return joined(*(annotated(arg) for arg in args))
    if origin in (tuple, list):
        return many(annotated(args[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Sort("mapped", of=annotated(args[1]))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return record(annotation)
    simple = {bool: FLAG, int: NUMBER, float: NUMBER, str: TEXT, type(None): NONE}
    return simple.get(annotation, ANY)


Report = Callable[[ast.expr, str, str], None]
"""Told a node of the tree, what is wrong with it, and a note."""

_SAME = frozenset({"compact", "sorted", "top", "unique", "others", "without", "seen_by"})
_RESULTS: Mapping[str, Sort] = {
    **dict.fromkeys(("len", "sum", "mean", "prod", "abs", "round", "sqrt", "exp", "log", "sigmoid"), NUMBER),
    **dict.fromkeys(("clamp", "zscore", "entropy", "confidence", "aggregate", "certainty"), NUMBER),
    **dict.fromkeys(("any", "all", "settled", "stated", "same"), FLAG),
    **dict.fromkeys(("majority", "str", "lower", "join", "both_orders", "unanswered"), TEXT),
    **dict.fromkeys(("masked", "unused_letter"), TEXT),
    "numerals": many(TEXT),
    **dict.fromkeys(("range", "zscores", "calibration"), many(NUMBER)),
    "vote": record(Vote),
    "checked_quotes": TEXT,
    "after": TEXT,
    "verified_quotes": many(TEXT),
}


class Inference:
    """Infers sorts within one expression, and reports fields that do not exist."""

    def __init__(self, env: Mapping[str, Sort], report: Report = lambda node, message, note: None) -> None:
        self._env = dict(env)
        self._report = report

    def of(self, node: ast.expr) -> Sort:
        """The sort of a node; walks through all that is below it."""
        build = getattr(self, f"_{type(node).__name__.lower()}", None)
        if build is not None:
            sort: Sort = build(node)
            return sort
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.of(child)
        return ANY

    def _name(self, node: ast.Name) -> Sort:
        return self._env.get(node.id, ANY)

    def _constant(self, node: ast.Constant) -> Sort:
        return sort_of(node.value)

    def _attribute(self, node: ast.Attribute) -> Sort:
        return self._field(self.of(node.value), node)

    def _field(self, sort: Sort, node: ast.Attribute) -> Sort:
        if sort.what == "many" and sort.of is not None:
            return many(self._field(sort.of, node))
        if sort.record is not None:
            return self._record_field(sort.record, node)
        if sort.what == "mapped" and sort.of is not None:
            return sort.of
        if sort in (NUMBER, TEXT, FLAG):
            self._report(node, f"a {sort} has no fields, so no {node.attr!r}", "")
        return ANY

    def _record_field(self, kind: type[Record], node: ast.Attribute) -> Sort:
        names = sorted(readable(kind))
        if node.attr not in names:
            hint = suggest(node.attr, names).strip(" ()")
            self._report(node, f"{kind.__name__} has no field {node.attr!r}", hint)
            return ANY
        field = kind.model_fields.get(node.attr)
        return annotated(field.annotation) if field else ANY

    def _subscript(self, node: ast.Subscript) -> Sort:
        sort = self.of(node.value)
        self.of(node.slice)
        if isinstance(node.slice, ast.Slice):
            return sort
        return sort.of if sort.of is not None else TEXT if sort == TEXT else ANY

    def _binop(self, node: ast.BinOp) -> Sort:
        left, right = self.of(node.left), self.of(node.right)
        if left.what == "many" and right.what == "many":
            return many(joined(left.of or ANY, right.of or ANY))
        return left if left == right and left in (NUMBER, TEXT) else ANY

    def _boolop(self, node: ast.BoolOp) -> Sort:
        return joined(*[self.of(value) for value in node.values])

    def _compare(self, node: ast.Compare) -> Sort:
        for part in (node.left, *node.comparators):
            self.of(part)
        return FLAG

    def _ifexp(self, node: ast.IfExp) -> Sort:
        self.of(node.test)
        return joined(self.of(node.body), self.of(node.orelse))

    def _list(self, node: ast.List | ast.Tuple) -> Sort:
        items = [self.of(item) for item in node.elts]
        return many(joined(*items) if items else ANY)

    _tuple = _list

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> Sort:
        before = dict(self._env)
        for generator in node.generators:
            source = self.of(generator.iter)
            self._bind(generator.target, source.of if source.what == "many" and source.of else ANY)
            for test in generator.ifs:
                self.of(test)
        sort = many(self.of(node.elt))
        self._env = before
        return sort

    _generatorexp = _listcomp

    def _bind(self, target: ast.expr, sort: Sort) -> None:
        if isinstance(target, ast.Name):
            self._env[target.id] = sort
        elif isinstance(target, ast.Tuple):
            for name in target.elts:
                self._bind(name, ANY)

    def _call(self, node: ast.Call) -> Sort:
        args = [self.of(arg) for arg in node.args]
        for keyword in node.keywords:
            self.of(keyword.value)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        first = args[0] if args else ANY
        if name in _SAME:
            return first
        if name in ("first", "last"):
            return first.of if first.what == "many" and first.of is not None else ANY
        return _RESULTS.get(name, ANY)


def appended(sort: Sort) -> Sort:
    """The sort of a list to which values of a sort are appended (the items of a list are)."""
    if sort is ANY:
        return many(ANY)
    return replace(sort) if sort.what == "many" else many(sort)
