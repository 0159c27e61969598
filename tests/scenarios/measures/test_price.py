"""The frontier of quality and cost, and ranks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.measures import Priced, frontier, ranked

CHEAP, MIDDLE, DEAR = Priced("cheap", 0.5, 1), Priced("middle", 0.6, 4), Priced("dear", 0.7, 16)
offers = st.lists(
    st.builds(Priced, st.text("ab", max_size=2), st.integers(-3, 5).map(float), st.integers(1, 5).map(float)),
    min_size=1,
    max_size=10,
)


def beats(one: Priced, other: Priced) -> bool:
    better = one.quality > other.quality or one.cost < other.cost
    return better and one.quality >= other.quality and one.cost <= other.cost


def test_what_is_worse_and_dearer_is_off_the_frontier() -> None:
    wasteful, poor = Priced("wasteful", 0.6, 5), Priced("poor", 0.4, 4)
    assert frontier([DEAR, wasteful, CHEAP, poor, MIDDLE]) == (CHEAP, MIDDLE, DEAR)


def test_twins_stay_together_and_free_ones_are_allowed() -> None:
    twin, free = Priced("twin", 0.5, 1), Priced("free", 0.5, 0)
    assert frontier([CHEAP, twin]) == (CHEAP, twin)
    assert frontier([CHEAP, free, twin]) == (free,)


@settings(deadline=None, max_examples=50)
@given(offers)
def test_the_frontier_is_all_that_nothing_beats(given_offers: list[Priced]) -> None:
    kept = frontier(given_offers)
    unbeaten = [one for one in given_offers if not any(beats(other, one) for other in given_offers)]
    assert sorted(kept, key=repr) == sorted(unbeaten, key=repr)
    assert [one.cost for one in kept] == sorted(one.cost for one in kept)


def test_ranks_by_hand() -> None:
    found = ranked([CHEAP, MIDDLE, DEAR], gamma=0.5)
    assert [(one.offer.name, one.score) for one in found] == [
        ("cheap", 0.5),
        ("middle", 0.3),
        ("dear", pytest.approx(0.175)),
    ]
    assert [one.offer.name for one in ranked([CHEAP, MIDDLE, DEAR], gamma=0)] == ["dear", "middle", "cheap"]


def test_gain_can_count_for_more_than_what_was_there() -> None:
    strong, learned = Priced("strong", 0.8, 1, base=0.8), Priced("learned", 0.7, 1, base=0.3)
    assert ranked([strong, learned], gamma=1)[0].offer is strong
    assert ranked([strong, learned], gamma=1, alpha=0.5, beta=1.5)[0].offer is learned


def test_equal_scores_share_the_better_rank() -> None:
    found = ranked([CHEAP, Priced("twin", 0.5, 1), MIDDLE], gamma=1)
    assert [one.rank for one in found] == [1, 1, 3]


def test_to_be_dearer_never_helps_even_with_a_negative_worth() -> None:
    cheap, dear = Priced("cheap", -1, 1), Priced("dear", -1, 100)
    assert [one.offer for one in ranked([dear, cheap], gamma=1)] == [cheap, dear]


@settings(deadline=None, max_examples=50)
@given(offers, st.floats(0, 1), st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_unit_of_cost_changes_no_rank(given_offers: list[Priced], gamma: float, unit: float) -> None:
    first = ranked(given_offers, gamma=gamma)
    again = ranked([Priced(o.name, o.quality, o.cost * unit) for o in given_offers], gamma=gamma)
    scale = unit**gamma
    moved = [one.score / scale if one.score >= 0 else one.score * scale for one in first]
    assert [one.score for one in again] == pytest.approx(moved)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="offers is empty"):
        frontier([])
    with pytest.raises(InputError, match="cost of 'x' must not be negative: -1"):
        frontier([Priced("x", 1, -1)])
    with pytest.raises(InputError, match="quality of 'x' must be finite: nan"):
        frontier([Priced("x", float("nan"), 1)])
    with pytest.raises(InputError, match=r"offers\[0\] must be Priced: 'x'"):
        frontier(["x"])  # type: ignore[list-item]
    with pytest.raises(InputError, match="cost of 'x' must be above 0: 0"):
        ranked([Priced("x", 1, 0)], gamma=0.5)
    with pytest.raises(InputError, match="'x' has no base quality"):
        ranked([Priced("x", 1, 1)], gamma=0.5, alpha=2)
    with pytest.raises(InputError, match="gamma must not be negative: -1"):
        ranked([CHEAP], gamma=-1)
