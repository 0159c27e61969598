"""The variance of a mean, split into items and seeds."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import mean, seed_variance

tables = st.integers(1, 4).flatmap(
    lambda seeds: st.lists(st.lists(st.floats(0, 1), min_size=seeds, max_size=seeds), min_size=2, max_size=8)
)


def test_the_split_by_hand() -> None:
    # item means .5, 1, 0 (variance .25); within variances .5, 0, 0 (pooled 1/6)
    found = seed_variance([[0, 1], [1, 1], [0, 0]])
    assert found.by_seed == pytest.approx((1 / 3, 2 / 3))
    assert found.within == pytest.approx(1 / 6)
    assert found.between == pytest.approx(0.25 - 1 / 12)
    assert found.seed_error == pytest.approx((1 / 6 / 6) ** 0.5)
    assert found.item_error == pytest.approx(((0.25 - 1 / 12) / 3) ** 0.5)
    assert found.error == pytest.approx((0.25 / 3) ** 0.5)
    assert found.seed_sd == pytest.approx((1 / 18) ** 0.5)


@settings(deadline=None, max_examples=50)
@given(tables)
def test_the_whole_error_is_that_of_the_items_means(rows: list[list[float]]) -> None:
    found, plain = seed_variance(rows), mean([fmean(row) for row in rows])
    assert found.mean == pytest.approx(plain.mean)
    assert found.error == pytest.approx(plain.error, abs=1e-12)
    if found.between and found.item_error is not None and found.seed_error is not None:
        assert found.item_error**2 + found.seed_error**2 == pytest.approx(
            plain.error**2 if plain.error else 0
        )


def test_items_that_differ_only_by_chance_have_no_variance_of_their_own() -> None:
    found = seed_variance([[0, 1], [1, 0], [0, 1]])
    assert (found.between, found.item_error) == (0, 0)


def test_one_seed_knows_nothing_of_seeds() -> None:
    found = seed_variance([[1], [0], [1]])
    assert (found.within, found.between, found.seed_error, found.seed_sd) == (None, None, None, None)
    assert found.error == mean([1, 0, 1]).error


def test_one_item_knows_nothing_of_items() -> None:
    found = seed_variance([[1, 0, 1]])
    assert (found.between, found.item_error, found.error) == (None, None, None)
    assert found.within == pytest.approx(1 / 3)


def test_missing_scores_are_left_out_where_they_are() -> None:
    found = seed_variance([[1, None], [0, 1]])
    assert found.mean == 0.75
    assert found.by_seed == (0.5, 1)
    assert found.within == 0.5
    assert found.between == pytest.approx(max(0, 0.125 - 0.5 * 0.75))


def test_the_parts_are_found_again_in_many_draws() -> None:
    random, rows = Random(11), []
    for _ in range(3000):
        true = random.gauss(0, 2)
        rows.append([true + random.gauss(0, 1) for _ in range(4)])
    found = seed_variance(rows)
    assert found.within == pytest.approx(1, rel=0.05)
    assert found.between == pytest.approx(4, rel=0.08)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([], "scores is empty"),
        ([[]], "scores have no seeds"),
        ([[1, 2], [1]], r"scores\[1\] has 1 seeds, scores\[0\] has 2"),
        ([[1, 2], [None, None]], "item 1 has no score"),
        ([[1, None], [2, None]], "seed 1 has no score"),
        ([[1, float("nan")]], r"scores\[0\]\[1\] must be finite"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(scores: list[list[float | None]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        seed_variance(scores)
