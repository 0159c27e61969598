"""Position bias of judges and shares of routers, counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.measures import position_bias, routing
from rebut.scenarios.statistics import mcnemar, wilson

verdicts = st.sampled_from(["first", "second", "tie"])


def test_a_judge_that_always_takes_the_first_is_never_consistent() -> None:
    found = position_bias([("first", "first")] * 6)
    assert (found.consistency, found.bias) == (0, 1)
    assert found.p == mcnemar(0, 6).p


def test_the_same_answer_twice_is_consistent_whatever_its_place() -> None:
    found = position_bias([("first", "second"), ("second", "first"), ("tie", "tie")])
    assert (found.consistency, found.bias, found.p) == (1, 0, 1)


def test_a_tie_in_one_order_leans_to_the_place_of_the_other() -> None:
    found = position_bias([("first", "tie"), ("tie", "second"), ("second", "second"), ("first", "second")])
    assert (found.first, found.second, found.consistent) == (1, 2, 1)
    assert found.bias == -0.25


def test_what_could_not_be_read_is_neither_a_tie_nor_consistent() -> None:
    found = position_bias([(None, "tie"), (None, None), ("first", "second")])
    assert (found.pairs, found.unread, found.consistent) == (1, 2, 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(verdicts, verdicts), min_size=1, max_size=20))
def test_every_pair_is_of_one_kind_and_the_order_of_showing_does_not_matter(
    pairs: list[tuple[str, str]],
) -> None:
    found = position_bias(pairs)
    assert found.consistent + found.first + found.second == found.pairs == len(pairs)
    assert position_bias([(b, a) for a, b in pairs]) == found


def test_routing_by_hand() -> None:
    found = routing([True, False, False, True, False], [True, True, False, False, True])
    assert (found.hard, found.share) == (2, 0.4)
    assert found.interval == wilson(2, 5)
    assert found.hard_accuracy == 0.5
    assert found.easy_accuracy == pytest.approx(2 / 3)


def test_routing_says_nothing_of_what_it_was_not_told() -> None:
    assert (routing([True]).easy_accuracy, routing([True]).hard_accuracy) == (None, None)
    assert routing([True], [True]).easy_accuracy is None


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"unknown verdict at pairs\[0\]: 'frist' \(did you mean"):
        position_bias([("frist", "second")])
    with pytest.raises(InputError, match="none of 1 pairs has two readable verdicts"):
        position_bias([(None, "tie")])
    with pytest.raises(InputError, match="pairs is empty"):
        position_bias([])
    with pytest.raises(InputError, match=r"pairs\[0\] must be two verdicts"):
        position_bias([("first",)])  # type: ignore[list-item]
    with pytest.raises(InputError, match="hard and right differ in length: 1 and 2"):
        routing([True], [True, False])
    with pytest.raises(InputError, match="hard is empty"):
        routing([])
