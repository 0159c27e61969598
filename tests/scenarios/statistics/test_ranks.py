"""Ranks, correlations and AUROC, worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import auroc, kendall, pearson, ranks, spearman

Correlation = Callable[[Sequence[float], Sequence[float]], float | None]
EVERY: list[Correlation] = [pearson, spearman, kendall]
pairs = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=25)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks([5, 1, 5, 5, 9]) == [3, 1, 3, 3, 5]


def test_correlations_by_hand() -> None:
    first, second = [1, 2, 3, 4], [1, 3, 2, 4]
    assert pearson(first, second) == pytest.approx(0.8)
    assert spearman(first, second) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert kendall(first, second) == pytest.approx((5 - 1) / 6)
    assert kendall([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / (2 * 3) ** 0.5)


@pytest.mark.parametrize("correlation", EVERY)
def test_a_correlation_is_1_with_itself_and_turns_with_the_sign(correlation: Correlation) -> None:
    values = [0.3, 0.1, 7, 2, 2]
    assert correlation(values, values) == pytest.approx(1)
    assert correlation(values, [-value for value in values]) == pytest.approx(-1)
    assert correlation(values, [1] * 5) is None
    assert correlation([1e140, 2e140], [1e-140, 2e-140]) == pytest.approx(1)


@settings(deadline=None, max_examples=50)
@given(pairs)
def test_tau_b_counts_every_pair(given_pairs: list[tuple[int, int]]) -> None:
    agree = apart = tied_first = tied_second = 0
    for (a, b), (c, d) in combinations(given_pairs, 2):
        turn = (a - c) * (b - d)
        agree, apart = agree + (turn > 0), apart + (turn < 0)
        tied_first, tied_second = tied_first + (a == c), tied_second + (b == d)
    every = len(given_pairs) * (len(given_pairs) - 1) // 2
    spread = (every - tied_first) * (every - tied_second)
    found = kendall([a for a, _ in given_pairs], [b for _, b in given_pairs])
    assert found == (pytest.approx((agree - apart) / spread**0.5) if spread else None)


@settings(deadline=None, max_examples=50)
@given(pairs)
def test_order_of_the_data_and_scale_do_not_matter(given_pairs: list[tuple[int, int]]) -> None:
    first, second = [float(a) for a, _ in given_pairs], [float(b) for _, b in given_pairs]
    for correlation in EVERY:
        found = correlation(first, second)
        again = correlation([2 * a + 1 for a in first[::-1]], second[::-1])
        assert again == (pytest.approx(found, abs=1e-12) if found is not None else None)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=20))
def test_auroc_counts_every_pair_of_right_and_wrong(items: list[tuple[int, bool]]) -> None:
    good, bad = [c for c, y in items if y], [c for c, y in items if not y]
    won = sum((a > b) + (a == b) / 2 for a, b in product(good, bad))
    found = auroc([c for c, _ in items], [y for _, y in items])
    assert found == (pytest.approx(won / (len(good) * len(bad))) if good and bad else None)


def test_auroc_at_its_ends() -> None:
    assert auroc([0.9, 0.1], [True, False]) == 1
    assert auroc([0.1, 0.9], [True, False]) == 0
    assert auroc([0.5, 0.5], [True, False]) == 0.5


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="first has only 1: at least 2 needed"):
        spearman([1], [1])
    with pytest.raises(InputError, match="first and second differ in length: 2 and 3"):
        kendall([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match=r"scores\[0\] must be finite"):
        auroc([float("nan")], [True])
    with pytest.raises(InputError, match="scores and right differ in length: 1 and 2"):
        auroc([0.5], [True, False])
