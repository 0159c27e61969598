"""How an answer is held against the gold: by its kind, as an expression, or by tests of its program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import expressions, programs


@dataclass(frozen=True, slots=True)
class Check:
    """A way of checking.

    Attributes:
        about: what is right by it, in one line.
        right: whether an answer is, given the accepted answers and the kind; may take seconds.
        unfit: why a text cannot be a gold answer; empty where it can.
        kind: of the answers, where the check asks for one; empty for any.
        runs_code: whether programs that models wrote are run.
    """

    about: str
    right: Callable[[str, Sequence[str], str], bool]
    unfit: Callable[[str], str]
    kind: str = ""
    runs_code: bool = False


def _equal(answer: str, golds: Sequence[str], kind: str) -> bool:
    from ...agents.answers import correct

    return any(correct(answer, gold, kind) for gold in golds)


CHECKS: Mapping[str, Check] = {
    "equal": Check("the answer says the same as a gold answer, by their kind", _equal, lambda gold: ""),
    "expression": Check(
        "the answer is an expression with the numbers and the value of a gold expression",
        lambda answer, golds, kind: any(expressions.same(answer, gold) for gold in golds),
        expressions.unfit,
        "text",
    ),
    "tests": Check(
        "the answer is a Python program that passes the gold answer's tests",
        lambda answer, golds, kind: all(programs.passes(answer, gold) for gold in golds),
        programs.unfit,
        "code",
        True,
    ),
}
