"""Where prompts begin alike, and what the slots of an engine are thought to hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.models.local.held import Held
from rebut.models.prefixes import beginning, shared, text_of
from rebut.models.wire import Message


@given(st.text("ab\0é", max_size=30), st.text("ab\0é", max_size=30), st.text("ab", max_size=20))
def test_texts_share_exactly_their_common_beginning(one: str, other: str, head: str) -> None:
    one, other = head + one, head + other
    there = shared(one, other)
    assert one[:there] == other[:there] and there >= len(head)
    assert there in (len(one), len(other)) or one[there] != other[there]


@pytest.mark.parametrize(
    ("one", "other", "there"), [("", "", 0), ("a", "b", 0), ("a", "a", 1), ("ab", "a", 1)]
)
def test_the_smallest_texts_are_compared_too(one: str, other: str, there: int) -> None:
    assert shared(one, other) == there


def test_a_border_between_messages_is_a_difference() -> None:
    whole = text_of((Message("user", "one two"),))
    parted = text_of((Message("user", "one"), Message("user", "two")))
    assert beginning([whole, parted]) == text_of((Message("user", "one"),))


def test_a_prompt_that_was_sent_is_held_until_others_took_its_slot() -> None:
    held = Held(2)
    for text in ("a" * 100, "b" * 100):
        held.give(held.take(text, 1))
    assert held.lacking("a" * 100, 2) == [0, 100]
    held.give(held.take("c" * 100, 1))
    assert held.lacking("a" * 100, 2) == [100, 100]


def test_a_busy_slot_is_of_no_use_to_others() -> None:
    held = Held(2)
    entry = held.take("a" * 100, 1)
    assert held.lacking("a" * 100, 1) == [100]
    held.give(entry)
    assert held.lacking("a" * 100, 1) == [0]


def test_the_copies_of_one_request_are_not_kept() -> None:
    held = Held(4)
    for letter in "wxyz":
        held.give(held.take(letter * 100, 1))
    held.give(held.take("a" * 100, 4))
    assert held.lacking("a" * 100, 2) == [0, 100]
    assert held.lacking("z" * 100, 1) == [100]


def test_a_warm_up_fills_as_many_slots_as_it_says() -> None:
    held = Held(4)
    held.give(held.take("x" * 100, 1))
    held.spread("a" * 100, 3)
    assert held.lacking("a" * 100, 4) == [0, 0, 0, 100]
    assert held.lacking("x" * 100, 1) == [0]
