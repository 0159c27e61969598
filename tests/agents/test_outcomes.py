"""Programs ranked by the tests that they pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.outcomes import dual_agreement
from rebut.errors import InputError, WorkflowError
from rebut.graphs.expressions import parse


def test_programs_that_pass_the_same_tests_lend_each_other_weight() -> None:
    # By hand: {0, 1} pass two tests together, 2 passes all three alone, 3 passes one.
    outcomes = [[True, True, False], [True, True, False], [True, True, True], [True, False, False]]
    assert dual_agreement(outcomes) == [4, 4, 3, 1]


def test_one_that_could_not_be_run_and_one_that_passes_nothing_score_nothing() -> None:
    assert dual_agreement([None, [False], [False], [True]]) == [0, 0, 0, 1]
    assert dual_agreement([]) == [] and dual_agreement([[], []]) == [0, 0]


def test_programs_are_run_on_the_same_tests() -> None:
    with pytest.raises(InputError, match=r"different numbers of tests: \[1, 2\]"):
        dual_agreement([[True], [True, False]])


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=12), st.permutations(range(3)))
def test_neither_the_order_of_the_tests_nor_that_of_the_programs_matters(
    outcomes: list[list[bool]], order: list[int]
) -> None:
    scores = dual_agreement(outcomes)
    assert dual_agreement([[row[i] for i in order] for row in outcomes]) == scores
    assert dual_agreement(outcomes[::-1]) == scores[::-1]


def test_expressions_pick_by_it() -> None:
    scope = {"programs": ["a", "b", "c"], "passed": [[True, False], [True, True], [True, False]]}
    assert parse("first(top(programs, 1, dual_agreement(passed)))")(scope) == "a"
    with pytest.raises(WorkflowError, match="is true or false, not str"):
        parse("dual_agreement(['01'])")({})
