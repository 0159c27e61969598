"""The errors of the whole house, as what crosses from one process to another."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import pytest

import rebut
from rebut.errors import (
    BudgetSpent,
    JournalDrift,
    ModelBusy,
    QuorumMissed,
    RebutError,
    Unparsed,
    WorkflowError,
)
from rebut.graphs.diagnostics import Diagnostic, WorkflowInvalid
from rebut.graphs.expressions.faults import ExpressionInvalid
from rebut.scenarios.loader import ScenarioInvalid

WRONG = (Diagnostic(code="unknown-key", message="no such key", path="a.yaml"),)
# The errors that are made from other arguments than one text.
MADE: dict[type[RebutError], RebutError] = {
    Unparsed: Unparsed("No idea.", "not JSON"),
    BudgetSpent: BudgetSpent("calls", 3, "node weigh"),
    QuorumMissed: QuorumMissed("weigh", stood=1, quorum=2, of=3),
    ModelBusy: ModelBusy("too many requests", model="fake/x", status=429, retry_after=2.5),
    WorkflowInvalid: WorkflowInvalid(WRONG, "a.yaml"),
    ScenarioInvalid: ScenarioInvalid(WRONG, "a.yaml"),
    ExpressionInvalid: ExpressionInvalid("no such name", "a + b", 4),
}


def of_the_house() -> list[type[RebutError]]:
    """Every class of errors in the package, whoever defines it."""
    for module in pkgutil.walk_packages(rebut.__path__, "rebut."):
        importlib.import_module(module.name)
    kinds = {kind for kind in _below(RebutError) if kind.__module__.startswith("rebut.")}
    return sorted(kinds, key=lambda kind: (kind.__module__, kind.__name__))


def _below(kind: type[RebutError]) -> Iterator[type[RebutError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _below(one)


def same(one: RebutError, other: RebutError) -> bool:
    return type(one) is type(other) and one.args == other.args and vars(one) == vars(other)


def test_every_error_crosses_to_another_process_whole() -> None:
    kinds = of_the_house()
    assert {JournalDrift, *MADE} <= set(kinds)
    for kind in kinds:
        error = MADE.get(kind) or kind("it failed")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(error, protocol))
            assert same(back, error) and str(back) == str(error), kind
        assert same(copy.copy(error), error) and same(copy.deepcopy(error), error), kind


@pytest.mark.parametrize("error", [WorkflowError("it failed"), MADE[BudgetSpent]], ids=["text", "parts"])
def test_what_is_said_of_an_error_later_crosses_too(error: RebutError) -> None:
    error = copy.copy(error)
    error.run = "run-1"
    error.add_note("while it was weighed")
    back = pickle.loads(pickle.dumps(error))
    assert same(back, error) and (back.run, back.__notes__) == ("run-1", ["while it was weighed"])
