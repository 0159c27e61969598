"""Events as JSON: the same bytes for the same event, whatever it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from rebut.errors import StoreError
from rebut.events import EVENTS, CallStarted, Event, NodeFinished, RunStarted, event_of
from rebut.memory.rows import event_cells
from rebut.records import Sample, Score


def wrote(value: Any) -> NodeFinished:
    """The end of a node that saved something."""
    return NodeFinished(run="run-1", seq=3, t=0.5, node="b", visit=1, wrote={"names": value}, to=("end",))


def test_an_event_is_one_line_of_json_with_its_kind_first() -> None:
    assert wrote({"a": (1, 2.5, None)}).as_json() == (
        b'{"kind":"node.finished","run":"run-1","seq":3,"t":0.5,"node":"b","visit":1,'
        b'"wrote":{"names":{"a":[1,2.5,null]}},"to":["end"]}'
    )


@pytest.mark.parametrize(
    "event",
    [
        wrote({"a": 1}),
        wrote([{"b": [True]}]),
        RunStarted(workflow="solve", input={"question": "1+2?"}, params={}, models={"s": "fake/x"}),
        CallStarted(node="a", call="a/1", agent="s", role="solver", model="fake/x"),
    ],
    ids=lambda event: event.kind,
)
def test_an_event_is_made_again_from_what_it_is_as_json(event: Event) -> None:
    assert event_of(event.as_dict()) == event and type(event) is EVENTS[event.kind]
    assert orjson.loads(event.as_json()) == event.as_dict()
    assert event_of(orjson.loads(event.as_json())).as_json() == event.as_json()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({1: "one", 2: "two"}, {"1": "one", "2": "two"}),
        ({-0.5: "a", True: "b", None: "c"}, {"-0.5": "a", "true": "b", "null": "c"}),
        ([{"deep": {3: {4: 5}}}], [{"deep": {"3": {"4": 5}}}]),
    ],
)
def test_keys_that_are_no_texts_become_texts(value: Any, kept: Mapping[str, Any]) -> None:
    event = wrote(value)
    assert event.as_json() == wrote(kept).as_json()
    assert event.as_dict() == wrote(kept).as_dict()
    assert event_cells(event) == event_cells(wrote(kept))


def test_a_record_beside_keys_that_are_no_texts_is_shown_as_ever() -> None:
    sample = Sample(text="so", answer="3", scores={"judge": Score(value=0.5)})
    alone = orjson.loads(wrote(sample).as_json())["wrote"]["names"]
    assert wrote({1: sample}).as_dict()["wrote"]["names"] == {"1": alone}


@pytest.mark.parametrize(
    "value",
    [object(), 2**64, "\ud800", {(1, 2): "pair"}],
    ids=["object", "too-large", "surrogate", "pair"],
)
def test_what_has_no_form_in_json_is_told_of_with_its_run(value: object) -> None:
    with pytest.raises(StoreError, match="event 3 of run 'run-1' cannot be kept"):
        event_cells(wrote(value))
