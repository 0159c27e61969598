"""Reading a model's JSON."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.parsing import parse
from rebut.agents.wires import CandidatesWire, CritiqueWire, ScoreWire, StepScoresWire, VerdictWire, Wire
from rebut.errors import Unparsed

GOOD = '{"reason": "It adds up.", "score": 7}'


def score(text: str) -> int:
    return parse(text, ScoreWire)[0].score


def refusal(text: str, wire: type[Wire] = ScoreWire, *, cut: bool = False) -> str:
    with pytest.raises(Unparsed) as caught:
        parse(text, wire, cut=cut)
    assert caught.value.text.strip() == text.strip()
    return caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"Here you are:\n```\n{GOOD}\n```\nAnything else?",
        f"I weigh {{all}} of it. {GOOD} That is all.",
        f'The form is {{"reason": "...", "score": 0}}. Mine: {GOOD}',
        f'<think>{{"score": 1}} or so</think>{GOOD}',
        f'{GOOD} {{"unrelated": 1}}',
        r"As \frac{1}{2} is " * 2000 + GOOD,
        '{"reason": "a\nb", "score": 7}',
        '{"reason": "It adds up.", "score": "7"}',
        '{"reason": "It adds up.", "score": 7.0}',
        '{"score": 7, "extra": [1, 2]}',
    ],
)
def test_an_object_is_found_where_models_put_it(text: str) -> None:
    read, repaired = parse(text, ScoreWire)
    assert (read.score, repaired) == (7, False)


@pytest.mark.parametrize(
    "text",
    [
        '{"reason": "It adds up.", "score": 7',
        "{'reason': 'It adds up.', 'score': 7,}",
        '{reason: "It adds up.", score: 7}',
        '{"reason": "He said "seven" to me", "score": 7}',
        'Mine is {"reason": "It adds up." "score": 7}',
        '{"score": 7 "reason": "It adds up."}',
        "{“reason”: “It adds up.”, “score”: 7}",
        "{score: 07,}",
    ],
)
def test_broken_json_is_repaired_and_says_so(text: str) -> None:
    read, repaired = parse(text, ScoreWire)
    assert (read.score, repaired) == (7, True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Score: 7", "the reply holds no JSON object"),
        ("", "the reply holds no JSON object"),
        ("7", "the reply holds no JSON object"),
        ('{"reason": "fine"}', '"score" is missing'),
        ('{"score": null}', '"score": must be a whole number from 0 to 10'),
        ('{"score": 11}', '"score": must be a whole number from 0 to 10'),
        ('{"score": -1}', '"score": must be a whole number from 0 to 10'),
        ('{"score": 7.5}', '"score": must be a whole number from 0 to 10'),
        ('{"score": true}', '"score": must be a whole number from 0 to 10'),
        ('{"score": "7/10"}', '"score": must be a whole number from 0 to 10'),
        ('{"score": "about 7"}', '"score": must be a whole number from 0 to 10'),
        ('{"score": "７"}', '"score": must be a whole number from 0 to 10'),
        ('{"score": 1e1}', '"score": must be a whole number from 0 to 10'),
        ('{"score": NaN}', '"score": must be a whole number from 0 to 10'),
        ('{"score": [7]}', '"score": must be a whole number from 0 to 10'),
        ('{"score": 3, "score": 9}', '"score" is given twice'),
        ('I say {"score": 3, "score": 9}', '"score" is given twice'),
        ('{"score": "\\u0037"}', '"score" must be followed by nothing but its value'),
        ('{"score": 1_0,}', '"score" must be followed by nothing but its value'),
        ('{"score": 7 or 8}', '"score" must be followed by nothing but its value'),
        ('{"reason": "x" "score": 1 0}', '"score" must be followed by nothing but its value'),
    ],
)
def test_what_would_be_a_guess_does_not_fit(text: str, reason: str) -> None:
    assert refusal(text) == reason


def test_a_whole_object_that_does_not_fit_is_not_searched_for_another() -> None:
    assert "score" in refusal(json.dumps({"reason": GOOD, "score": 11}))


def test_a_reply_cut_off_is_not_repaired_but_a_whole_one_stands() -> None:
    assert "cut off" in refusal('{"reason": "x", "score": 1', cut=True)
    assert "cut off" in refusal("<think>" + GOOD, cut=True)
    assert parse(f"{GOOD} and so", ScoreWire, cut=True)[0].score == 7


@pytest.mark.parametrize(
    ("written", "accepted"),
    [("true", True), ('"yes"', True), ('"No."', False), ('"FALSE"', False), ("false", False)],
)
def test_yes_and_no_are_truth_values(written: str, accepted: bool) -> None:
    read, _ = parse(f'{{"text": "t", "accepted": {written}}}', CritiqueWire)
    assert read.accepted is accepted


@pytest.mark.parametrize("written", ["1", "0", '"maybe"', "null", '"yes and no"', "[]", "tru"])
def test_other_words_are_no_truth_values(written: str) -> None:
    assert (
        refusal(f'{{"text": "t", "accepted": {written}}}', CritiqueWire)
        == '"accepted": must be true or false'
    )


@pytest.mark.parametrize("written", ["<true or false>", "true or false", "true if nothing is wrong"])
def test_a_ruling_with_a_second_thought_is_not_repaired_into_a_clear_one(written: str) -> None:
    reason = refusal(f'{{"text": "t", "accepted": {written}}}', CritiqueWire)
    assert reason == '"accepted" must be followed by nothing but its value'


def test_numbers_in_text_fields_stay_as_written() -> None:
    read, _ = parse('{"reason": "", "side": null, "answer": 12345678901234567890.10}', VerdictWire)
    assert (read.side, read.answer) == ("", "12345678901234567890.10")


def test_a_wrong_grade_in_a_list_is_named_by_its_place() -> None:
    assert refusal('{"scores": [7, 12]}', StepScoresWire).startswith('"scores" item 2: must be a whole')


def test_a_repaired_list_of_grades_stands() -> None:
    assert parse("{'scores': [7,8, 7,]}", StepScoresWire) == (StepScoresWire(scores=(7, 8, 7)), True)


def test_characters_that_no_database_keeps_are_replaced() -> None:
    read, _ = parse('{"answers": ["a\\u0000b", "\\ud800c", "\\ud83d\\ude00"]}', CandidatesWire)
    assert read.answers == ("ab", "?c", "😀")
    assert "".join(read.answers).encode()


@pytest.mark.parametrize(
    "text", ["{" * 100_000, '{"' * 50_000, '{"a":' * 20_000, "[" * 100_000, '{"score": ' + "9" * 50_000 + "}"]
)
def test_hostile_nesting_and_size_are_refused_in_time(text: str) -> None:
    start = time.process_time()
    refusal(text)
    assert time.process_time() - start < 1


STRUCTURE = [
    '"',
    "'",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\\",
    "#",
    " ",
    "\n",
    "```json\n",
    "```",
    "<think>",
    "</think>",
]
VALUES = ["7", "10", "1.5", "-", "/10", "e1", "true", "null", "７", "score", "or"]
KEYS = ['{"score": ', '"reason": ', '"accepted": ', '"scores": [']
PIECES = st.sampled_from([*STRUCTURE, *VALUES, *KEYS])
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join))


@given(REPLIES)
def test_any_text_gives_a_grade_that_it_holds_or_none(text: str) -> None:
    try:
        read, _ = parse(text, ScoreWire)
    except Unparsed as unfit:
        assert unfit.reason
    else:
        assert re.search(rf"(?<![0-9]){read.score}(?![0-9])", text, re.ASCII)


@given(REPLIES, st.sampled_from([VerdictWire, CritiqueWire, StepScoresWire, CandidatesWire]), st.booleans())
def test_any_text_gives_a_valid_record_or_a_reason(text: str, wire: type[Wire], cut: bool) -> None:
    try:
        read, repaired = parse(text, wire, cut=cut)
    except Unparsed as unfit:
        assert unfit.reason
    else:
        assert wire.model_validate(read.model_dump()) == read
        assert not (cut and repaired)


@given(st.text(), st.integers(0, 10), st.text(alphabet="ab ,.\n", max_size=20))
def test_a_good_object_in_prose_is_always_read(reason: str, grade: int, prose: str) -> None:
    text = f"{prose}{json.dumps({'reason': reason, 'score': grade})}{prose}"
    if "think" not in reason:
        assert score(text) == grade
