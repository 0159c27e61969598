"""A small debate, as the events of a run."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.events import (
    CallDelta,
    CallFinished,
    CallStarted,
    Event,
    NodeFinished,
    NodeStarted,
    Noted,
    RunFinished,
    RunStarted,
)

VOTE: dict[str, Any] = {
    "answer": "no",
    "winner": 0,
    "share": 0.75,
    "margin": 0.5,
    "entropy": 0.56,
    "tallies": [
        {"answer": "no", "weight": 3.0, "members": [0, 1, 3]},
        {"answer": "yes", "weight": 1.0, "members": [2]},
    ],
    "voters": 4,
    "abstained": 1,
    "failed": 0,
    "tied": False,
    "rule": "majority",
    "tie": "first",
}


def said(agent: str, visit: int, text: str, **extra: Any) -> CallFinished:
    facts: dict[str, Any] = {
        "role": "debater",
        "model": "m",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "usd": 0.001,
    }
    return CallFinished(
        node=agent, visit=visit, call=f"{agent}/{visit}", agent=agent, texts=(text,), **{**facts, **extra}
    )


def events_of_a_debate() -> list[Event]:
    verdict = {"decided": True, "answer": "no", "side": "bel", "reason": "sound"}
    return [
        RunStarted(run="r1", workflow="debate", input={"question": "Is it?"}, params={}, models={"ada": "m"}),
        NodeStarted(node="ada", visit=1),
        CallStarted(node="ada", call="ada/1", agent="ada", role="debater", model="m"),
        CallDelta(node="ada", call="ada/1", agent="ada", index=0, text="It is"),
        said("ada", 1, "It is.\nTruly."),
        NodeStarted(node="bel", visit=2),
        said("bel", 2, '{"side": "bel", "sure": 0.875}'),
        NodeFinished(node="weigh", visit=1, wrote={"verdict": verdict}),
        NodeFinished(node="tally", visit=1, wrote={"vote": VOTE}),
        Noted(node="tally", what="abstained", text="1 of 5 gave no answer"),
        RunFinished(
            answer="no",
            stop_reason="answered",
            usage={"calls": 2, "prompt": 200, "completion": 40, "usd": 0.002},
            t=4.2,
        ),
    ]


@pytest.fixture
def debate() -> list[Event]:
    """Two rounds, a verdict, a vote, a note and an end."""
    return events_of_a_debate()
