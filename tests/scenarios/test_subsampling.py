"""A vote with fewer votes: what it would have been, counted out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import comb

import pytest

from rebut.records import Usage
from rebut.scenarios.courses import Course
from rebut.scenarios.runner import Report
from rebut.scenarios.subsampling import fewer
from rebut.scenarios.trials import Trial

from .adder import scenario
from .test_verdict import of

Ballot = tuple[str | None, ...]


def voted(*ballots: Ballot, requests: int = 1, tie: bool = True) -> tuple[Report, dict[str, Course]]:
    usage = Usage(calls=4, requests=requests, prompt=100, completion=40)
    trials: list[Trial] = [replace(t, usage=usage) for t in of("vote", "1" * len(ballots))]
    found = {
        trial.run: Course({}, {}, {}, {}, ballot=ballot, tie=tie)
        for trial, ballot in zip(trials, ballots, strict=True)
    }
    return Report(scenario(), ("vote",), trials, len(trials)), found


def test_one_vote_is_the_share_of_right_votes_and_all_of_them_the_vote_itself() -> None:
    (curve,) = fewer(*voted(("1", "1.0", "2", None), ("2", "2", "2", "1")), {"vote": "number"}).values()
    assert [one.votes for one in curve] == [1, 2, 3, 4]
    assert curve[0].right.mean == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert curve[-1].right.mean == pytest.approx((1 + 0) / 2)
    # both right; one right and one wrong: a tie; one right and one without an answer: right
    first = (1 + 2 * 0.5 + 2 * 1 + 0) / comb(4, 2)
    assert curve[1].right.mean == pytest.approx((first + 3 * 0.5 / 6) / 2)


def test_a_tie_that_nobody_wins_is_not_right() -> None:
    (curve,) = fewer(*voted(("1", "2"), tie=False), {"vote": "number"}).values()
    assert curve[1].right.mean == 0


def test_tokens_fall_with_the_votes_and_a_prompt_that_was_sent_once_stays() -> None:
    (once,) = fewer(*voted(("1", "1", "2", "2")), {}).values()
    assert [one.tokens for one in once] == [110, 120, 130, 140]
    (each,) = fewer(*voted(("1", "1", "2", "2"), requests=4), {}).values()
    assert [one.tokens for one in each] == [35, 70, 105, 140]


def test_many_votes_are_drawn_and_few_sizes_looked_at() -> None:
    ballot: Ballot = ("1",) * 24 + ("2",) * 16
    (curve,) = fewer(*voted(ballot), {"vote": "number"}).values()
    assert len(curve) <= 12 and (curve[0].votes, curve[-1].votes) == (1, 40)
    assert curve[0].right.mean == pytest.approx(0.6) and curve[-1].right.mean == 1
    rising = [one.right.mean for one in curve if one.votes % 2]
    assert all(b > a - 0.06 for a, b in itertools.pairwise(rising))


def test_without_a_plain_vote_in_every_trial_there_is_no_curve() -> None:
    assert fewer(*voted(("1", "1"), ()), {}) == {}
    assert fewer(*voted(("1", "1"), ("1", "2", "3")), {}) == {}
    report, _ = voted(("1", "1"))
    assert fewer(report, {}, {}) == {}
