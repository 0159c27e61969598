"""What the node kinds share: facts for prompts, partial failure, quorum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rebut.errors import BudgetSpent, ModelError, QuorumMissed, WorkflowError

from ...agents.terms import PLAIN, Terms
from ..context import RunContext, Scope, facts_of, value_of
from ..spec import AskNode, CallNode, SampleNode, Save, Value

EXPECTED: tuple[type[Exception], ...] = (ModelError, BudgetSpent)
"""Failures of one branch of a fan-out that the others survive."""


def prompt_facts(
    run: RunContext, scope: Scope, facts: Mapping[str, Value], visit: int, index: int = 0
) -> dict[str, Any]:
    """All names that a prompt may use: the scope, the node's own facts, `visit` and `index`."""
    return {**scope, **facts_of(facts, scope), "visit": visit, "index": index}


def whole(value: Value, scope: Scope, *, what: str, least: int = 1) -> int:
    """A whole number from a literal or expression.

    Raises:
        WorkflowError: it is not a whole number, or below `least`.
    """
    number = value_of(value, scope)
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise WorkflowError(f"{what} must be a whole number, it is {number!r}")
    if number < least:
        raise WorkflowError(f"{what} must be at least {least}, it is {number:g}")
    return int(number)


def terms_of(node: AskNode | SampleNode, scope: Scope) -> Terms:
    """How the replies of a node begin and end, and what is wanted beside their words.

    Raises:
        WorkflowError: a value is not of the kind that is needed.
    """
    layers = node.layers if isinstance(node, AskNode) else False
    given = (node.prefill, node.max_tokens, node.certainty, layers)
    if not node.until and given == (None, None, False, False):
        return PLAIN
    most = node.max_tokens
    return Terms(
        prefill=_text(value_of(node.prefill, scope), f"prefill of {node.name!r}"),
        max_tokens=None if most is None else whole(most, scope, what=f"max_tokens of {node.name!r}"),
        until=tuple(_texts(node, scope)),
        certainty=bool(value_of(node.certainty, scope)),
        layers=bool(value_of(layers, scope)),
    )


def _texts(node: AskNode | SampleNode, scope: Scope) -> Iterator[str]:
    """The texts at which a reply ends; an expression may give one or a list of them."""
    for value in node.until:
        found = value_of(value, scope)
        for text in found if isinstance(found, list | tuple) else (found,):
            if written := _text(text, f"until of {node.name!r}"):
                yield written


def _text(value: Any, what: str) -> str:
    if value is not None and not isinstance(value, str):
        raise WorkflowError(f"{what} must be a text, it is {value!r}")
    return value or ""


def failed(run: RunContext, node: str, label: str, error: Exception) -> None:
    """Note that one branch of a fan-out failed; a spent budget is remembered for the run's stop reason."""
    if isinstance(error, BudgetSpent):
        if run.spent is None:
            run.spent = error
            run.note(node, "budget", str(error), {"resource": error.resource, "limit": error.limit})
        return
    run.note(node, "failed", f"{label}: {error}", {"error": type(error).__name__})


def demand(run: RunContext, node: str, stood: int, quorum: int, of: int, errors: list[Exception]) -> None:
    """Hold a node's result to its quorum, and say when it is less than whole.

    Raises:
        BudgetSpent: the quorum is missed because of the budget.
        ModelError: nothing stood, and all that happened is that the model failed.
        QuorumMissed: otherwise.
    """
    if stood < quorum:
        for error in errors:
            if isinstance(error, BudgetSpent):
                raise error
        if stood == 0 and errors and len(errors) == of:
            raise errors[0]
        raise QuorumMissed(run.at(node), stood=stood, quorum=quorum, of=of)
    if stood < of:
        run.note(node, "quorum", f"{stood} of {of} stood", {"stood": stood, "of": of})


def saved(save: Save | None, value: Any) -> dict[str, Any]:
    """What the node writes: the value, or for an append the list of what is added."""
    if save is None:
        return {}
    if not save.append:
        return {save.name: value}
    if isinstance(value, list | tuple):
        return {save.name: [v for v in value if v is not None]}
    return {save.name: [] if value is None else [value]}


def items_of(node: AskNode | CallNode, scope: Scope) -> list[Mapping[str, Any]]:
    """The variables of each item.

    Raises:
        WorkflowError: a collection is none, or they are not equally long, or longer than `at_most`.
    """
    assert node.for_each is not None
    columns: dict[str, Sequence[Any]] = {}
    for name, expression in node.for_each.items():
        value = expression(scope)
        if not isinstance(value, list | tuple):
            raise WorkflowError(
                f"node {node.name!r}: for_each {name!r} needs a list, "
                f"{expression.source!r} is {type(value).__name__}"
            )
        columns[name] = value
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise WorkflowError(f"node {node.name!r}: for_each walks lists in step, but {said}")
    size = next(iter(lengths.values()), 0)
    if node.at_most is not None:
        size = min(size, whole(node.at_most, scope, what=f"at_most of {node.name!r}"))
    return [{name: column[i] for name, column in columns.items()} for i in range(size)]
