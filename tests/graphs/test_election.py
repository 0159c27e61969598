"""Votes that count ballots: what a `vote` node makes of lists of numbers."""

from __future__ import annotations

import pytest

import rebut
from rebut.errors import QuorumMissed, WorkflowError
from rebut.graphs.result import Result

from .stage import Stage, noted


async def held(ballots: str, more: str = "rule: condorcet", names: str = "['ant', 'bee', 'cat']") -> Result:
    text = f"""
name: one
agents: {{}}
nodes:
  elect: {{vote: "{names}", ballots: "{ballots}", {more}, save: ballot}}
edges: {{start: elect, elect: end}}
answer: ballot.answer
"""
    return await Stage({}).play(text, kind="text")


CIRCLE = "[[1, 2, 3], [1, 2, 3], [2, 3, 1], [2, 3, 1], [2, 3, 1], [3, 1, 2], [3, 1, 2]]"


async def test_a_circle_of_pairs_is_cut_at_its_weakest_victory() -> None:
    result = await held(CIRCLE)  # ant 4:3 bee, bee 5:2 cat, cat 5:2 ant
    ballot = result.state["ballot"]
    assert (ballot.answer, ballot.winner, ballot.rule) == ("bee", 1, "condorcet")
    assert [t.answer for t in ballot.tallies] == ["bee", "cat", "ant"]


async def test_each_rule_counts_the_same_ballots_its_own_way() -> None:
    ballots = "[[1, 2, 3], [1, 2, 3], [1, 2, 3], [2, 3, 1], [2, 3, 1], [3, 2, 1], [3, 2, 1]]"
    won = {
        rule: (await held(ballots, f"rule: {rule}, tie: none")).answer
        for rule in ("plurality", "borda", "condorcet", "approval")
    }
    assert won == {"plurality": "ant", "borda": "bee", "condorcet": "bee", "approval": None}


async def test_without_a_rule_ballots_are_counted_by_borda() -> None:
    result = await held("[[2, 1], [3]]", "tie: first")
    assert result.state["ballot"].rule == "borda"
    assert {t.answer: t.weight for t in result.state["ballot"].tallies} == {"bee": 2.5, "cat": 2, "ant": 1.5}


async def test_whoever_abstains_is_counted_and_noted() -> None:
    result = await held("[None, [9], [1]]", "rule: plurality")
    ballot = result.state["ballot"]
    assert (ballot.answer, ballot.voters, ballot.abstained) == ("ant", 1, 2)
    assert noted(result, "abstained", "elect") == ["2 of 3 cast no ballot that holds"]


async def test_a_tie_is_noted_and_given_by_its_rule() -> None:
    result = await held("[[1], [3]]", "rule: plurality, tie: last")
    assert result.answer == "cat"
    assert noted(result, "tie", "elect") == ["first place tied; rule 'last' gave it"]


async def test_a_missed_quorum_ends_the_run() -> None:
    with pytest.raises(QuorumMissed, match="1 of 3"):
        await held("[None, None, [1]]", "quorum: 2")


async def test_the_weight_of_a_voter_is_told_by_its_ballot_and_place() -> None:
    result = await held("[[1, 2], [2], [3]]", "rule: plurality, weights: len(item) + index")
    assert {t.answer: t.weight for t in result.state["ballot"].tallies} == {"cat": 3, "ant": 2, "bee": 2}


async def test_points_are_spread_over_candidates() -> None:
    result = await held("[[10, 0, 0], [0, 3, 1], [0, 1, 0], [0, 0, 0]]", "rule: cumulative")
    ballot = result.state["ballot"]
    assert (ballot.answer, ballot.tallies[0].weight, ballot.abstained) == ("bee", 1.75, 1)


@pytest.mark.parametrize(
    ("ballots", "more", "says"),
    [
        ("'abc'", "rule: borda", "ballots needs a list, .* is str"),
        ("[[1]]", "weights: 0 - 1", "weight must be a finite number and not negative: -1"),
        ("[[1]]", "rule: =lower('MAJORITY')", "unknown rule of election: 'majority'"),
    ],
)
async def test_what_cannot_be_counted_names_its_node(ballots: str, more: str, says: str) -> None:
    with pytest.raises(WorkflowError, match=f"node 'elect': {says}"):
        await held(ballots, more)


def test_a_drawing_tells_an_election_from_a_vote() -> None:
    text = """
name: one
agents: {}
nodes:
  elect: {vote: "['a', 'b']", ballots: "[[1]]", save: ballot}
edges: {start: elect, elect: end}
answer: ballot.answer
"""
    workflow = rebut.loads(text)
    assert "elect one of ['a', 'b']" in workflow.draw()
    assert workflow.plan().calls == 0
