"""Stopping rules against hand-worked cases and a numeric integral."""

from __future__ import annotations

from math import log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.agents.stopping import beta_certainty, certainty, dirichlet_certainty, settled
from rebut.errors import InputError


@pytest.mark.parametrize(
    ("counts", "remaining", "over"),
    [
        ([6, 2], 3, True),
        ([6, 3], 3, False),
        ([2, 6, 1], 3, True),
        ([3], 2, True),
        ([3], 3, False),
        ([], 0, False),
        ([2, 2], 0, False),
        ([2, 1], 0, True),
        ([1.5, 0.2], 1.2, True),
    ],
)
def test_a_vote_is_settled_when_nobody_can_catch_the_leader(
    counts: list[float], remaining: float, over: bool
) -> None:
    assert settled(counts, remaining) is over


@given(st.lists(st.integers(0, 6), max_size=4), st.lists(st.integers(0, 4), max_size=5))
def test_no_further_votes_change_a_settled_winner(counts: list[int], votes: list[int]) -> None:
    if settled(counts, len(votes)):
        final = counts + [0] * 5
        leader = final.index(max(final))
        for v in votes:
            final[v] += 1
        assert final[leader] > max(n for i, n in enumerate(final) if i != leader)


@pytest.mark.parametrize(
    ("first", "second", "certainty"),
    [(0, 0, 1 / 2), (1, 0, 3 / 4), (3, 0, 15 / 16), (2, 1, 11 / 16), (1, 1, 1 / 2), (0, 1, 1 / 4)],
)
def test_certainty_of_small_counts_is_worked_by_hand(first: int, second: int, certainty: float) -> None:
    assert beta_certainty(first, second) == certainty


def integral(first: int, second: int, cells: int = 4000) -> float:
    """Share of x^first (1 - x)^second above one half, by the midpoint rule."""
    mids = [(i + 0.5) / cells for i in range(cells)]
    mass = [x**first * (1 - x) ** second for x in mids]
    return sum(mass[cells // 2 :]) / sum(mass)


@given(st.integers(0, 40), st.integers(0, 40))
def test_certainty_agrees_with_the_integral_of_the_beta_density(first: int, second: int) -> None:
    assert beta_certainty(first, second) == pytest.approx(integral(first, second), abs=1e-4)
    assert beta_certainty(first, second) + beta_certainty(second, first) == pytest.approx(1)


def test_certainty_stands_large_counts() -> None:
    assert beta_certainty(5000, 4000) == pytest.approx(1)
    assert 0 <= beta_certainty(4000, 5000) < 1e-20


@pytest.mark.parametrize("counts", [[-1.0], [float("nan")], [float("inf")]])
def test_counts_that_are_no_counts_are_refused(counts: list[float]) -> None:
    with pytest.raises(InputError, match="finite and not negative"):
        settled(counts, 1)
    with pytest.raises(InputError, match="not be negative"):
        beta_certainty(-1, 0)
    with pytest.raises(InputError, match="not be negative"):
        dirichlet_certainty([1, -1])


@pytest.mark.parametrize(
    ("counts", "exactly"),
    [
        ([1, 0, 0], 11 / 18),  # the integral of x e^-x (1 - e^-x)^2
        ([0, 0, 1], 11 / 18),
        ([2, 1, 1], 3 / 8 + 13 / 81),  # of x^2/2 e^-x (1 - (1 + x) e^-x)^2
        ([1, 1, 1], 1 / 3),
        ([7] * 5, 1 / 5),
        ([1] * 400, 1 / 400),
        ([], 1 / 2),
        ([3], 15 / 16),
    ],
)
def test_certainty_against_all_others_is_worked_by_hand(counts: list[int], exactly: float) -> None:
    assert dirichlet_certainty(counts) == pytest.approx(exactly, rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 150), st.integers(0, 150))
def test_of_two_answers_both_rules_say_the_same(first: int, second: int) -> None:
    leads = beta_certainty(max(first, second), min(first, second))
    assert dirichlet_certainty([first, second]) == pytest.approx(leads, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=8))
def test_more_rivals_make_the_leader_less_certain(counts: list[int]) -> None:
    top = sorted(counts, reverse=True)
    alone, among = dirichlet_certainty(top), dirichlet_certainty([*top, 0])
    assert 1 / (len(top) + 1) - 1e-9 <= among <= alone <= beta_certainty(top[0], top[1]) + 1e-9


def test_certainty_against_all_others_agrees_with_draws_of_the_posterior() -> None:
    counts, dice, draws = [9, 7, 4, 1], Random(3), 20_000
    posterior = ([dice.gammavariate(n + 1, 1) for n in counts] for _ in range(draws))
    first = sum(max(drawn) == drawn[0] for drawn in posterior)
    assert dirichlet_certainty(counts) == pytest.approx(first / draws, abs=0.015)


def test_certainty_against_all_others_stands_large_counts() -> None:
    assert dirichlet_certainty([5000, 4000, 10]) == pytest.approx(1)
    assert dirichlet_certainty([1000, 1000]) == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("by", "counts", "certain"),
    [
        ("beta", [3, 0, 0], 15 / 16),
        ("beta", [1, 2, 0], 11 / 16),
        ("dirichlet", [2, 1, 1], 3 / 8 + 13 / 81),
        ("majority", [3, 1], 3 / 4),
        ("majority", [1], 0),
        ("majority", [2], 1),
        ("majority", [], 0),
        ("entropy", [2, 2], 0),
        ("entropy", [], 0),
        ("entropy", [1], 0),
        ("entropy", [3], 1 - (3 / 4 * log(4 / 3) + 1 / 4 * log(4)) / log(2)),
        ("entropy", [2, 1, 1], 1 - 1.5 * log(2) / log(3)),
        ("entropy", [2, 0], 1 - (2 / 3 * log(3 / 2) + 1 / 3 * log(3)) / log(2)),
    ],
)
def test_each_criterion_is_worked_by_hand(by: str, counts: list[int], certain: float) -> None:
    assert certainty(counts, by) == pytest.approx(certain, abs=1e-9)


def test_an_unknown_criterion_is_named() -> None:
    with pytest.raises(InputError, match=r"unknown criterion: 'betta' \(did you mean 'beta'"):
        certainty([1], "betta")
