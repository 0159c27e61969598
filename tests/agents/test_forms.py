"""Replies in a form of a role's own."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import jsonschema
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import ValidationError

from rebut.agents import forms
from rebut.agents.forms import Form, form_of
from rebut.agents.parsing import parse
from rebut.errors import Unparsed
from rebut.events import NodeFinished
from rebut.graphs.expressions.values import attribute
from rebut.records import Reply

PICK = form_of({"reason": "text (one sentence)", "best": "whole 1..answers"})
CHECKS = form_of({"checks": "flags of questions"})
GRADES = form_of({"grades": "wholes 0..10 of answers", "level": "one of easy, hard", "sure": "number 0..1"})


def read(form: Form, text: str, **facts: Any) -> Any:
    lengths = forms.sizes(form, facts)
    return parse(text, forms.wire(form, lengths))[0]


def test_a_reply_is_read_field_by_field() -> None:
    filled = read(PICK, '{"reason": "It adds up.", "best": 2}', answers=["a", "b", "c"])
    assert (filled.reason, filled.best) == ("It adds up.", 2)


def test_a_number_beyond_the_facts_does_not_fit() -> None:
    with pytest.raises(Unparsed, match="whole number from 1 to 3") as caught:
        read(PICK, '{"reason": "", "best": 4}', answers=["a", "b", "c"])
    assert '"best"' in caught.value.reason


def test_a_list_has_one_entry_for_each_item_of_its_fact() -> None:
    assert read(CHECKS, '{"checks": [true, false]}', questions=("one", "two")).checks == (True, False)
    with pytest.raises(Unparsed, match="must hold 3, it holds 2"):
        read(CHECKS, '{"checks": [true, false]}', questions=("one", "two", "three"))


def test_a_number_that_is_qualified_is_not_taken() -> None:
    with pytest.raises(Unparsed):
        read(PICK, '{"reason": "", "best": "2 or 3"}', answers=["a", "b", "c"])


def test_numbers_and_choices_are_read_as_they_are_written() -> None:
    filled = read(GRADES, '{"grades": [3, "10"], "level": "Hard", "sure": 0.25}', answers=["a", "b"])
    assert (filled.grades, filled.level, filled.sure) == ((3, 10), "hard", 0.25)


@pytest.mark.parametrize("wrong", ['"level": "medium"', '"sure": 1.5', '"grades": [3, 11]', '"sure": true'])
def test_what_is_out_of_its_range_does_not_fit(wrong: str) -> None:
    right = {'"level"': '"level": "easy"', '"sure"': '"sure": 1', '"grades"': '"grades": [3, 4]'}
    fields = {**right, wrong.partition(":")[0]: wrong}
    with pytest.raises(Unparsed):
        read(GRADES, "{" + ", ".join(fields.values()) + "}", answers=["a", "b"])


def test_the_schema_accepts_what_fits_and_nothing_else() -> None:
    schema = forms.schema(GRADES, {"answers": 2})
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {"grades": [0, 10], "level": "easy", "sure": 0.5}
    jsonschema.validate(good, schema)
    for wrong in ({"grades": [1]}, {"level": "odd"}, {"sure": 2}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **wrong}, schema)


@pytest.mark.parametrize("high", ["3", "slots"])
def test_a_list_of_texts_may_be_held_to_a_length(high: str) -> None:
    form = form_of({"points": f"texts 2..{high} (a point)"})
    assert read(form, '{"points": ["a", "b", "c"]}', slots=range(3)).points == ("a", "b", "c")
    for wrong in ('["a"]', '["a", "b", "c", "d"]'):
        with pytest.raises(Unparsed, match="must hold 2 to 3, it holds"):
            read(form, f'{{"points": {wrong}}}', slots=range(3))
    schema = forms.schema(form, {"slots": 3})["properties"]["points"]
    assert schema == {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3}
    assert forms.keys(form, {"slots": 3}) == '"points": ["<a point>", ...: 2 to 3 of them]'
    assert ("...: 1 of them" in forms.keys(form, {"slots": 1})) is (high == "slots")


def test_a_prompt_is_told_how_the_reply_looks() -> None:
    assert forms.keys(PICK, {"answers": 3}) == (
        '"reason": "<one sentence>", "best": <whole number from 1 to 3>'
    )
    assert "2 of them" in forms.keys(CHECKS, {"questions": 2})


def test_the_record_has_the_fields_of_the_form() -> None:
    record = PICK.record(reason="so", best=1, agent="judge", model="m", call="pick/1")  # type: ignore[call-arg]
    assert record.model_dump() == {
        "agent": "judge",
        "model": "m",
        "call": "pick/1",
        "reason": "so",
        "best": 1,
    }
    assert form_of({"reason": "text (one sentence)", "best": "whole 1..answers"}).record is PICK.record


EVERY = form_of(
    {
        "text": "text",
        "sure": "number 0..1",
        "best": "whole 1..answers",
        "holds": "flag",
        "level": "one of easy, hard",
        "points": "texts",
        "weights": "numbers",
        "grades": "wholes",
        "checks": "flags of questions",
    }
)
FILLED = EVERY.record.model_validate(
    {
        "text": "so",
        "sure": 1.0,
        "best": 2,
        "holds": True,
        "level": "easy",
        "points": ["a", "b"],
        "weights": [0.0, 0.5],
        "grades": [3],
        "checks": [True, False],
        "agent": "judge",
        "model": "m",
        "call": "a/1",
    }
)
EMPTY = form_of({"points": "texts", "checks": "flags"}).record.model_validate({"points": [], "checks": []})


def kept(record: Reply) -> Any:
    """The record as a checkpoint gives it back."""
    serializer = JsonPlusSerializer()
    return serializer.loads_typed(serializer.dumps_typed({"view": record}))["view"]


def line(record: Reply) -> bytes:
    """An event that shows the record."""
    return NodeFinished(node="a", visit=1, wrote={"view": record}).as_json()


@pytest.mark.parametrize("record", [FILLED, EMPTY, Reply(agent="judge")], ids=["filled", "empty", "plain"])
def test_a_record_of_a_form_can_be_pickled_and_copied(record: Reply) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(record, protocol))
        assert back == record and type(back) is type(record) and line(back) == line(record)
    assert copy.copy(record) == copy.deepcopy(record) == record
    assert record.model_copy(update={"agent": "ada"}).agent == "ada"


def test_a_pickled_record_of_a_form_is_read_where_the_form_is_not_known() -> None:
    packed = pickle.dumps(FILLED)
    forms._with.cache_clear()
    back = pickle.loads(packed)
    assert type(back) is not type(FILLED) and back.model_dump() == FILLED.model_dump()
    assert (attribute(back, "holds"), attribute(back, "checks")) == (True, (True, False))


def test_a_checkpoint_keeps_every_field_of_a_form() -> None:
    back = kept(FILLED)
    assert isinstance(back, Reply) and back.model_dump() == FILLED.model_dump()
    assert {name: attribute(back, name) for name in type(FILLED).model_fields} == dict(FILLED)
    assert line(back) == line(FILLED) and kept(back) == back


def test_a_checkpoint_keeps_lists_of_a_form_without_entries() -> None:
    back = kept(EMPTY)
    assert (attribute(back, "points"), attribute(back, "checks")) == ((), ()) and line(back) == line(EMPTY)


def test_what_no_form_can_have_is_no_field_of_a_record_either() -> None:
    for name in ("model_dump", "Bad", "_private"):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            forms.Reply.model_validate({"holds": True, name: "x"})
    assert type(forms.Reply(agent="ada")) is forms.Reply


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "needs a field"),
        ({"model": "text"}, "'model' cannot name a field"),
        ({"model_dump": "text"}, "cannot name a field"),
        ({"Bad": "text"}, "'Bad' cannot name a field"),
        ({"a": "string"}, "possible: text, number"),
        ({"a": 3}, "possible: text, number"),
        ({"a": "text 1..3"}, "only numbers and lists of texts have a range"),
        ({"a": "flags 1..3"}, "only numbers and lists of texts have a range"),
        ({"a": "texts 1..3 of items"}, "has a length from 0 up, or that of a list"),
        ({"a": "texts -1..3"}, "has a length from 0 up"),
        ({"a": "flag of items"}, "needs a list, such as flags"),
        ({"a": "whole 3..1"}, "nothing is between 3 and 1"),
        ({"a": "one of x"}, "two or more different choices"),
        ({"a": "one of x, x"}, "two or more different choices"),
    ],
)
def test_a_field_that_cannot_be_is_refused(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        form_of(written)


def test_a_form_that_is_measured_by_what_is_no_list_says_so() -> None:
    with pytest.raises(ValueError, match="measured by 'answers', which is no list here"):
        forms.sizes(PICK, {"answers": None})
