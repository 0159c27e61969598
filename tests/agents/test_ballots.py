"""Elections by approval, ranks, pairs and points."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.agents.ballots import RULES, elect, strongest_paths
from rebut.errors import InputError

ABC = ["a", "b", "c"]


def many(*blocks: tuple[int, str]) -> list[list[float]]:
    """Ballots of voters who rank A, B, C... in the order of the letters."""
    return [
        [float(ord(letter) - ord("A") + 1) for letter in ranks]
        for times, ranks in blocks
        for _ in range(times)
    ]


# The worked example of Schulze 2011 with 45 voters: E before A before C before B before D.
SCHULZE = many(
    (5, "ACBED"), (5, "ADECB"), (8, "BEDAC"), (3, "CABED"),
    (7, "CAEBD"), (2, "CBADE"), (7, "DCEBA"), (8, "EBADC"),
)  # fmt: skip


def test_strongest_paths_decide_where_pairs_go_in_a_circle() -> None:
    outcome = elect(list("ABCDE"), SCHULZE, rule="condorcet")
    assert outcome.answer == "E"
    assert [t.answer for t in outcome.tallies] == ["E", "A", "C", "B", "D"]


def test_who_beats_all_others_in_pairs_wins_although_another_has_more_first_places() -> None:
    ballots = many((4, "ABC"), (3, "CBA"), (2, "BCA"))
    assert elect(ABC, ballots, rule="plurality").answer == "a"
    assert elect(ABC, ballots, rule="condorcet").answer == "b"


def test_an_even_circle_is_a_tie_that_the_tie_rule_decides() -> None:
    ballots = many((1, "ABC"), (1, "BCA"), (1, "CAB"))
    assert elect(ABC, ballots, rule="condorcet").tied
    assert elect(ABC, ballots, rule="condorcet", tie="none").answer is None
    assert elect(ABC, ballots, rule="condorcet", tie="last").answer == "c"


def test_borda_counts_places() -> None:
    outcome = elect(ABC, many((3, "ABC"), (2, "BCA")), rule="borda")
    assert {t.answer: t.weight for t in outcome.tallies} == {"b": 7.0, "a": 6.0, "c": 2.0}


def test_candidates_that_a_ballot_leaves_out_share_the_places_left() -> None:
    outcome = elect(ABC, [[2]], rule="borda")
    assert {t.answer: t.weight for t in outcome.tallies} == {"b": 2.0, "a": 0.5, "c": 0.5}


def test_approval_counts_every_name_on_a_ballot() -> None:
    outcome = elect(ABC, [[1, 2], [2], [3, 2], [1]], rule="approval")
    assert (outcome.answer, outcome.tallies[0].weight) == ("b", 3.0)


def test_points_are_spread_in_proportion_whatever_their_sum() -> None:
    outcome = elect(ABC, [[10, 0, 0], [0, 1, 1], [0, 1, 3]], rule="cumulative")
    assert {t.answer: t.weight for t in outcome.tallies} == {"a": 1.0, "b": 0.75, "c": 1.25}


@pytest.mark.parametrize("wrong", [None, [], [4], [0], [1, 1], [1.5], [True], ["a"], "12", [float("nan")]])
def test_a_ballot_that_does_not_hold_abstains(wrong: object) -> None:
    outcome = elect(ABC, [wrong, [2, 1, 3]], rule="borda")  # type: ignore[list-item]
    assert (outcome.answer, outcome.voters, outcome.abstained) == ("b", 1, 1)


def test_without_a_valid_ballot_nobody_wins() -> None:
    outcome = elect(ABC, [None, []], rule="condorcet")
    assert (outcome.answer, outcome.winner, outcome.voters, outcome.tallies) == (None, None, 0, ())


def test_a_candidate_without_an_answer_cannot_win() -> None:
    assert elect([None, "b", "c"], [[1, 3, 2], [1, 3, 2]], rule="plurality").answer == "b"
    assert elect([None, "b", "c"], [[1, 3, 2], [1, 3, 2]], rule="borda").answer == "c"


def test_heavier_voters_count_for_more() -> None:
    assert elect(ABC, [[1], [2]], rule="plurality", weights=[1, 2.5]).answer == "b"
    with pytest.raises(InputError, match="2 weights for 1 ballots"):
        elect(ABC, [[1]], weights=[1, 2])
    with pytest.raises(InputError, match="not negative"):
        elect(ABC, [[1]], weights=[-1])


def test_an_unknown_rule_is_named_with_what_is_possible() -> None:
    with pytest.raises(InputError, match="condorcet"):
        elect(ABC, [[1]], rule="condorcett")


rankings = st.integers(2, 5).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.permutations(range(1, n + 1)), min_size=1, max_size=9))
)


@given(rankings)
def test_a_winner_of_all_pairs_always_wins(drawn: tuple[int, list[list[int]]]) -> None:
    n, ballots = drawn
    wins = [
        sum(
            sum(b.index(i) < b.index(j) for b in ballots) * 2 > len(ballots)
            for j in range(1, n + 1)
            if j != i
        )
        for i in range(1, n + 1)
    ]
    if n - 1 in wins:
        assert elect([str(i) for i in range(n)], ballots, rule="condorcet").winner == wins.index(n - 1)


@given(rankings, st.sampled_from([r for r in RULES if r != "cumulative"]))
def test_the_order_of_the_voters_does_not_matter(drawn: tuple[int, list[list[int]]], rule: str) -> None:
    n, ballots = drawn
    names = [str(i) for i in range(n)]
    assert elect(names, ballots, rule=rule) == elect(names, ballots[::-1], rule=rule)


def test_a_path_is_as_strong_as_its_weakest_victory() -> None:
    preferred = [[0, 6, 2], [3, 0, 7], [7, 2, 0]]
    assert strongest_paths(preferred) == [[0, 6, 6], [7, 0, 7], [7, 6, 0]]


def test_a_voter_without_a_weight_abstains() -> None:
    outcome = elect(ABC, [[1], [2], [2]], rule="plurality", weights=[1, None, 0.5])
    assert (outcome.answer, outcome.voters, outcome.abstained) == ("a", 2, 1)


@pytest.mark.parametrize("wrong", ["heavy", float("nan"), float("inf"), [1]])
def test_a_weight_that_is_no_number_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="weight must be a finite number"):
        elect(ABC, [[1]], weights=[wrong])  # type: ignore[list-item]


def test_candidates_are_texts_and_blank_ones_cannot_win() -> None:
    assert elect([" ", "b"], [[1, 2]], rule="plurality").answer == "b"
    with pytest.raises(InputError, match="must be text or None: 3 at index 1"):
        elect(["a", 3], [[1]])  # type: ignore[list-item]


def test_no_number_is_too_large_to_be_judged() -> None:
    assert elect(ABC, [[10**400, 1, 2], [2]], rule="plurality").answer == "b"
    assert elect(ABC, [[1e308, 1e308, 0], [0, 1, 1]], rule="cumulative").answer == "b"
    for weight in (10**400, float("inf")):
        with pytest.raises(InputError, match="finite"):
            elect(ABC, [[1]], weights=[weight])
    with pytest.raises(InputError, match="too large to be added up"):
        elect(ABC, [[1], [1]], rule="plurality", weights=[1e308, 1e308])


def test_too_many_candidates_to_pair_are_refused_before_the_work() -> None:
    names = [str(i) for i in range(300)]
    with pytest.raises(InputError, match="300 candidates by 1 ballots"):
        elect(names, [[1, 2]], rule="condorcet")
    with pytest.raises(InputError, match="10 candidates by 100000 ballots"):
        elect(names[:10], [[1, 2]] * 100_000, rule="condorcet")
    assert elect(names, [[1, 2]], rule="borda").winner == 0
    assert elect(names[:100], [[1, 2]] * 100, rule="condorcet").winner == 0


truncated = st.integers(2, 6).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(
            st.permutations(range(1, n + 1)).flatmap(
                lambda p: st.integers(1, len(p)).map(lambda k: list(p[:k]))
            ),
            min_size=1,
            max_size=8,
        ),
    )
)


@settings(deadline=None)
@given(truncated)
def test_every_borda_ballot_gives_the_same_points_however_short_it_is(
    drawn: tuple[int, list[list[int]]],
) -> None:
    n, ballots = drawn
    tallies = elect([str(i) for i in range(n)], ballots, rule="borda").tallies
    assert sum(t.weight for t in tallies) == pytest.approx(len(ballots) * n * (n - 1) / 2)


@settings(deadline=None)
@given(truncated)
def test_a_short_borda_ballot_counts_as_the_mean_of_all_ways_to_fill_it(
    drawn: tuple[int, list[list[int]]],
) -> None:
    n, ballots = drawn
    short = ballots[0]
    rest = [c for c in range(1, n + 1) if c not in short]
    filled = [[*short, *order] for order in permutations(rest)]
    names = [str(i) for i in range(n)]
    mean = {t.members: t.weight / len(filled) for t in elect(names, filled, rule="borda").tallies}
    found = {t.members: t.weight for t in elect(names, [short], rule="borda").tallies}
    assert found == pytest.approx(mean)


@settings(deadline=None)
@given(truncated)
def test_naming_a_candidate_first_never_costs_it_the_condorcet_victory(
    drawn: tuple[int, list[list[int]]],
) -> None:
    n, ballots = drawn
    names = [str(i) for i in range(n)]
    before = elect(names, ballots, rule="condorcet", tie="none").winner
    if before is not None:
        more = [*ballots, [before + 1]]
        assert elect(names, more, rule="condorcet", tie="none").winner == before
