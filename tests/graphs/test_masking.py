"""Numbers of a text in expressions: found, hidden, compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.agents.answers.numbers import quantity
from rebut.errors import WorkflowError
from rebut.graphs.expressions import parse

HOLE = "☃"


def run(source: str, **scope: Any) -> Any:
    return parse(source)(scope)


def numerals(text: str) -> list[str]:
    found: list[str] = run("numerals(text)", text=text)
    return found


def masked(text: str, index: int, hole: str = "x") -> str:
    hidden: str = run("masked(text, index, hole)", text=text, index=index, hole=hole)
    return hidden


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A baker makes 3 trays of 12 rolls and sells 20.", ["3", "12", "20"]),
        ("He pays $1,200.50, that is 20% of 3/4.", ["1200.50", "20", "3/4"]),
        ("From -5 to −7 degrees, 10-5 or 3-4 days", ["-5", "-7", "10", "5", "3", "4"]),
        ("-$7 is owed", ["7"]),
        ("1 1/2 cups for 3 million", ["3/2", "3000000"]),
        ("12kg, 5 km and 1e3 m", ["12", "5", "1e3"]),
        ("the 1st of 2, the 22nd of 3, 4thieves", ["2", "3", "4"]),
        ("1. Ann has 3.\n 2) Bob has 4\n- 5 eggs\n6 in all", ["3", "4", "5", "6"]),
        ("x2, A4, v1.2.3 and 1/0", []),
        ("three trays", []),
        ("", []),
    ],
)
def test_numbers_in_digits_are_found_and_ordinals_names_and_list_marks_are_not(
    text: str, found: list[str]
) -> None:
    assert numerals(text) == found


@pytest.mark.parametrize(
    ("text", "index", "hidden"),
    [
        ("3 trays of 12 rolls", 1, "3 trays of x rolls"),
        ("He pays $1,200.50.", 0, "He pays $x."),
        ("20% of it", 0, "x% of it"),
        ("-5 degrees", 0, "x degrees"),
        ("- 5 eggs", 0, "- x eggs"),
        ("-$7", 0, "-$x"),
        ("12kg", 0, "x kg"),
        ("10-5", 1, "10-x"),
        ("3 million people", 0, "x people"),
        ("1 1/2 cups", 0, "x cups"),
    ],
)
def test_a_hidden_number_leaves_what_stands_around_it(text: str, index: int, hidden: str) -> None:
    assert masked(text, index) == hidden


def test_one_of_two_equal_numbers_is_hidden() -> None:
    assert masked("3 boxes of 3", 0) == "x boxes of 3" and masked("3 boxes of 3", 1) == "3 boxes of x"


NUMBER = st.one_of(
    st.integers(-10_000, 10_000).map(str),
    st.integers(1000, 10**7).map(lambda n: f"{n:,}"),
    st.decimals(0, 1000, places=2).map(str),
    st.tuples(st.integers(0, 99), st.integers(1, 99)).map(lambda p: f"{p[0]}/{p[1]}"),
)
WORD = st.sampled_from(["of", "trays", "and", "in", "costs", "for", "sells", "é", "$", "(", "the 2nd"])


@given(st.lists(st.tuples(WORD, NUMBER), min_size=1, max_size=8))
def test_all_numbers_among_words_are_found_with_their_values(parts: list[tuple[str, str]]) -> None:
    text = "Well: " + ", ".join(f"{word} {number}" for word, number in parts)
    found = [quantity(n) for n in numerals(text)]
    written = [quantity(number) for _, number in parts]
    assert [q and q.value for q in found] == [q and q.value for q in written]


def _middle(text: str, hidden: str) -> str:
    """What of the text stands behind the hole."""
    before, after = hidden.split(HOLE)
    after = after if text.endswith(after) else after[1:]
    assert text.startswith(before) and text.endswith(after)
    return text[len(before) : len(text) - len(after)]


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789 .,-−/$%x\nkab()eE½١") | st.characters(codec="utf-8"), max_size=60))
def test_hiding_changes_one_number_and_nothing_else_in_any_text(text: str) -> None:
    text = text.replace(HOLE, "")
    found = numerals(text)
    for index, plain in enumerate(found):
        piece = _middle(text, masked(text, index, HOLE))
        hidden, named = quantity(piece), quantity(plain)
        assert hidden is not None and named is not None and hidden.value == named.value
        assert len(piece) >= 1 and any(c.isdigit() for c in piece)


@given(st.lists(st.tuples(WORD, NUMBER), min_size=1, max_size=6))
def test_a_hidden_number_is_no_longer_found_and_the_others_are(parts: list[tuple[str, str]]) -> None:
    text = "Well: " + ", ".join(f"{word} {number} eggs" for word, number in parts)
    found = numerals(text)
    for index in range(len(found)):
        assert numerals(masked(text, index)) == found[:index] + found[index + 1 :]


@pytest.mark.parametrize(
    ("text", "letter"),
    [("How many?", "x"), ("Solve x + 3 = 7.", "y"), ("X, y and Z!", "k"), ("2x + 1", "y"), ("x" * 3, "x")],
)
def test_an_unknown_gets_a_letter_that_the_text_does_not_use(text: str, letter: str) -> None:
    assert run("unused_letter(text)", text=text) == letter


def test_where_all_letters_are_words_it_is_x() -> None:
    assert run("unused_letter(text)", text=" ".join("abcdefghijklmnopqrstuvwxyz")) == "x"


@pytest.mark.parametrize(
    ("a", "b", "kind", "equal"),
    [
        ("4", "4.0", "number", True),
        ("1,200", "$1200", "number", True),
        ("0.75", "3/4", "number", True),
        ("4", "5", "number", False),
        (None, None, "number", False),
        (None, "4", "number", False),
        ("", "4", "number", False),
        ("(B)", "b", "choice", True),
        (4, "4", "number", True),
    ],
)
def test_two_answers_are_compared_by_the_kind_of_the_run(a: Any, b: Any, kind: str, equal: bool) -> None:
    assert run("same(a, b)", a=a, b=b, kind=kind) is equal


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("masked(text, 2)", "2 is no index of 2 numbers"),
        ("masked(text, -1)", "-1 is no index"),
        ("masked(text, 'a')", "'a' is no index"),
        ("masked(None, 0)", "NoneType is no text"),
        ("masked(text, 0, 4)", "int is no text"),
        ("numerals([text])", "list is no text"),
        ("unused_letter(4)", "int is no text"),
    ],
)
def test_what_does_not_fit_is_named(source: str, says: str) -> None:
    with pytest.raises(WorkflowError, match=says):
        run(source, text="3 of 4")


def test_long_texts_are_read_in_no_time_and_endless_work_is_refused() -> None:
    assert len(numerals("7 of " * 20_000)) == 20_000
    with pytest.raises(WorkflowError, match="too many steps"):
        run("[masked(text, i) for i in range(1000)]", text="7 of " * 2_000)
