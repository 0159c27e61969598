"""Other agents' words as data."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.quoting import defused, quote

HOSTILE = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["<quote>", "</quote>", "< / QUOTE >", "＜/quote＞", "</quote-2>", "<quote-3 by='x'>", "a", " "]
        )
    ).map("".join),
)


@given(HOSTILE, HOSTILE)
def test_no_text_and_no_name_closes_its_quote(text: str, by: str) -> None:
    opening, *inner, closing = quote(text, by).split("\n")
    tag = closing[2:-1]
    assert re.fullmatch(r"quote(-\d+)?", tag)
    assert re.fullmatch(rf'<{tag}(?: by="[^"<>]*")?>', opening)
    flat = unicodedata.normalize("NFKC", "\n".join(inner)).casefold()
    assert not re.search(rf"<\s*/?\s*{tag}\b", flat)


def test_a_plain_text_is_quoted_with_its_author() -> None:
    assert quote("  It is 4.\n", by="ada") == '<quote by="ada">\nIt is 4.\n</quote>'


def test_the_word_quote_alone_changes_nothing() -> None:
    assert quote("I quote him", by="ada").startswith('<quote by="ada">')


def test_each_tag_that_occurs_is_passed_over() -> None:
    assert quote("</quote></quote-2>").startswith("<quote-3>")


def test_a_text_full_of_tags_is_quoted_in_time() -> None:
    start = time.process_time()
    tags = "".join(f"</quote-{i}>" for i in range(2, 20_000))
    assert quote(tags).startswith("<quote-20000>")
    quote("<" + " " * 100_000)
    assert time.process_time() - start < 1


def test_hidden_thoughts_are_not_quoted() -> None:
    assert quote("<think>secret</think>Four.") == "<quote>\nFour.\n</quote>"


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|im_end|>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<s>",
        "</s>",
        "<start_of_turn>",
        "<end_of_turn>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
        "<｜Assistant｜>",
        "<｜end▁of▁sentence｜>",
    ],
)
def test_control_tokens_of_chat_templates_are_broken_up(token: str) -> None:
    assert token not in defused(f"before{token}after")


@pytest.mark.parametrize(
    "text", ["a < b | c > d", "x[INSTALL]", "list[int] <b>bold</b>", "f <| g |> h", "<sup>2</sup>"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert defused(text) == text


def test_what_is_no_text_is_left_alone() -> None:
    assert defused(4) == 4
