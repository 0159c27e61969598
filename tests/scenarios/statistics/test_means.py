"""Means, shares and their intervals, worked by hand."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import accuracy, clopper_pearson, mean, miller_error, wilson

scores = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_n() -> None:
    found = mean([2, 4, 4, 4, 5, 5, 7, 9])
    assert found.mean == 5
    assert found.error == pytest.approx(sqrt(32 / 7 / 8))


def test_one_value_has_no_error_and_no_interval() -> None:
    found = mean([3])
    assert (found.mean, found.error, found.interval()) == (3, None, None)


def test_two_copies_of_each_item_in_groups_have_the_error_of_single_ones() -> None:
    single, values = [0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1, 0, 0, 1, 1]
    doubled = mean(values, groups=[i // 2 for i in range(10)])
    assert doubled.error == pytest.approx(mean(single).error)
    assert doubled.groups == 5
    alone = mean(values).error
    assert alone is not None and doubled.error is not None and alone < doubled.error


def test_the_formula_of_miller_by_hand() -> None:
    # means .5, all deviations +-.5: own 4 * .25, within groups the cross terms 2 * 2 * .25
    assert miller_error([1, 1, 0, 0], "aabb") == pytest.approx(sqrt(1 / 12 + 1 / 16))


@settings(deadline=None, max_examples=50)
@given(scores)
def test_groups_of_one_change_nothing(values: list[float]) -> None:
    plain, apart = mean(values), mean(values, groups=list(range(len(values))))
    assert apart.error == pytest.approx(plain.error)
    assert miller_error(values, list(range(len(values)))) == pytest.approx(plain.error)


def test_groups_that_balance_out_make_the_error_smaller() -> None:
    assert mean([1, 0, 1, 0, 1, 0], groups="aabbcc").error == 0


def test_one_group_for_all_has_no_error() -> None:
    assert mean([1, 0, 1], groups="aaa").error is None


def test_an_interval_by_student_is_wider_for_few_seeds() -> None:
    found = mean([0.50, 0.52, 0.54])
    normal, student = found.interval(), found.interval(student=True)
    assert normal is not None and student is not None
    assert (normal.high - 0.52) * 4.302652730 / 1.959963985 == pytest.approx(student.high - 0.52)


def test_no_right_answer_still_leaves_room_above() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775327998628892))
    assert wilson(10, 10).high == 1.0
    assert wilson(0, 0) == (0, 1)
    assert clopper_pearson(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
    assert clopper_pearson(10, 10) == pytest.approx((0.025**0.1, 1))
    assert clopper_pearson(0, 0) == (0, 1)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_of_shares_hold_the_share_and_mirror_it(counts: tuple[int, int]) -> None:
    right, n = counts
    for interval in (wilson, clopper_pearson):
        low, high = interval(right, n)
        assert 0 <= low <= right / n <= high <= 1
        assert interval(n - right, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)
    assert wilson(right, n, 0.8).low >= wilson(right, n, 0.95).low


def test_accuracy_takes_zero_and_one_for_truth() -> None:
    mixed: list[Any] = [1, 0, True, True]
    assert accuracy(mixed) == (0.75, wilson(3, 4))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "values is empty"),
        ([1, float("nan")], r"values\[1\] must be finite: nan"),
        ([1, float("inf")], r"values\[1\] must be finite: inf"),
        ([1, None], r"values\[1\] must be a number: None"),
        (["1"], r"values\[0\] must be a number: '1'"),
        ([10**400], r"values\[0\] is too large"),
        ([1e200], r"values\[0\] is too large"),
        ("101", "values must be a sequence of values, not str: '101'"),
        (None, "values must be a sequence of values, not NoneType"),
        ({1: 2}, "values must be a sequence of values, not dict"),
        ({1, 2}, "values must be a sequence of values, not set"),
    ],
)
def test_what_is_no_list_of_numbers_is_refused_and_the_place_named(values: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        mean(values)


def test_groups_must_be_as_many_as_the_values_and_have_names() -> None:
    with pytest.raises(InputError, match="differ in length: 2 and 1"):
        mean([1, 2], groups="a")
    with pytest.raises(InputError, match=r"groups\[0\] cannot name a group: \[1\]"):
        mean([1, 2], groups=[[1], [2]])  # type: ignore[list-item]


@pytest.mark.parametrize(("right", "n"), [(3, 2), (-1, 2), (1.0, 2), (True, 2)])
def test_shares_need_whole_numbers_that_fit(right: int, n: int) -> None:
    with pytest.raises(InputError, match="right must be"):
        wilson(right, n)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan")])
def test_a_level_is_between_0_and_1(level: float) -> None:
    with pytest.raises(InputError, match="level must be"):
        wilson(1, 2, level)
    with pytest.raises(InputError, match="level must be"):
        mean([1, 2]).interval(level)


def test_accuracy_refuses_what_is_neither_true_nor_false() -> None:
    with pytest.raises(InputError, match=r"right\[1\] must be true or false: 0.5"):
        accuracy([True, 0.5])  # type: ignore[list-item]
