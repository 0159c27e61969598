"""From text to a syntax tree that holds nothing but what the expression language allows."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings

from rebut.errors import suggest

from .closures import BINARY, BUILDERS, COMPARE, UNARY
from .faults import ExpressionInvalid
from .registry import FUNCTIONS

LONGEST = 2_000
DEEPEST = 50

WORDS = {"true": "True", "false": "False", "null": "None", "none": "None"}
HINTS = {"&&": "and", "||": "or", "!": "not", "?": "a if condition else b"}
WHAT: dict[type[ast.expr], str] = {
    ast.Lambda: "lambda",
    ast.NamedExpr: "assignment (:=)",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.JoinedStr: "f-string (use + or join)",
    ast.FormattedValue: "f-string (use + or join)",
    ast.Starred: "unpacking (*)",
    ast.Set: "set display (use a list)",
    ast.SetComp: "set comprehension (use a list)",
    ast.DictComp: "mapping comprehension (use a list)",
}


def read(source: str) -> ast.expr:
    """The tree of `source`, white-listed throughout.

    Raises:
        ExpressionInvalid: it cannot be read, or holds what is not allowed.
    """
    if len(source) > LONGEST:
        raise ExpressionInvalid(f"too long: {len(source)} characters (limit: {LONGEST})", source, LONGEST)
    line, shift = flat(source)
    if not line:
        raise ExpressionInvalid("empty expression", source)
    tree = _parse(line, source, shift)
    Reader(line, source, shift).check(tree)
    return tree


def flat(source: str) -> tuple[str, int]:
    """`source` on one line without its edges, and how many characters were cut in front."""
    text = "".join(" " if c in "\n\r\t\f\v" else c for c in source).rstrip()
    line = text.lstrip()
    return line, len(text) - len(line)


def _parse(line: str, source: str, shift: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(line, mode="eval").body
    except SyntaxError as error:
        start, end = (error.offset or 1) - 1 + shift, (error.end_offset or 0) - 1 + shift
        raise ExpressionInvalid(_reason(error, line), source, start, end if end > start else None) from None
    except (ValueError, RecursionError, MemoryError, OverflowError, Warning) as error:
        raise ExpressionInvalid(f"cannot be read: {str(error) or 'nested too deeply'}", source) from None
    if "#" in line and _has_comment(line):
        raise ExpressionInvalid("comment (#) within an expression", source, source.index("#"))
    return tree


def _reason(error: SyntaxError, line: str) -> str:
    place = (error.offset or 1) - 1
    near = line[max(place - 1, 0) : place + 2]
    for sign, word in HINTS.items():
        if sign in near:
            return f"not an expression: {sign!r} (write: {word})"
    if line[place : place + 1] == "=" or "Maybe you meant '=='" in error.msg:
        return "not an expression: '=' does not compare (write: ==)"
    message = error.msg.split(". Perhaps")[0].split(". Maybe")[0]
    return f"not an expression: {message[:1].lower()}{message[1:]}"


def _has_comment(line: str) -> bool:
    tokens = tokenize.generate_tokens(io.StringIO(line).readline)
    return any(token.type == tokenize.COMMENT for token in tokens)


class Reader:
    """Checks a tree against the white list, and tells where in the source a node stands."""

    def __init__(self, line: str, source: str, shift: int) -> None:
        self.line, self.source, self.shift = line, source, shift
        self.bytes = line.encode()

    def place(self, node: ast.expr) -> tuple[int, int]:
        """Where `node` stands in the source: characters from 0, the end exclusive."""
        end = node.end_col_offset if node.end_col_offset is not None else len(self.bytes)
        return self._character(node.col_offset), self._character(end)

    def _character(self, column: int) -> int:
        return len(self.bytes[:column].decode(errors="replace")) + self.shift

    def refuse(self, reason: str, node: ast.expr) -> ExpressionInvalid:
        """The error for `node`."""
        return ExpressionInvalid(reason, self.source, *self.place(node))

    def check(self, tree: ast.expr) -> None:
        """Walk through the tree without recursion and refuse the first node that is not allowed."""
        todo: list[tuple[ast.expr, int]] = [(tree, 1)]
        while todo:
            node, depth = todo.pop()
            if depth > DEEPEST:
                raise self.refuse(f"nested more than {DEEPEST} deep", node)
            self._check(node)
            todo.extend((child, depth + 1) for child in reversed(_children(node)))

    def _check(self, node: ast.expr) -> None:
        if type(node) not in BUILDERS:
            raise self.refuse(f"not allowed here: {WHAT.get(type(node), type(node).__name__.lower())}", node)
        check = getattr(self, f"_{type(node).__name__.lower()}", None)
        if check:
            check(node)

    def _constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str | int | float | bool | None):
            raise self.refuse(f"not allowed here: {type(node.value).__name__} literal", node)

    def _name(self, node: ast.Name) -> None:
        if node.id.startswith("_"):
            raise self.refuse(f"private name: {node.id!r}", node)
        if node.id in WORDS:
            raise self.refuse(f"unknown name {node.id!r} (write: {WORDS[node.id]})", node)

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("_"):
            _, end = self.place(node)
            start = end - len(node.attr)
            raise ExpressionInvalid(f"private name: {node.attr!r}", self.source, start, end)

    def _binop(self, node: ast.BinOp) -> None:
        if type(node.op) not in BINARY:
            raise self.refuse(f"operator not allowed: {type(node.op).__name__.lower()}", node)

    def _unaryop(self, node: ast.UnaryOp) -> None:
        if type(node.op) not in UNARY:
            raise self.refuse("operator not allowed: ~", node)

    def _compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
            if type(op) not in COMPARE:
                raise self.refuse("comparison not allowed", node)
            if isinstance(op, ast.Is | ast.IsNot) and not (_singleton(left) or _singleton(right)):
                raise self.refuse("`is` compares with None, True or False only (write: ==)", node)

    def _dict(self, node: ast.Dict) -> None:
        if any(key is None for key in node.keys):
            raise self.refuse("not allowed here: unpacking (**)", node)

    def _call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name):
            raise self.refuse(
                "only functions of the expression language can be called, no methods", node.func
            )
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            raise self.refuse(f"unknown function {name!r}{suggest(name, sorted(FUNCTIONS))}", node.func)
        if any(keyword.arg is None for keyword in node.keywords):
            raise self.refuse("not allowed here: unpacking (**)", node)
        if any(isinstance(arg, ast.Starred) for arg in node.args):
            raise self.refuse("not allowed here: unpacking (*)", node)
        misfit = function.misfit(len(node.args), tuple(k.arg for k in node.keywords if k.arg))
        if misfit:
            raise self.refuse(f"{name}: {misfit}", node)

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        for generator in node.generators:
            target = generator.target
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            if generator.is_async or not all(isinstance(name, ast.Name) for name in names):
                raise self.refuse("a comprehension binds plain names only", target)

    _generatorexp = _listcomp


def _singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _children(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        loops = [[g.target, g.iter, *g.ifs] for g in node.generators]
        return [node.elt, *(part for loop in loops for part in loop)]
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
