"""Bootstrap intervals: deterministic, honest, and refused where they cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import fmean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import auroc, bootstrap, bootstrap_difference, mean
from rebut.scenarios.statistics.resampling import bca, percentile, quantile

SKEWED = [0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.9, 1.5, 4.0, 9.0]


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    first, again = (bootstrap(SKEWED, fmean, resamples=200, seed=7) for _ in range(2))
    assert first == again
    assert first.interval != bootstrap(SKEWED, fmean, resamples=200, seed=8).interval


def test_resamples_stay_what_they_are_on_every_platform() -> None:
    found = bootstrap([0, 1, 2, 3, 4, 5, 6, 7], fmean, resamples=5, seed=1)
    drawn = Random(1)
    means = sorted(fmean([int(drawn.random() * 8) for _ in range(8)]) for _ in range(5))
    assert found.interval == pytest.approx((quantile(means, 0.025), quantile(means, 0.975)))


def test_the_bootstrap_error_of_a_mean_is_about_the_standard_error() -> None:
    random = Random(3)
    values = [random.gauss(0, 1) for _ in range(200)]
    assert bootstrap(values, fmean).error == pytest.approx(mean(values).error, rel=0.1)


def test_quantiles_lie_between_neighbours() -> None:
    assert [quantile([1, 2, 4], q) for q in (0, 0.25, 0.5, 0.75, 1)] == [1, 1.5, 2, 3, 4]
    assert percentile(list(range(101)), 0.9) == pytest.approx((5, 95))


def test_bca_without_bias_or_skew_is_the_percentile_interval() -> None:
    resampled = [float(i) for i in range(-50, 51)]
    assert bca(0.0, resampled, [-1.0, 0.0, 1.0]) == pytest.approx(percentile(resampled), abs=1e-9)


def test_bca_moves_towards_the_long_tail() -> None:
    plain, moved = (bootstrap(SKEWED, fmean, method=method) for method in ("percentile", "bca"))
    assert moved.method == "bca"
    assert moved.interval.low > plain.interval.low
    assert moved.interval.high > plain.interval.high


def test_bca_falls_back_and_says_so_where_nothing_varies() -> None:
    found = bootstrap([2.0, 2.0, 2.0], fmean, resamples=50, method="bca")
    assert (found.method, found.interval, found.error) == ("percentile", (2, 2), 0)


def test_bca_survives_an_acceleration_beyond_its_range() -> None:
    found = bca(0.5, [i / 100 for i in range(101)], [0.0] * 2 + [1e-9] + [-1e3], 1 - 1e-12)
    assert found is not None and 0 <= found.low <= found.high <= 1


def test_whole_groups_are_drawn() -> None:
    groups = [i // 2 for i in range(20)]
    values = [float(i // 2 % 2) for i in range(20)]
    seen: list[Sequence[float]] = []

    def watched(some: Sequence[float]) -> float:
        seen.append(some)
        return fmean(some)

    grouped = bootstrap(values, watched, groups=groups, resamples=300)
    assert all(some[::2] == some[1::2] for some in seen)
    assert grouped.error > 1.2 * bootstrap(values, fmean, resamples=300).error


def test_a_statistic_that_is_not_always_defined_is_counted() -> None:
    pairs = list(zip([0.9, 0.8, 0.3, 0.2], [True, True, False, True], strict=True))
    found = bootstrap(pairs, lambda some: auroc([c for c, _ in some], [y for _, y in some]), resamples=100)
    assert 0 < found.undefined < 50
    assert found.value == pytest.approx(2 / 3)


def test_any_statistic_will_do() -> None:
    assert bootstrap(SKEWED, median, resamples=100).value == 0.45


def test_the_difference_of_a_thing_to_itself_is_certain_to_be_none() -> None:
    found = bootstrap_difference([0, 1, 1], [0, 1, 1], resamples=50)
    assert (found.value, found.interval, found.p) == (0, (0, 0), 1)


def test_a_sure_difference_has_the_least_p_that_the_resamples_allow() -> None:
    found = bootstrap_difference([0.0] * 40, [1.0] * 39 + [0.9], resamples=99)
    assert found.p == 1 / 100
    assert found.interval.low > 0.98


def test_the_p_of_a_difference_is_near_that_of_the_normal_test() -> None:
    random = Random(5)
    first = [random.gauss(0, 1) for _ in range(100)]
    second = [a + random.gauss(0.15, 1) for a in first]
    swapped = bootstrap_difference(second, first, resamples=1000)
    found = bootstrap_difference(first, second, resamples=1000)
    assert found.value == pytest.approx(-swapped.value)
    assert found.p == pytest.approx(swapped.p)
    estimate = mean([b - a for a, b in zip(first, second, strict=True)])
    from rebut.scenarios.statistics.distributions import normal_tails

    assert estimate.error is not None
    assert found.p == pytest.approx(normal_tails(estimate.mean / estimate.error), abs=0.04)


def test_bca_of_a_difference_does_not_count_the_values_left_out_as_resamples() -> None:
    plain = bootstrap_difference([0, 0], [0, 1], resamples=51)
    assert bootstrap_difference([0, 0], [0, 1], resamples=51, method="bca").p == plain.p


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20), st.sampled_from(["percentile", "bca"]))
def test_ends_are_in_order_and_within_the_data(values: list[float], method: str) -> None:
    low, high = bootstrap(values, fmean, resamples=40, method=method).interval
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_what_cannot_be_resampled_is_refused() -> None:
    with pytest.raises(InputError, match=r"unknown bootstrap method: 'bcca' \(did you mean 'bca'\?\)"):
        bootstrap([1, 2], fmean, method="bcca")
    with pytest.raises(InputError, match="values has only 1: at least 2 needed"):
        bootstrap([1], fmean)
    with pytest.raises(InputError, match="all values are of one group"):
        bootstrap([1, 2], fmean, groups="aa")
    with pytest.raises(InputError, match="statistic must be finite: nan"):
        bootstrap([1.0, float("nan")], fmean)
    with pytest.raises(InputError, match="is not defined for these values"):
        bootstrap([1.0, 2.0], lambda some: None)
    with pytest.raises(InputError, match="resamples must be at least 2: 1"):
        bootstrap([1.0, 2.0], fmean, resamples=1)
    with pytest.raises(InputError, match="level must be above 0 and below 1: 95"):
        bootstrap([1.0, 2.0], fmean, level=95)
    with pytest.raises(InputError, match="first and second differ in length: 2 and 3"):
        bootstrap_difference([1, 2], [1, 2, 3])


def test_a_statistic_that_is_seldom_defined_is_refused() -> None:
    calls = iter(range(1000))
    with pytest.raises(InputError, match="is defined for only 1 of 20 resamples"):
        bootstrap([1.0, 2.0], lambda some: 1.0 if next(calls) < 2 else None, resamples=20)
