"""Text from models is made harmless and short."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.view.text import clean, clean_json, clock, money, one_line, tail, words

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "cursor": "\x1b[2J\x1b[Hred",
    "title": "\x1b]0;owned\x07red",
    "title ended by ST": "\x1b]0;owned\x1b\\red",
    "link": "\x1b]8;;http://evil\x1b\\red\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07red",
    "device control": "\x1bPq#0;2\x1b\\red",
    "8-bit colour": "\x9b31mred",
    "8-bit title": "\x9d0;owned\x9cred",
    "reset": "\x1bcred",
    "character set": "\x1b(0red",
    "bell and backspace": "r\x08\x07ed\x7f",
    "null": "r\x00ed",
    "direction": "\u202ered\u202c",
    "isolates": "\u2066red\u2069",
    "surrogate": "r\ud800ed",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_a_terminal_would_obey_is_taken_out(text: str) -> None:
    assert clean(text) == "red"


def test_words_of_every_script_stay_as_they_are() -> None:
    text = "naïve Ω 漢字 العربية 👩‍👩‍👧\ttab\nline"
    assert clean(text) == text


@pytest.mark.parametrize("end", ["\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_line_break_becomes_a_newline(end: str) -> None:
    assert clean(f"a{end}b") == "a\nb"


def test_an_unfinished_sequence_does_not_swallow_the_text_behind_it() -> None:
    assert "the answer is 4" in clean("\x1b]0;the answer is 4")


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_nothing_dangerous_is_ever_left(text: str) -> None:
    left = clean(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", left)
    assert clean(left) == left


@pytest.mark.parametrize("piece", ["\x1b]", "\x9d", "\x1b[", "\x9b0", "\x1b", "\x1bP\x9d"])
def test_cleaning_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    clean(piece * 100_000)
    assert time.process_time() - began < 2


def test_json_stays_the_same_value_without_raw_controls() -> None:
    line = json.dumps({"text": "\x9b31m\u202e\x7f ü"}, ensure_ascii=False)
    safe = clean_json(line)
    assert json.loads(safe) == json.loads(line)
    assert "\x9b" not in safe and "\u202e" not in safe and "ü" in safe


def test_one_line_keeps_the_beginning_and_tail_the_end() -> None:
    text = "one two\nthree four"
    assert one_line(text, 9) == "one two…"
    assert tail(text, 9) == "…ree four"
    assert one_line("x" * 10_000_000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "none"), (True, "yes"), (0.12345, "0.1235"), ("a", "a"), ([1, {"b": None}], '[1,{"b":null}]')],
)
def test_values_are_told_in_words(value: object, told: str) -> None:
    assert words(value) == told


def test_amounts_are_short() -> None:
    assert (money(0.00042), money(0), money(12.345), money(None)) == ("$0.00042", "$0.00", "$12.35", "$?")
    assert (clock(0.04), clock(119.9), clock(7260)) == ("0.0s", "1m59s", "2h01m")
