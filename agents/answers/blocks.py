"""Code and JSON: found in a text, compared by what they mean."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

_FENCE = re.compile(r"^[ \t]{0,12}(`{3,}|~{3,})([^\n`]*)$", re.MULTILINE)
_NOT_CODE = {"output", "console", "stdout", "text", "txt", "result", "terminal"}
_LOOKS_LIKE_CODE = re.compile(
    r"^(?:from\s+\S+\s+import\s|import\s+\S|(?:async\s+)?def\s+\w+\(|class\s+\w+|@\w+|#include\b|package\s+\w|module\s+\w"
    r"|(?:pub\s+)?fn\s+\w+|func\s+\w+|function\s+\w+|(?:public|static|void|int|const|let|var)\s+\w)",
    re.MULTILINE,
)
_TOKEN = re.compile(
    r"(?P<string>\"(?:\\.|[^\"\\\n])*+\"|'(?:\\.|[^'\\\n])*+')"
    r"|(?P<comment>//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|(?<![^\s])\#(?!include|define|if|endif|pragma)[^\n]*)"
    r"|(?P<space>\s+)"
)
_OPEN = re.compile(r"[{\[]")
_INSIDE = re.compile(r"[{}\[\]\"]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_CITATION = re.compile(r"\[\s*\d*\s*\]")
_LARGEST = 100_000


def last_code(text: str) -> str | None:
    """The last finished fenced block that is no output; a text without fences if it is code itself."""
    blocks = list(_fenced(text))
    programs = [body for info, body in blocks if info not in _NOT_CODE] or [body for _, body in blocks]
    if programs:
        return programs[-1]
    if _FENCE.search(text):
        return None
    return text.strip("\n") if _LOOKS_LIKE_CODE.search(text) else None


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """Information word and body of each closed fence."""
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif fence[1].startswith(opening[1]) and not fence[2].strip():
            body = text[opening.end() + 1 : fence.start()].rstrip("\n")
            info = opening[2].split()
            if body.strip():
                yield (info[0].lower() if info else ""), body
            opening = None


def code_key(source: str) -> str:
    """The same string for programs that differ only in layout and comments: Python by its syntax tree."""
    tree = _python(source)
    return tree if tree is not None else "".join(_TOKEN.sub(_squeeze, source).strip())


def _python(source: str) -> str | None:
    if len(source) > _LARGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(source.strip("\n")))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _squeeze(m: re.Match[str]) -> str:
    return m[0] if m["string"] else " "


def last_json(text: str) -> str | None:
    """The last JSON object or array, as written; a citation like ``[1]`` only if there is no other."""
    cited = None
    spent = 0
    for start, end in _spans(text):
        spent += end - start
        if spent > 4 * len(text) + 1000:
            break
        span = text[start:end]
        if load(span) is None:
            continue
        if not _CITATION.fullmatch(span):
            return span
        cited = cited or span
    return cited


def _spans(text: str) -> list[tuple[int, int]]:
    """Balanced brackets, by their end from the last, the outer before the inner."""
    spans: list[tuple[int, int]] = []
    stack: list[int] = []
    place = 0
    while m := (_INSIDE if stack else _OPEN).search(text, place):
        place = m.end()
        if m[0] == '"':
            string = _STRING.match(text, m.start())
            if string is None:  # no later string can close either
                break
            place = string.end()
        elif m[0] in "{[":
            stack.append(m.start())
        elif text[stack[-1]] + m[0] in ("{}", "[]"):
            spans.append((stack.pop(), m.end()))
        else:
            stack = []
    return spans[::-1]


def load(text: str) -> Any:
    """The value of strict JSON text; None when it is not, or holds NaN, infinity or too much nesting."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def json_key(text: str) -> str | None:
    """The same string for JSON of one structure, whatever the order of keys; None when it is not JSON."""
    value = load(text)
    if value is None and text.strip() != "null":
        return None
    try:
        return json.dumps(_canonical(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _canonical(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_canonical(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
