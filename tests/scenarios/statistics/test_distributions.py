"""Distribution functions at their ends and against closed forms."""

from __future__ import annotations

from math import atan, inf, pi, sqrt, tan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics.distributions import (
    MOST_THROWS,
    beta_quantile,
    fair_tail,
    incomplete_beta,
    normal_quantile,
    normal_tails,
    student_quantile,
    student_tails,
)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.001, 1000))
def test_student_with_one_and_two_degrees_has_closed_forms(t: float) -> None:
    assert student_tails(t, 1) == pytest.approx(1 - 2 * atan(t) / pi, rel=1e-9, abs=1e-12)
    assert student_tails(t, 2) == pytest.approx(1 - t / sqrt(2 + t * t), rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.001, 0.9999))
def test_quantiles_of_student_with_one_and_two_degrees_have_closed_forms(level: float) -> None:
    assert student_quantile(level, 1) == pytest.approx(tan(pi * level / 2), rel=1e-9)
    assert student_quantile(level, 2) == pytest.approx(level * sqrt(2 / (1 - level**2)), rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 0.9999), st.floats(1, 1e4))
def test_a_quantile_undoes_its_tails(level: float, df: float) -> None:
    assert student_tails(student_quantile(level, df), df) == pytest.approx(1 - level, rel=1e-8)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 0.99), st.floats(0.1, 200), st.floats(0.1, 200))
def test_the_beta_function_mirrors(x: float, a: float, b: float) -> None:
    assert incomplete_beta(x, a, b) + incomplete_beta(1 - x, b, a) == pytest.approx(1, abs=1e-11)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.05, 0.95), st.floats(0.5, 50))
def test_a_beta_of_one_is_a_power(x: float, a: float) -> None:
    assert incomplete_beta(x, a, 1) == pytest.approx(x**a, rel=1e-10)
    assert beta_quantile(x**a, a, 1) == pytest.approx(x, rel=1e-9)


def test_many_degrees_of_freedom_come_to_the_normal() -> None:
    assert student_quantile(0.95, 1e7) == pytest.approx(normal_quantile(0.95), rel=1e-6)
    assert student_tails(3, 1e7) == pytest.approx(normal_tails(3), rel=1e-5)


def test_the_ends() -> None:
    assert (incomplete_beta(0, 2, 3), incomplete_beta(1, 2, 3)) == (0, 1)
    assert (student_tails(0, 5), student_tails(inf, 5), student_tails(-2, 5)) == (1, 0, student_tails(2, 5))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_tails_of_a_fair_coin_make_a_whole(counts: tuple[int, int]) -> None:
    k, n = counts
    below, here = fair_tail(k, n)
    above, _ = fair_tail(n - k, n)
    assert below + above - here == pytest.approx(1)


def test_a_very_long_row_of_throws_goes_on_as_a_short_one() -> None:
    for n in (MOST_THROWS, MOST_THROWS + 2, 2_000_000):
        below, here = fair_tail(n // 2, n)
        assert below == pytest.approx(0.5 + here / 2)
        assert here == pytest.approx((2 / pi / n) ** 0.5, rel=1e-3)
    ahead, behind = fair_tail(2_400, MOST_THROWS), fair_tail(2_400, MOST_THROWS + 1)
    assert behind[0] == pytest.approx(ahead[0] - ahead[1] / 2, rel=1e-9)


def test_degrees_of_freedom_are_above_0() -> None:
    with pytest.raises(InputError, match="degrees of freedom must be above 0"):
        student_tails(1, 0)
