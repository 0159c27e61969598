"""How many items are enough."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import detectable, items_needed, items_to_differ, mcnemar, power_of


def test_the_numbers_of_a_usual_plan() -> None:
    # (1.95996 + .84162)^2 = 7.84888
    assert items_needed(0.1, 0.25) == 197
    assert items_needed(0.1, 0.2, within=0.05) == 197
    assert detectable(0.01) == pytest.approx(0.0280158, rel=1e-5)
    assert items_to_differ(0.05, 0.15) == 155


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 0.5), st.floats(0.01, 2))
def test_what_is_needed_is_enough_and_one_less_is_not(gap: float, variance: float) -> None:
    n = items_needed(gap, variance)
    assert detectable((variance / n) ** 0.5) <= gap * (1 + 1e-9)
    assert n == 1 or detectable((variance / (n - 1)) ** 0.5) > gap * (1 - 1e-9)
    assert power_of(gap, (variance / n) ** 0.5) >= 0.8 - 1e-9
    assert items_needed(-gap, variance) == n


def test_a_test_of_as_many_items_finds_the_difference_as_often_as_promised() -> None:
    random, lost, won, found = Random(2), 0.05, 0.15, 0
    n = items_to_differ(lost, won)
    for _ in range(600):
        draws = [random.random() for _ in range(n)]
        worse, better = sum(x < lost for x in draws), sum(lost <= x < lost + won for x in draws)
        found += mcnemar(worse, better, mid_p=True).p <= 0.05
    assert 0.75 < found / 600 < 0.88


def test_no_difference_is_found_as_often_as_the_level_says() -> None:
    assert power_of(0, 1) == pytest.approx(0.05)
    assert power_of(100, 1) == 1


def test_plans_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="a difference of 0 cannot be found"):
        items_needed(0, 0.2)
    with pytest.raises(InputError, match="a difference of 0 cannot be found"):
        items_to_differ(0.1, 0.1)
    with pytest.raises(InputError, match="above 1 together"):
        items_to_differ(0.4, 0.7)
    with pytest.raises(InputError, match="variance must not be negative: -1"):
        items_needed(0.1, -1)
    with pytest.raises(InputError, match="variance and within together must be above 0"):
        items_needed(0.1, 0)
    with pytest.raises(InputError, match=r"power must be at least 0\.5: 0\.2"):
        items_needed(0.1, 0.2, power=0.2)
    with pytest.raises(InputError, match="level must be above 0 and below 1: 5"):
        detectable(0.1, level=5)
