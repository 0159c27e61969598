"""From right to wrong and back, counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.measures import Deliberation, Transitions, transitions, transitions_by_round
from rebut.scenarios.statistics import mcnemar

looks = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


def test_each_share_says_of_what_it_is() -> None:
    found = Transitions(kept=4, lost=1, gained=3, missed=2)
    assert (found.before, found.after, found.gain) == (0.5, 0.7, 0.2)
    assert (found.gained_share, found.lost_share) == (0.3, 0.1)
    assert (found.mended, found.broken, found.oracle) == (0.6, 0.2, 0.8)
    assert found.p == mcnemar(1, 3).p


@settings(deadline=None, max_examples=50)
@given(looks)
def test_the_gain_is_what_was_won_less_what_was_lost(pairs: list[tuple[bool, bool]]) -> None:
    found = transitions([a for a, _ in pairs], [b for _, b in pairs])
    assert found.n == len(pairs)
    assert found.gain == pytest.approx(found.after - found.before)
    assert found.gain == pytest.approx(found.gained_share - found.lost_share)
    assert found.oracle >= max(found.before, found.after)


def test_a_critic_that_always_says_wrong_mends_and_breaks_all() -> None:
    right = [True, True, False]
    found = transitions(right, [not one for one in right])
    assert (found.mended, found.broken) == (1, 1)


def test_nothing_to_mend_or_to_break_is_no_share() -> None:
    assert transitions([True], [True]).mended is None
    assert transitions([False], [True]).broken is None


def test_transitions_of_each_round_are_over_all_agents() -> None:
    items = [
        Deliberation((("5", "6"), ("5", "5"), ("6", "5")), "5"),
        Deliberation((("7", None),), "7"),
    ]
    assert transitions_by_round(items) == (Transitions(2, 0, 1, 1), Transitions(2, 1, 0, 1))
    assert transitions_by_round(items, carry=False) == (Transitions(1, 0, 1, 0), Transitions(1, 1, 0, 0))
    assert transitions_by_round(items[1:]) == ()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="before and after differ in length: 1 and 2"):
        transitions([True], [True, False])
    with pytest.raises(InputError, match=r"before\[0\] must be true or false: None"):
        transitions([None], [True])  # type: ignore[list-item]
    with pytest.raises(InputError, match="deliberations are empty"):
        transitions_by_round([])
    with pytest.raises(InputError, match="give its gold answer"):
        transitions_by_round([Deliberation((("a",),))])
