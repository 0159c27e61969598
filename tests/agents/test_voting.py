"""Votes: rules, weights, ties and what stays the same."""

from __future__ import annotations

from math import log
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.voting import KEYS, RULES, TIES, vote
from rebut.errors import InputError


def test_the_majority_counts_equivalent_answers_together() -> None:
    v = vote(["7", "5", "5.0", None, " "], kind="number", failed=2)
    assert (v.answer, v.winner, v.voters, v.abstained, v.failed) == ("5", 1, 3, 2, 2)
    assert v.share == pytest.approx(2 / 3)
    assert v.margin == pytest.approx(1 / 3)
    assert v.entropy == pytest.approx(log(3) - 2 / 3 * log(2))
    assert [(t.answer, t.weight, t.members) for t in v.tallies] == [("5", 2, (1, 2)), ("7", 1, (0,))]
    assert v.members == (1, 2)


def test_raw_strings_can_be_the_key() -> None:
    assert vote(["5", "5.0", "7", "7"], kind="number", key="string").answer == "7"
    assert vote(["5", "5.0", "7", "7"], kind="number", key="equiv").tied


def test_nobody_voting_elects_nobody() -> None:
    for answers in ([], [None, "", None]):
        v = vote(answers)
        assert (v.answer, v.winner, v.share, v.margin, v.entropy, v.tallies) == (None, None, 0, 0, 0, ())
        assert v.abstained == len(answers)


def test_weights_are_summed_and_the_best_voter_is_named() -> None:
    v = vote(["a", "b", "b", "c"], weights=[0.9, 0.5, 0.6, None], rule="weighted", kind="text")
    assert (v.answer, v.winner, v.voters, v.abstained) == ("b", 2, 3, 1)
    assert v.tallies[0].weight == pytest.approx(1.1)
    assert v.share == pytest.approx(0.55)


def test_weights_that_are_all_zero_are_a_tie_of_equals() -> None:
    v = vote(["b", "a"], weights=[0, 0], rule="weighted", kind="text", tie="none")
    assert (v.answer, v.tied, v.share) == (None, True, 0.5)
    assert v.entropy == pytest.approx(log(2))


def test_borda_gives_rank_votes_to_a_power() -> None:
    v = vote(["a", "b", "b", "c"], weights=[9, 2, 1, 3], rule="borda", power=1, kind="text")
    assert {t.answer: t.weight for t in v.tallies} == {"a": 4, "b": 3, "c": 3}
    assert v.answer == "a"
    half = vote(["a", "b", "b", "c"], weights=[9, 2, 1, 3], rule="borda", kind="text")
    assert {t.answer: t.weight for t in half.tallies} == pytest.approx({"b": 2**0.5 + 1, "a": 2, "c": 3**0.5})
    assert half.answer == "b"


def test_borda_ranks_items_without_an_answer_and_shares_equal_ranks() -> None:
    v = vote([None, "a", "b", "c"], weights=[9, 2, 2, None], rule="borda", power=1, kind="text")
    assert {t.answer: t.weight for t in v.tallies} == {"a": 1.5, "b": 1.5}  # ranks 2 and 3 of 3
    assert v.abstained == 2


@pytest.mark.parametrize(
    ("answers", "rule", "threshold", "answer"),
    [
        (["a", "a", "b"], "supermajority", 2 / 3, "a"),
        (["a", "a", "b"], "supermajority", 0.7, None),
        (["a", "a", "b", None], "supermajority", 2 / 3, "a"),
        (["a", "a"], "unanimity", 2 / 3, "a"),
        (["a", "a", None], "unanimity", 2 / 3, "a"),
        (["a", "b", "a"], "unanimity", 2 / 3, None),
    ],
)
def test_a_rule_that_no_answer_meets_leaves_the_vote_open(
    answers: list[str | None], rule: str, threshold: float, answer: str | None
) -> None:
    v = vote(answers, rule=rule, threshold=threshold, kind="text")
    assert v.answer == answer
    assert (v.winner is None) == (answer is None)
    assert v.tallies
    assert not v.tied
    assert v.members == ((v.tallies[0].members) if answer else ())


@pytest.mark.parametrize(("tie", "answer"), [("first", "a"), ("last", "b"), ("weight", "c"), ("none", None)])
def test_ties_are_broken_as_told_and_always_recorded(tie: str, answer: str | None) -> None:
    v = vote(["a", "b", "c", "a", "c", "b", "d"], weights=[1, 2, 4, 1, 3, 2, 9], tie=tie, kind="text")
    assert (v.answer, v.tied, v.tie, v.margin) == (answer, True, tie, 0)
    assert answer is None or v.tallies[0].answer == answer
    assert v.share == pytest.approx(2 / 7)


def test_rounding_errors_do_not_break_a_tie() -> None:
    v = vote(["a", "a", "b"], weights=[0.1, 0.2, 0.3], rule="weighted", kind="text", tie="none")
    assert v.tied and v.answer is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "mojority"}, "did you mean 'majority'"),
        ({"tie": "coin"}, "unknown tie rule"),
        ({"key": "hash"}, "unknown vote key"),
        ({"kind": "numbr"}, "unknown answer kind"),
        ({"rule": "weighted"}, "weights are missing"),
        ({"tie": "weight"}, "weights are missing"),
        ({"weights": [1]}, "1 weights for 2 answers"),
        ({"weights": [1, float("nan")]}, "nan at index 1"),
        ({"weights": [float("inf"), 1]}, "inf at index 0"),
        ({"weights": [-1, 1]}, "-1 at index 0"),
        ({"weights": ["1", 1]}, "'1' at index 0"),
        ({"rule": 3}, "unknown voting rule: 3"),
        ({"failed": -1}, "failed calls"),
        ({"power": float("nan")}, "power"),
        ({"power": 65}, "power"),
        ({"threshold": 0}, "threshold"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        vote(["a", "b"], **options)


def test_an_answer_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="5 at index 1"):
        vote(cast(list[str | None], ["5", 5]))


BALLOTS = st.lists(
    st.tuples(
        st.sampled_from(["1", "1.0", "2", "3", "1/3", "0.3333", None]), st.sampled_from([0, 0.25, 0.5, 1, 3])
    ),
    max_size=9,
)


def table(ballots: list[tuple[str | None, float]], **options: Any) -> tuple[Any, ...]:
    """What a vote says, without the order of its voters."""
    v = vote([a for a, _ in ballots], weights=[w for _, w in ballots], kind="number", tie="none", **options)
    classes = {frozenset(ballots[i][0] for i in t.members): t.weight for t in v.tallies}
    return classes, v.share, v.margin, round(v.entropy, 12), v.voters, v.abstained, v.tied, v.answer is None


@given(BALLOTS, st.randoms(), st.sampled_from(RULES))
def test_the_order_of_voters_changes_nothing(
    ballots: list[tuple[str | None, float]], chance: Any, rule: str
) -> None:
    shuffled = list(ballots)
    chance.shuffle(shuffled)
    assert table(shuffled, rule=rule) == table(ballots, rule=rule)


@given(BALLOTS, st.sampled_from(["weighted", "borda"]))
def test_doubled_weights_change_nothing(ballots: list[tuple[str | None, float]], rule: str) -> None:
    answers = [a for a, _ in ballots]
    once = vote(answers, weights=[w for _, w in ballots], kind="number", rule=rule)
    twice = vote(answers, weights=[2 * w for _, w in ballots], kind="number", rule=rule)
    assert (once.answer, once.winner, once.share, once.margin) == (
        twice.answer,
        twice.winner,
        twice.share,
        twice.margin,
    )


@given(BALLOTS, st.sampled_from(TIES), st.sampled_from(KEYS))
def test_borda_of_power_zero_is_the_majority(
    ballots: list[tuple[str | None, float]], tie: str, key: str
) -> None:
    answers, weights = [a for a, _ in ballots], [w for _, w in ballots]
    borda = vote(answers, weights=weights, kind="number", rule="borda", power=0, tie=tie, key=key)
    plain = vote(answers, weights=weights, kind="number", tie=tie, key=key)
    assert borda.model_copy(update={"rule": "majority"}) == plain


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), st.randoms())
def test_borda_of_a_large_power_is_the_best_item(answers: list[str], chance: Any) -> None:
    weights = [float(i) for i in range(len(answers))]
    chance.shuffle(weights)
    best = max(range(len(answers)), key=weights.__getitem__)
    assert vote(answers, weights=weights, kind="text", rule="borda", power=64).answer == answers[best]


@given(BALLOTS, st.sampled_from(RULES), st.sampled_from(TIES))
def test_every_vote_adds_up(ballots: list[tuple[str | None, float]], rule: str, tie: str) -> None:
    answers, weights = [a for a, _ in ballots], [w for _, w in ballots]
    v = vote(answers, weights=weights, kind="number", rule=rule, tie=tie)
    assert v.voters + v.abstained == len(answers)
    assert sum(len(t.members) for t in v.tallies) == v.voters
    assert 0 <= v.margin <= v.share <= 1
    assert (v.answer is None) == (v.winner is None)
    if v.winner is not None:
        assert v.winner in v.members
        assert v.tallies[0].answer == v.answer


@pytest.mark.parametrize("rule", ["weighted", "borda"])
def test_weights_that_cannot_be_added_up_are_refused(rule: str) -> None:
    with pytest.raises(InputError, match="too large to be added up"):
        vote(["a", "a"], weights=[1e308, 1e308], rule=rule)
    with pytest.raises(InputError, match=r"finite number and not negative: 1000+ at index 0"):
        vote(["a"], weights=[10**400], rule=rule)
