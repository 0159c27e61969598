"""What can be wrong with an expression: when it is read, and when it is evaluated."""

from __future__ import annotations

from rebut.errors import WorkflowError


class ExpressionInvalid(WorkflowError):
    """An expression that cannot be read.

    Attributes:
        source: the expression as written.
        reason: what is wrong.
        offset: where in `source` it is wrong, in characters from 0.
        end: the first character behind it.
    """

    def __init__(self, reason: str, source: str, offset: int = 0, end: int | None = None) -> None:
        self.source, self.reason = source, reason
        self.offset = max(0, min(offset, len(source)))
        self.end = max(self.offset + 1, min(end if end is not None else len(source), len(source)))
        super().__init__(f"expression {shortened(source)!r}: {reason}")


class Fault(Exception):
    """Evaluation cannot go on; `Expression` turns it into a `WorkflowError` that names the expression."""


def shortened(text: str, limit: int = 200) -> str:
    """`text`, or its beginning with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
