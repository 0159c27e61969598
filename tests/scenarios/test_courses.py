"""The course of a run: rounds and seats from where answers are kept, whatever the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rebut.graphs.workflow import load, loads
from rebut.records import Called, Label, Sample, plain
from rebut.scenarios.courses import Course, course
from rebut.scenarios.outlines import Outline, outline
from rebut.scenarios.turns import Track

NOTHING = Outline({}, ())


def said(answer: str | None, call: str, agent: str = "a", index: int = 0, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = plain(
        Sample(text=f"I say {answer}", answer=answer, agent=agent, call=call, index=index, **more)
    )
    return found


def follow(
    *steps: tuple[str, str, Mapping[str, Any]], answer: str | None = None, lines: Outline = NOTHING
) -> Course:
    """The course of nodes: each with its name, what it does, and what it wrote."""
    events: list[dict[str, Any]] = []
    for node, does, wrote in steps:
        events.append({"kind": "node.started", "node": node, "does": does})
        events.append({"kind": "node.finished", "node": node, "wrote": wrote})
    return course(events, answer, lines)


def answers(track: Track) -> list[list[str | None]]:
    return [[turn.answer if turn else None for turn in row] for row in track.rounds]


def test_an_answer_that_is_overwritten_is_the_next_round_of_one_seat() -> None:
    found = follow(
        ("write", "ask", {"draft": said("1", "w/1")}),
        ("keep", "set", {"drafts+": [said("1", "w/1")]}),
        ("mend", "ask", {"draft": said("2", "m/1", "b")}),
    )
    assert set(found.tracks) == {"draft"}
    assert answers(found.tracks["draft"]) == [["1"], ["2"]]
    assert (found.tracks["draft"].seats, found.tracks["draft"].length) == (["1"], 2)


def test_a_list_has_a_seat_for_each_place_and_scores_are_no_new_round() -> None:
    first = [said("1", "d/1#0"), said("2", "d/1#1", index=1)]
    graded = [one | {"score": 0.5} for one in first]
    found = follow(
        ("draw", "sample", {"answers": first}),
        ("grade", "score", {"answers": graded}),
        ("adopt", "set", {"answers": [first[0], said("3", "t/1[1]")]}),
    )
    assert answers(found.tracks["answers"]) == [["1", "2"], ["1", "3"]]


def test_appended_turns_belong_to_their_agents_and_who_falls_silent_keeps_its_answer() -> None:
    found = follow(
        ("pro", "ask", {"talk+": [said("1", "p/1", "pro")]}),
        ("con", "ask", {"talk+": [said("2", "c/1", "con")]}),
        ("pro", "ask", {"talk+": [said("3", "p/2", "pro")]}),
    )
    track = found.tracks["talk"]
    assert (track.seats, answers(track)) == (["pro", "con"], [["1", "2"], ["3", "2"]])


def test_samples_that_are_appended_are_independent() -> None:
    found = follow(
        ("draw", "sample", {"pool+": [said("1", "d/1#0")]}),
        ("draw", "sample", {"pool+": [said("2", "d/2#0"), None]}),
    )
    track = found.tracks["pool"]
    assert (track.seats, answers(track)) == (["a 1", "a 2"], [["1", "2"]])


VOICES = """
name: talk
inputs: [question]
agents: {ada: solver, bel: solver, cyd: solver}
nodes:
  one: {ask: ada, save: ada_says}
  two: {ask: bel, save: bel_says}
  own: {ask: cyd, mode: steps, save: cyd_says}
edges:
  start: own
  own: one
  one: two
  two: [{when: visits.two < 2, to: one}, {to: end}]
answer: bel_says.answer
"""


def test_agents_of_one_role_that_each_keep_their_own_word_are_the_seats_of_one_exchange() -> None:
    lines = outline(loads(VOICES).spec)
    assert lines.voices == (("ada_says", "bel_says"),)
    found = follow(
        ("own", "ask", {"cyd_says": said("9", "o/1", "cyd")}),
        ("one", "ask", {"ada_says": said("1", "one/1", "ada")}),
        ("two", "ask", {"bel_says": said("2", "two/1", "bel")}),
        ("one", "ask", {"ada_says": said("2", "one/2", "ada")}),
        lines=lines,
    )
    track = found.tracks["ada_says, bel_says"]
    assert (track.seats, answers(track)) == (["ada_says", "bel_says"], [["1", "2"], ["2", "2"]])
    assert set(found.tracks) == {"ada_says, bel_says", "cyd_says"}


def test_going_through_a_list_gives_each_answer_its_next_round_also_after_a_new_deal() -> None:
    one, two = said("1", "d/1#0"), said("2", "d/1#1", index=1)
    three, four = said("3", "r/1[0]"), said("4", "r/2[1]")
    found = follow(
        ("draw", "sample", {"pool": [one, two]}),
        ("mend", "ask", {"new": [three, None]}),
        ("sort", "set", {"pool": [two, three]}),
        ("mend", "ask", {"new": [None, four]}),
        lines=Outline({"mend": ("pool",)}, ()),
    )
    track = found.tracks["pool"]
    assert answers(track) == [["1", "2"], ["3", "2"]]
    ((before, after),) = track.more
    assert [turn and turn.answer for turn in before] == ["2", "3"]
    assert [turn and turn.answer for turn in after] == ["2", "4"]
    assert track.length == 3


def test_a_selection_is_no_round() -> None:
    one, two = said("1", "d/1#0"), said("2", "d/1#1", index=1)
    turned = follow(("draw", "sample", {"pool": [one, two]}), ("sort", "set", {"pool": [two, one]}))
    fewer = follow(("draw", "sample", {"pool": [one, two]}), ("cut", "set", {"pool": [one]}))
    again = follow(("draw", "sample", {"pool": [one]}), ("draw", "sample", {"pool": [two]}))
    assert [answers(found.tracks["pool"]) for found in (turned, fewer, again)] == [[["1", "2"]]] * 2 + [
        [["1"]]
    ]


def test_what_holds_no_answer_is_no_exchange() -> None:
    found = follow(
        ("think", "ask", {"idea": said(None, "t/1")}),
        ("count", "set", {"n": 3, "names": ["x"], "none": [], "empty": [None]}),
    )
    assert found.tracks == {}


def test_a_called_workflow_answers_and_its_own_exchange_stands_under_its_node() -> None:
    called = plain(Called(workflow="self-refine", answer=7, call="hard/1"))
    found = follow(
        ("hard/1.write", "ask", {"draft": said("6", "hard/1.write/1")}),
        ("hard/1.mend", "ask", {"draft": said("7", "hard/1.mend/1")}),
        ("hard", "call", {"worked+": [called]}),
    )
    assert answers(found.tracks["hard.draft"]) == [["6"], ["7"]]
    assert answers(found.tracks["worked"]) == [["7"]]
    assert dict(found.visited) == {"hard.write": 1, "hard.mend": 1, "hard": 1}


def ballot(answer: str, share: float) -> dict[str, Any]:
    return {
        "answer": answer, "share": share, "tallies": [], "voters": 2, "abstained": 0,
        "rule": "majority", "tie": "first",
    }  # fmt: skip


def test_the_confidence_is_what_was_saved_as_such_the_share_of_the_vote_or_that_of_the_tokens() -> None:
    steps = (
        ("draw", "sample", {"all": [said("5", "d/1", confidence=0.7), said("5", "d/2", confidence=0.9)]}),
        ("look", "vote", {"early": ballot("5", 0.4)}),
        ("tally", "vote", {"ballot": ballot("5", 0.6), "other": ballot("6", 0.9)}),
        ("tell", "set", {"confidence": 0.25, "certainty": 3.5}),
    )
    assert follow(*steps, answer="5").sure == {
        "confidence": 0.25, "share of the vote": 0.6, "mean probability of the tokens": 0.9,
    }  # fmt: skip
    assert follow(*steps[:3], answer="7").sure == {}
    assert follow(*steps, answer=None).sure == {}


def test_notes_are_counted() -> None:
    events = [{"kind": "noted", "node": "n", "what": what} for what in ("tie", "reasked", "tie")]
    assert course(events, None, NOTHING).noted == {"tie": 2, "reasked": 1}


def test_a_judge_that_sees_both_orders_is_known_by_the_exchanged_lists() -> None:
    lines = outline(load("pairwise").spec)
    assert lines.swapped == (("straight", "swapped"),)
    label = [plain(Label(value=value)) for value in ("A", "B", "C")]
    found = follow(
        ("straight", "ask", {"forth": [label[0], label[0], label[2], None]}),
        ("swapped", "ask", {"back": [label[0], label[1], label[2], label[0]]}),
        lines=lines,
    )
    assert found.orders == (("first", "first"), ("first", "second"), ("tie", "tie"), (None, "first"))


def test_the_outline_names_what_is_gone_through_one_by_one() -> None:
    assert outline(load("magicore").spec).through["refine"] == ("chains", "critiques")
    assert outline(load("route-by-difficulty").spec).through["refine"] == ("chains", "critiques")


def test_the_ballot_of_a_plain_majority_is_known_only_where_its_size_was_settled_before() -> None:
    assert outline(load("self-consistency").spec).drawn == "draw"
    assert not any(outline(load(name).spec).drawn for name in ("adaptive-consistency", "best-of-n", "solve"))
    steps = (
        ("draw", "sample", {"samples": [said("5", "d/1#0"), said("6", "d/1#1", index=1)]}),
        ("tally", "vote", {"ballot": ballot("5", 0.5)}),
    )
    lines = Outline({}, (), "draw")
    assert follow(*steps, answer="5", lines=lines).ballot == ("5", "6")
    assert follow(*steps, answer="6", lines=lines).ballot == ()
    assert follow(*steps, answer="5").ballot == ()
