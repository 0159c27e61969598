"""Confidence numbers against hand-worked values and the standard library."""

from __future__ import annotations

from math import e, exp, log
from statistics import fmean, pstdev

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rebut.agents.confidence import (
    Running,
    aggregate,
    confidence_from_entropy,
    entropy,
    minmax,
    shares,
    zscores,
)
from rebut.errors import InputError

FLOATS = st.floats(-1e6, 1e6)


def test_entropy_is_zero_for_one_answer_and_log_n_for_n_equal_ones() -> None:
    assert entropy([7]) == 0
    assert entropy([]) == 0
    assert entropy([3, 3, 0]) == pytest.approx(log(2))
    assert entropy([0, 0, 0]) == pytest.approx(log(3))
    assert entropy([3, 1]) == pytest.approx(-(0.75 * log(0.75) + 0.25 * log(0.25)))
    assert shares([1e308, 1e308]) == (0.5, 0.5)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_confidence_is_below_one_half_exactly_above_three_effective_answers(weights: list[float]) -> None:
    h = entropy(weights)
    assume(abs(h - log(3)) > 1e-9)
    assert (confidence_from_entropy(h) < 0.5) == (exp(h) > 3)


def test_confidence_follows_its_formula() -> None:
    assert confidence_from_entropy(0) == 1
    assert confidence_from_entropy(log(3)) == pytest.approx(0.5)
    assert confidence_from_entropy(1) == pytest.approx(2 * (1 - 1 / (1 + 1 / e)))
    assert confidence_from_entropy(5000) == 0


def test_zscores_are_zero_when_nothing_varies() -> None:
    assert zscores([1, 3], mu=2, sigma=0.5) == (-2, 2)
    assert zscores([2, 2], mu=2, sigma=0) == (0, 0)


def test_minmax_scales_to_the_unit_interval_and_equal_values_to_one() -> None:
    assert minmax([2, 4, 3]) == (0, 1, 0.5)
    assert minmax([5, 5]) == (1, 1)
    assert minmax([]) == ()
    assert minmax([-1.7e308, 1.7e308]) == (0, 1)


@pytest.mark.parametrize(("how", "score"), [("product", 0.16), ("min", 0.4), ("mean", 0.6), ("last", 0.4)])
def test_step_scores_are_aggregated(how: str, score: float) -> None:
    assert aggregate([0.4, 1.0, 0.4], how) == pytest.approx(score)


@given(st.lists(FLOATS, min_size=1, max_size=30), st.integers(0, 30))
def test_running_moments_agree_with_the_whole_list_however_it_is_cut(values: list[float], cut: int) -> None:
    left, right = Running(), Running()
    for v in values[:cut]:
        left = left.add(v)
    for v in values[cut:]:
        right = right.add(v)
    both = left.merge(right)
    assert both.count == len(values)
    assert both.mean == pytest.approx(fmean(values), abs=1e-6)
    assert both.sd == pytest.approx(pstdev(values), rel=1e-6, abs=1e-3)


def test_numbers_that_are_no_numbers_are_refused() -> None:
    nan = float("nan")
    for call in (
        lambda: entropy([1, nan]),
        lambda: entropy([-1]),
        lambda: confidence_from_entropy(-0.1),
        lambda: zscores([1], 0, -1),
        lambda: minmax([float("inf")]),
        lambda: aggregate([nan]),
        lambda: aggregate([]),
        lambda: Running().add(nan),
    ):
        with pytest.raises(InputError):
            call()
    with pytest.raises(InputError, match="did you mean 'product'"):
        aggregate([1], "prodct")
