"""Stopping rules against hand-worked cases and a numeric integral."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.stopping import beta_certainty, settled
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
