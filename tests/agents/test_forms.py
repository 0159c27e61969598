"""Replies in a form of a role's own."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from rebut.agents import forms
from rebut.agents.forms import Form, form_of
from rebut.agents.parsing import parse
from rebut.errors import Unparsed

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
