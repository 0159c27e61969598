"""Success in k attempts."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import all_at_k, mean_pass_at_k, pass_at_k

counts = st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))


@settings(deadline=None, max_examples=50)
@given(counts)
def test_every_choice_of_k_attempts_counts_alike(numbers: tuple[int, int, int]) -> None:
    n, right, k = numbers
    choices = list(combinations([i < right for i in range(n)], k))
    assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, choices)) / len(choices))
    assert all_at_k(n, right, k) == pytest.approx(sum(map(all, choices)) / len(choices))


def test_one_attempt_is_the_accuracy_and_many_do_not_overflow() -> None:
    assert pass_at_k(10, 3, 1) == 0.3
    assert pass_at_k(10, 0, 5) == 0
    assert 0 < pass_at_k(5_000, 1, 100) == pytest.approx(0.02)


def test_the_mean_over_problems_has_an_error() -> None:
    found = mean_pass_at_k([(4, 1), (4, 4), (2, 0)], 2)
    assert found.mean == pytest.approx((0.5 + 1 + 0) / 3)
    assert found.error == pytest.approx((0.25 / 3) ** 0.5)


def test_attempts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="k must be at most 2: 3"):
        pass_at_k(2, 1, 3)
    with pytest.raises(InputError, match="right must be at most 2: 3"):
        all_at_k(2, 3, 1)
    with pytest.raises(InputError, match="n must be at least 1: 0"):
        pass_at_k(0, 0, 1)
    with pytest.raises(InputError, match=r"attempts\[0\] and \(attempts, right\) differ in length: 3 and 2"):
        mean_pass_at_k([(1, 1, 1)], 1)  # type: ignore[list-item]
    with pytest.raises(InputError, match="attempts is empty"):
        mean_pass_at_k([], 1)
