"""Events are told as blocks that a reader understands."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.events import CallFinished, Event, NodeFinished, NodeStarted, RunFinished, RunStarted
from rebut.records import Called, Critique, Sample, Verdict
from rebut.view.blocks import Block, Teller, ending, spoken


def told(*events: Event) -> list[Block]:
    teller = Teller()
    return [block for event in events for block in teller.tell(event)]


def test_a_debate_is_told_in_order(debate: list[Event]) -> None:
    assert [(b.kind, b.head) for b in told(*debate)] == [
        ("run", "debate"),
        ("speech", "ada (debater)"),
        ("round", "round 2"),
        ("speech", "bel (debater)"),
        ("ruling", "verdict: decided for bel"),
        ("vote", "tally: majority vote of 4, 1 abstained"),
        ("note", "abstained at tally"),
        ("end", "answered (2 calls, 240 tokens, $0.0020, 4.2s)"),
    ]


def test_a_vote_becomes_rows_with_shares(debate: list[Event]) -> None:
    rows = next(b.rows for b in told(*debate) if b.kind == "vote")
    assert [(r.answer, r.share, r.voters) for r in rows] == [("no", 0.75, 3), ("yes", 0.25, 1)]


def test_a_reply_in_json_is_told_field_by_field() -> None:
    assert spoken('{"side": "bel", "sure": 0.875, "why": null}') == "side: bel\nsure: 0.875\nwhy: none"
    assert spoken("{not json}") == "{not json}"
    assert spoken('["a"]') == '["a"]'


def test_models_are_named_only_when_the_panel_is_mixed() -> None:
    call = CallFinished(
        node="n", visit=1, call="c", agent="ada", role="debater", model="x/y", texts=("hi",)
    )  # fmt: skip
    start = RunStarted(workflow="w", input={}, params={}, models={"ada": "x/y", "bel": "z"})
    assert told(start, call)[1].head == "ada (x/y)"


def test_what_happens_in_a_called_workflow_is_told_with_its_place() -> None:
    call = CallFinished(
        node="inner/1.draw", visit=2, call="c", agent="ada", role="ada", model="m", texts=("hi",)
    )  # fmt: skip
    done = Called(workflow="debate", answer="no", stop_reason="budget", calls=3, kept={"x": [1]})
    heads = [
        (block.kind, block.head, block.body)
        for block in told(
            NodeStarted(node="inner/1.draw", visit=2),
            call,
            NodeStarted(node="inner/2.draw", visit=1),
            NodeFinished(node="inner", visit=1, wrote={"first": done}),
        )
    ]
    assert heads == [
        ("round", "inner/1 round 2", ""),
        ("speech", "ada in inner/1", "hi"),
        ("ruling", "first: debate budget (3 calls)", "no"),
    ]


def test_a_failed_call_is_told_with_its_reason() -> None:
    call = CallFinished(
        node="n", visit=1, call="c", agent="ada", role="ada", model="m", texts=(), error="ModelBusy: later"
    )  # fmt: skip
    assert told(call) == [Block(kind="trouble", head="ada failed", body="ModelBusy: later", agent="ada")]


def test_the_end_tells_how_much_of_the_prompts_was_cached_where_anything_was() -> None:
    usage = {"calls": 8, "prompt": 3210, "completion": 400, "cached": 1990, "usd": 0.0}
    end = RunFinished(stop_reason="answered", answer="4", usage=usage)
    assert ending(end) == "answered (8 calls, 3.6k tokens (3.2k in, 62% cached))"
    assert "cached" not in ending(
        RunFinished(stop_reason="answered", answer="4", usage=usage | {"cached": 0})
    )


SAVED: list[tuple[Any, str, str]] = [
    (Verdict(decided=False), "v: undecided", ""),
    (Critique(accepted=False, text="wrong sign"), "v: to mend", ""),
    (Sample(text="so 4", answer="4"), "v: answer", "4"),
    ([Sample(text="a", answer="4")] * 2 + [Sample(text="c")], "v: 3 answers", "4 x2, none"),
    ([Critique(accepted=True, text=""), None], "v: 1 of 2 accepted", ""),
    ({"value": 0.5, "steps": None, "reason": ""}, "v: score 0.5", ""),
    ({"answers": ["a", "b"], "agent": "judge", "model": "", "call": ""}, "v: 2 answers", "a; b"),
    (7, "v", "7"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "head", "body"), SAVED)
def test_what_a_node_saved_is_told(value: Any, head: str, body: str) -> None:
    [block] = told(NodeFinished(node="n", visit=1, wrote={"v": value}))
    assert (block.head, block.body) == (head, body)


@pytest.mark.parametrize(
    "value",
    [None, [], {}, [None], {"any": "thing"}, ["a", "b"], Sample(text="none"), [Sample(text="4", answer="4")]],
)
def test_what_says_nothing_new_is_passed_over(value: Any) -> None:
    assert told(NodeFinished(node="n", visit=1, wrote={"v": value})) == []


def test_the_end_says_why_and_what_it_cost() -> None:
    end = RunFinished(
        answer=None, stop_reason="budget", detail="calls limit of 2", usage={"calls": 2, "usd": None}
    )
    assert ending(end) == "budget: calls limit of 2 (2 calls, 0 tokens, $?)"
