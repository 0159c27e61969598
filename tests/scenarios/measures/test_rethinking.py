"""Confidence level, critique score and RSS: their identities, and a case by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.measures import correction, correction_of, relative_score

runs = st.lists(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=8
)


def test_a_case_by_hand() -> None:
    # item 1: p 1/2, u 1, v 0; item 2: p 1/4, u 0, v 2/3
    found = correction([
        [(True, True), (False, False), (True, True), (False, False)],
        [(True, False), (False, True), (False, True), (False, False)],
    ])  # fmt: skip
    assert found.first == pytest.approx(0.375)
    assert found.final == pytest.approx((0.5 + 0.5) / 2)
    assert found.confidence_level == pytest.approx(0.5 / 0.75)
    assert found.critique_score == pytest.approx(0.5 / 1.25)
    assert found.relative == pytest.approx((0.5 - 0.375**2) / (2 * 0.375 * 0.625))


@settings(deadline=None, max_examples=50)
@given(runs)
def test_final_accuracy_is_what_was_held_and_what_was_mended(items: list[list[tuple[bool, bool]]]) -> None:
    found = correction(items)
    held = found.first * (found.confidence_level or 0)
    mended = (1 - found.first) * (found.critique_score or 0)
    assert found.final == pytest.approx(held + mended)
    plain = [sum(b for _, b in item) / len(item) for item in items]
    assert found.final == pytest.approx(sum(plain) / len(plain))


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 0.99))
def test_rss_is_a_half_where_nothing_is_gained_and_0_and_1_at_its_bounds(accuracy: float) -> None:
    assert relative_score(accuracy, accuracy) == 0.5
    assert relative_score(accuracy, accuracy**2) == pytest.approx(0, abs=1e-9)
    assert relative_score(accuracy, 2 * accuracy - accuracy**2) == pytest.approx(1)


@settings(deadline=None, max_examples=50)
@given(runs)
def test_keeping_every_answer_has_an_rss_of_a_half(items: list[list[tuple[bool, bool]]]) -> None:
    found = correction([[(first, first) for first, _ in item] for item in items])
    assert found.relative is None or found.relative == pytest.approx(0.5)
    assert found.confidence_level in (1, None) and found.critique_score in (0, None)


def test_nothing_right_or_nothing_wrong_has_no_level_or_no_score() -> None:
    always, never = correction([[(True, True)]]), correction([[(False, True)]])
    assert (always.confidence_level, always.critique_score, always.relative) == (1, None, None)
    assert (never.confidence_level, never.critique_score, never.relative) == (None, 1, None)


def test_rss_may_leave_its_bounds() -> None:
    found = relative_score(0.1, 0.9)
    assert found is not None and found > 1


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="items is empty"):
        correction([])
    with pytest.raises(InputError, match=r"items\[1\] is empty"):
        correction([[(True, True)], []])
    with pytest.raises(InputError, match=r"items\[0\]\[0\] must be two truth values: True"):
        correction([[True]])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"stays\[0\] must be from 0 to 1: 1.5"):
        correction_of([0.5], [1.5], [0])
    with pytest.raises(InputError, match="right and mends differ in length: 1 and 2"):
        correction_of([0.5], [0.5], [0, 1])
    with pytest.raises(InputError, match="must be from 0 to 1: 50"):
        relative_score(50, 60)


def test_rounding_does_not_lift_a_share_above_one() -> None:
    found = correction([[(False, True)], [(False, True)], [(False, True), (False, True), (True, True)]])
    assert (found.final, found.confidence_level, found.critique_score) == (1, 1, 1)
    assert found.relative == pytest.approx(0.5 + 1 / (2 * found.first))
