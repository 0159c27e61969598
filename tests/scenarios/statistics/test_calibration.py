"""Calibration and selective answering, worked by hand."""

from __future__ import annotations

from math import log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import (
    aurc,
    brier,
    coverage_at,
    ece,
    excess_aurc,
    reliability,
    risk_coverage,
)

judged = st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=25)


def split(items: list[tuple[int, bool]]) -> tuple[list[float], list[bool]]:
    return [c / 10 for c, _ in items], [y for _, y in items]


def test_ece_by_hand() -> None:
    # bin (.8, .9]: confidence .9, accuracy .5; bin (.1, .2]: confidence .2, accuracy 1
    assert ece([0.9, 0.9, 0.2], [True, False, True]) == pytest.approx((2 * 0.4 + 0.8) / 3)
    found = reliability([0.9, 0.9, 0.2], [True, False, True])
    assert [(one.low, one.high, one.n, one.accuracy) for one in found] == [
        (0.1, 0.2, 1, 1),
        (0.8, 0.9, 2, 0.5),
    ]


def test_bins_are_closed_above_and_the_first_holds_0() -> None:
    found = reliability([0.0, 0.1, 0.2, 0.3, 1.0], [True] * 5)
    assert [(one.high, one.n) for one in found] == [(0.1, 2), (0.2, 1), (0.3, 1), (1.0, 1)]


def test_bins_of_equal_mass_keep_equal_confidences_together() -> None:
    found = reliability([0.5] * 6 + [0.7, 0.8], [True] * 8, bins=4, binning="mass")
    assert [one.n for one in found] == [6, 2]
    assert sum(one.n for one in reliability([0.1, 0.2, 0.3, 0.4], [True] * 4, bins=2, binning="mass")) == 4


def test_one_bin_measures_only_the_mean() -> None:
    assert ece([1.0, 0.0], [False, True], bins=1) == 0
    assert ece([1.0, 0.0], [False, True], bins=2) == 1


@settings(deadline=None, max_examples=50)
@given(judged, st.sampled_from(["width", "mass"]), st.integers(1, 12))
def test_ece_does_not_depend_on_the_order_of_the_data(
    items: list[tuple[int, bool]], binning: str, bins: int
) -> None:
    found = ece(*split(items), bins=bins, binning=binning)
    assert 0 <= found <= 1
    assert ece(*split(items[::-1]), bins=bins, binning=binning) == pytest.approx(found)
    assert sum(one.n for one in reliability(*split(items), bins=bins, binning=binning)) == len(items)


def test_brier_by_hand() -> None:
    assert brier([0.9, 0.6], [True, False]) == pytest.approx((0.01 + 0.36) / 2)
    assert brier([0.5] * 3, [True, False, True]) == 0.25


def test_the_risk_of_answering_only_the_surest() -> None:
    points = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, True])
    assert [point.risk for point in points] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert [point.coverage for point in points] == [0.25, 0.5, 0.75, 1]
    assert aurc([0.9, 0.8, 0.7, 0.6], [True, False, True, True]) == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_a_perfect_order_of_many_comes_to_the_known_limit() -> None:
    right = [True] * 8000 + [False] * 2000
    scores = [float(-i) for i in range(10_000)]
    assert aurc(scores, right) == pytest.approx(0.2 + 0.8 * log(0.8), abs=1e-4)
    assert excess_aurc(scores, right) == pytest.approx(0, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(judged)
def test_the_curve_does_not_depend_on_the_order_of_equals(items: list[tuple[int, bool]]) -> None:
    forth, back = risk_coverage(*split(items)), risk_coverage(*split(items[::-1]))
    assert [point.risk for point in forth] == pytest.approx([point.risk for point in back])
    errors = sum(not right for _, right in items) / len(items)
    assert forth[-1].risk == pytest.approx(errors)
    assert excess_aurc(*split(items)) >= -1e-12
    assert aurc([0.5] * len(items), [right for _, right in items]) == pytest.approx(errors)


def test_equals_have_the_mean_of_all_their_orders() -> None:
    random, right = Random(0), [True, False, False, True, True]
    total = 0.0
    for _ in range(4000):
        random.shuffle(right)
        total += aurc([5, 4, 3, 2, 1], right)
    assert aurc([1] * 5, right) == pytest.approx(total / 4000, abs=0.01)


def test_the_farthest_coverage_under_a_risk_is_a_threshold_that_can_be_set() -> None:
    confidence, right = [0.9, 0.8, 0.8, 0.5], [True, True, False, False]
    found = coverage_at(confidence, right, 0.4)
    assert found is not None and (found.coverage, found.threshold) == (0.75, 0.8)
    found = coverage_at(confidence, right, 0.3)
    assert found is not None and found.coverage == 0.25
    assert coverage_at([0.9], [False], 0.5) is None


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"confidence\[0\] must be from 0 to 1: 80"):
        ece([80], [True])
    with pytest.raises(InputError, match="confidence and right differ in length: 1 and 2"):
        brier([0.5], [True, False])
    with pytest.raises(InputError, match="confidence is empty"):
        aurc([], [])
    with pytest.raises(InputError, match="bins must be at least 1: 0"):
        ece([0.5], [True], bins=0)
    with pytest.raises(InputError, match=r"unknown binning: 'widht' \(did you mean 'width'\?\)"):
        ece([0.5], [True], binning="widht")
