"""Tests of paired results, worked by hand."""

from __future__ import annotations

from itertools import product
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import clustered, difference, discordant, holm, mcnemar, paired_t, wilcoxon
from rebut.scenarios.statistics.distributions import normal_tails


def test_mcnemar_by_hand() -> None:
    # of 8 differing pairs, 1 or fewer on one side: (1 + 8) / 256 on each side
    assert mcnemar(1, 7).p == 2 * 9 / 256
    assert mcnemar(7, 1, mid_p=True).p == (2 * 9 - 8) / 256
    assert (mcnemar(0, 0).p, mcnemar(0, 0, mid_p=True).p) == (1, 1)
    assert (mcnemar(4, 4).p, mcnemar(4, 4, mid_p=True).p) == (1, 1)


def test_discordant_pairs_are_counted_in_both_directions() -> None:
    assert discordant([True, True, False, False], [False, True, True, False]) == (1, 1)
    with pytest.raises(InputError, match="differ in length"):
        discordant([True], [True, False])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 300), st.integers(0, 300))
def test_the_mid_p_is_never_larger_and_neither_side_is_favoured(lost: int, won: int) -> None:
    exact, mid = mcnemar(lost, won), mcnemar(lost, won, mid_p=True)
    assert 0 < mid.p <= exact.p <= 1
    assert mcnemar(won, lost).p == exact.p


def test_pairing_takes_the_difficulty_out_of_the_error() -> None:
    hard = [0.1, 0.5, 0.9, 0.3]
    found = difference(hard, [value + 0.05 for value in hard])
    assert found.mean == pytest.approx(0.05)
    assert found.error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("gain", [1.0, -1.0, 0.1])
def test_clusters_that_all_gain_alike_are_tested_by_their_number(gain: float) -> None:
    before, groups = [0.1, 0.3, 0.6, 0.7, 0.2, 0.5, 0.5, 0.9], "aabbbcde"
    alike = clustered(difference(before, [value + gain for value in before], groups=groups))
    assert (alike.p, alike.method, alike.n) == (2 / 2**5, "sign", 5)
    assert alike.p == mcnemar(0, 5).p


def test_clusters_that_gain_unlike_are_tested_by_their_errors() -> None:
    found = difference([0, 0, 0, 0], [1, 1, 1, 0], groups="aabb")
    assert clustered(found).method == "normal" and found.error
    assert clustered(found).p == normal_tails(found.mean / found.error)


def test_no_gain_and_a_single_cluster_say_nothing() -> None:
    for after, groups in (([0, 1], "ab"), ([1, 1], "aa"), ([1, 0], "ab")):
        assert clustered(difference([0, 1], after, groups=groups)).p == 1
    assert clustered(difference([0, 0], [1, 1], groups="ab")).p == 0.5


def test_the_paired_t_by_hand() -> None:
    # differences 1, 2, 3: mean 2, deviation 1, t = 2 sqrt 3 with 2 degrees
    found = paired_t([0, 0, 0], [1, 2, 3])
    assert found.statistic == pytest.approx(12**0.5)
    assert found.p == pytest.approx(1 - 12**0.5 / 14**0.5)
    assert paired_t([1, 2, 3], [0, 0, 0]).statistic == -found.statistic


def test_pairs_that_all_differ_alike_leave_no_doubt() -> None:
    assert paired_t([1, 2, 3], [1, 2, 3]).p == 1
    assert (paired_t([1, 2, 3], [2, 3, 4]).statistic, paired_t([1, 2, 3], [2, 3, 4]).p) == (inf, 0)
    assert paired_t([0.1, 0.2, 0.3], [0.0, 0.1, 0.2]).statistic < -1e10


def test_wilcoxon_by_hand() -> None:
    # differences 1, -2, 3, 4: ranks against are 2; sums of at most 2: {}, {1}, {2} of 16
    found = wilcoxon([0, 2, 0, 0], [1, 0, 3, 4])
    assert (found.statistic, found.p, found.n) == (2, 2 * 3 / 16, 4)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_wilcoxon_is_the_share_of_all_signs_also_with_ties(gains: list[int]) -> None:
    from rebut.scenarios.statistics import ranks

    found = wilcoxon([0] * len(gains), gains)
    moved = [gain for gain in gains if gain]
    places = ranks([abs(gain) for gain in moved]) if moved else []
    sums = [
        sum(p for p, up in zip(places, signs, strict=True) if up)
        for signs in product((0, 1), repeat=len(moved))
    ]
    below = sum(total <= found.statistic for total in sums)
    assert found.p == pytest.approx(min(1, 2 * below / len(sums)))
    assert found.n == len(moved)


def test_the_normal_form_of_wilcoxon_goes_on_where_the_exact_one_ends() -> None:
    gains = [(-1) ** (i % 3 == 0) * (i + 1) for i in range(51)]
    exact, normal = wilcoxon([0] * 50, gains[1:]), wilcoxon([0] * 51, gains)
    assert (exact.method, normal.method) == ("exact", "normal")
    assert normal.p == pytest.approx(exact.p, rel=0.2)


def test_holm_by_hand() -> None:
    # in order .005 x 4, .01 x 3, .03 x 2, .04 x 1 which may not fall below .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1, 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= q <= min(1, len(ps) * p) + 1e-12 for p, q in zip(ps, adjusted, strict=True))
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="lost must be at least 0: -1"):
        mcnemar(-1, 2)
    with pytest.raises(InputError, match="won must be a whole number: 2"):
        mcnemar(1, 2.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"ps\[1\] must be from 0 to 1: 1.2"):
        holm([0.1, 1.2])
    with pytest.raises(InputError, match="ps is empty"):
        holm([])
    with pytest.raises(InputError, match="first has only 1: at least 2 needed"):
        paired_t([1], [2])
    with pytest.raises(InputError, match="first and second differ in length: 1 and 2"):
        wilcoxon([1], [2, 3])
