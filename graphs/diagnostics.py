"""What is wrong with a workflow file, said as compilers do: place, line, caret, and what is possible."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rebut.errors import WorkflowError

from .spec import Span

Severity = Literal["error", "warning"]

WIDEST = 140
"""Columns of a source line that are shown; a longer line is cut around the caret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem of one file.

    Attributes:
        code: what kind of problem it is, such as ``unknown-key``; stable, for tests and tools.
        message: what is wrong, in lower case and without a full stop.
        span: where; None when it concerns the whole file.
        note: what is possible, or how to mend it.
        line: text of the line at `span`.
    """

    code: str
    message: str
    severity: Severity = "error"
    path: str = "<string>"
    span: Span | None = None
    note: str = ""
    line: str = ""

    @property
    def place(self) -> str:
        """``file:line:column``."""
        return f"{self.path}:{self.span.line}:{self.span.column}" if self.span else self.path

    def render(self) -> str:
        """The problem as text of a few lines."""
        head = f"{self.place}: {self.severity}: {self.message}"
        if self.span is None:
            return f"{head}\n  = {self.note}" if self.note else head
        margin = " " * len(str(self.span.line))
        shown, caret = _excerpt(self.line, self.span)
        lines = [head, f"{margin} |", f"{self.span.line} | {shown}", f"{margin} | {caret}"]
        return "\n".join([*lines, f"{margin} = {self.note}"] if self.note else lines)


def _excerpt(line: str, span: Span) -> tuple[str, str]:
    """The line, cut to a readable width, and a run of carets under the span."""
    start = min(span.column - 1, len(line))
    end = max(start + 1, min(span.end - 1, len(line)))
    first = 0 if end <= WIDEST else max(0, min(start, len(line) - WIDEST))
    last = min(len(line), max(first + WIDEST, start + 1))
    head, tail = ("…" if first else ""), ("…" if last < len(line) else "")
    shown = _plain(line[first:last])
    before = _width(head + _plain(line[first:start]))
    carets = max(1, _width(_plain(line[start : min(end, last)])))
    return f"{head}{shown}{tail}", " " * before + "^" * carets


def _plain(text: str) -> str:
    """Text without tabs and control characters, each replaced by one space."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)


def _width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def ordered(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Problems in the order of the file, each once; those of the whole file last."""
    unique = dict.fromkeys(problems)
    return sorted(
        unique, key=lambda p: (p.span is None, *((p.span.line, p.span.column) if p.span else (0, 0)))
    )


def render(problems: Sequence[Diagnostic]) -> str:
    """All problems, with an empty line between them, and how many there are."""
    errors = sum(p.severity == "error" for p in problems)
    warnings = len(problems) - errors
    counts = [_count(errors, "error"), _count(warnings, "warning")]
    return "\n\n".join([*(p.render() for p in problems), ", ".join(c for c in counts if c)])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}" if number else ""


class WorkflowInvalid(WorkflowError):
    """A workflow file has mistakes; the text shows all of them.

    Attributes:
        diagnostics: errors and warnings in the order of the file.
        path: the file.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic], path: str = "<string>") -> None:
        self.diagnostics, self.path = tuple(diagnostics), path
        super().__init__(render(self.diagnostics))

    def __reduce__(self) -> tuple[type[WorkflowInvalid], tuple[tuple[Diagnostic, ...], str]]:
        return WorkflowInvalid, (self.diagnostics, self.path)


def _bare(note: str) -> str:
    """A note without the brackets that `suggest` puts around its clause."""
    note = note.strip()
    clause = note.startswith(("(did you mean", "(possible")) and note.endswith(")")
    return note[1:-1] if clause else note


class Problems:
    """Gathers the problems of one file while it is read and checked."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._lines = text.splitlines()
        self.found: list[Diagnostic] = []

    def error(self, code: str, span: Span | None, message: str, note: str = "") -> None:
        """Add an error."""
        self._add("error", code, span, message, note)

    def warn(self, code: str, span: Span | None, message: str, note: str = "") -> None:
        """Add a warning."""
        self._add("warning", code, span, message, note)

    @property
    def errors(self) -> bool:
        """Whether there is an error."""
        return any(p.severity == "error" for p in self.found)

    def _add(self, severity: Severity, code: str, span: Span | None, message: str, note: str) -> None:
        line = self._lines[span.line - 1] if span and 0 < span.line <= len(self._lines) else ""
        self.found.append(
            Diagnostic(
                code=code,
                message=message,
                severity=severity,
                path=self.path,
                span=span,
                note=_bare(note),
                line=line,
            )
        )
