"""Agreement, flips, sycophancy and persuasion, counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.measures import (
    Deliberation,
    agreement_by_round,
    flip_matrix,
    flips,
    influence,
    transitions_by_round,
)

answers = st.sampled_from(["a", "b", "c", None])
items = st.lists(
    st.lists(st.tuples(answers, answers, answers), min_size=1, max_size=4).map(
        lambda rounds: Deliberation(tuple(rounds), "a")
    ),
    min_size=1,
    max_size=5,
)


def test_agreement_by_hand() -> None:
    first, second = agreement_by_round(
        [Deliberation((("a", "a", "b"), ("a", "a", "a"))), Deliberation((("a", None, None),))]
    )
    assert (first.answered, first.unanimous) == (4 / 6, 0)
    assert first.pairwise == pytest.approx(1 / 3)
    assert first.modal == pytest.approx((2 / 3 + 1) / 2)
    assert (second.round, second.items, second.pairwise, second.unanimous) == (2, 2, 1, 1)


def test_rounds_without_answers_have_no_agreement() -> None:
    (found,) = agreement_by_round([Deliberation(((None, " "),))])
    assert (found.answered, found.pairwise, found.modal, found.unanimous) == (0, None, None, None)


def test_items_that_ended_early_are_carried_on_or_left_out() -> None:
    given_items = [Deliberation((("a", "a"),)), Deliberation((("a", "b"), ("b", "a")))]
    assert [one.pairwise for one in agreement_by_round(given_items)] == [0.5, 0.5]
    assert [one.pairwise for one in agreement_by_round(given_items, carry=False)] == [0.5, 0]


def test_flips_of_options_are_counted_with_no_answer_among_them() -> None:
    assert flips(["A", "A", None], ["B", None, None]) == {"A": {"B": 1, None: 1}, None: {None: 1}}
    with pytest.raises(InputError, match="before and after differ in length"):
        flips(["A"], [])


def test_the_flip_matrix_by_hand() -> None:
    item = Deliberation((("a", "b", None, "b", "a"), ("b", "c", "a", "b", None)), "a")
    found = flip_matrix([item])
    moved = {pair: times for pair, times in found.counts.items() if times}
    assert moved == {
        ("right", "wrong"): 1,
        ("wrong", "wrong"): 2,
        ("none", "right"): 1,
        ("right", "none"): 1,
    }
    assert (found.astray, found.n) == (1, 5)
    assert found.changed == pytest.approx(4 / 5)


def test_a_flip_matrix_is_between_any_two_rounds() -> None:
    item = Deliberation((("a",), ("b",), ("a",)), "a")
    assert flip_matrix([item]).counts["right", "right"] == 1
    assert flip_matrix([item], start=1).counts["wrong", "right"] == 1
    assert flip_matrix([item], start=-3, end=-2).counts["right", "wrong"] == 1
    with pytest.raises(InputError, match="no item has round 3: the longest has 3"):
        flip_matrix([item], end=3)


@settings(deadline=None, max_examples=50)
@given(items)
def test_flips_and_transitions_tell_the_same(given_items: list[Deliberation]) -> None:
    matrix, steps = flip_matrix(given_items), transitions_by_round(given_items)
    gained = sum(matrix.counts[state, "right"] for state in ("wrong", "none"))
    lost = sum(matrix.counts["right", state] for state in ("wrong", "none"))
    assert gained - lost == sum(step.gained - step.lost for step in steps)
    assert matrix.n == 3 * len(given_items)
    assert 0 <= matrix.changed <= 1


def test_a_right_answer_given_up_for_anothers_wrong_one_is_sycophancy() -> None:
    # agent 0 yields to b; agent 1 keeps a wrong answer though offered the right one
    found = influence([Deliberation((("a", "b"), ("b", "b")), "a")])
    assert (found.tempted, found.yielded, found.strayed) == (1, 1, 0)
    assert (found.offered, found.convinced) == (1, 0)
    assert (found.sycophancy, found.persuasion) == (1, 0)


def test_a_wrong_answer_of_ones_own_is_straying_and_not_sycophancy() -> None:
    found = influence([Deliberation((("a", "b", "a"), ("c", "a", None)), "a")])
    assert (found.tempted, found.yielded, found.strayed) == (2, 0, 2)
    assert (found.offered, found.convinced) == (1, 1)


def test_who_sees_nobody_cannot_be_moved_by_anybody() -> None:
    item = Deliberation((("a", "b"), ("b", "b")), "a")
    found = influence([item], sees=lambda me, other: me == 1)
    assert (found.tempted, found.offered, found.sycophancy) == (0, 1, None)


def test_agents_of_one_mind_and_single_rounds_offer_no_chances() -> None:
    found = influence([Deliberation((("a", "a"), ("a", "a")), "a"), Deliberation((("b", "a"),), "a")])
    assert (found.sycophancy, found.persuasion) == (None, None)


@settings(deadline=None, max_examples=50)
@given(items)
def test_no_more_yield_than_were_tempted_and_no_more_turns_than_there_are(
    given_items: list[Deliberation],
) -> None:
    found = influence(given_items)
    assert found.yielded + found.strayed <= found.tempted
    assert found.convinced <= found.offered
    assert found.tempted + found.offered <= sum(3 * (len(item.rounds) - 1) for item in given_items)


def test_measures_of_right_and_wrong_need_the_right_answer() -> None:
    with pytest.raises(InputError, match="give its gold answer"):
        influence([Deliberation((("a",),))])
    with pytest.raises(InputError, match="give its gold answer"):
        flip_matrix([Deliberation((("a",),))])
    with pytest.raises(InputError, match="deliberations are empty"):
        agreement_by_round([])
