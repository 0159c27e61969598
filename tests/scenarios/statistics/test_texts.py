"""Overlap and diversity of texts."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import bleu, diversity, exact_match, f1

some = st.text("ab ,.Ä7猫", max_size=12)


def test_f1_by_hand() -> None:
    # said 3 tokens, gold 2, shared 2
    assert f1("big red dog", ["red dog"]) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert f1("dog dog dog", ["dog"]) == pytest.approx(0.5)
    assert f1("cat", ["dog", "the cat!"]) == 1
    assert f1("cat", ["dog"]) == 0


def test_no_answer_asked_for_is_right_only_where_none_is_given() -> None:
    assert (f1("", [""]), f1("the", [""]), f1("cat", [""]), f1("", ["cat"])) == (1, 1, 0, 0)


def test_exact_match_looks_past_case_marks_and_articles() -> None:
    assert exact_match("The U.S. ", ["us", "america"])
    assert not exact_match("us army", ["us"])


@settings(deadline=None, max_examples=50)
@given(some, some)
def test_f1_is_the_same_both_ways_and_1_with_itself(first: str, second: str) -> None:
    assert 0 <= f1(first, [second]) <= 1
    assert f1(first, [second]) == pytest.approx(f1(second, [first]))
    assert f1(first, [first]) == 1


def test_bleu_by_hand() -> None:
    # 1-grams 4 of 5, 2-grams 2 of 4, 3-grams 1 of 3, 4-grams none (.1 of 2)
    found = bleu("a b c x d", ["a b c d e"])
    assert found == pytest.approx(100 * (0.8 * 0.5 * (1 / 3) * 0.05) ** 0.25)
    assert bleu("a b", ["a b c d"]) == pytest.approx(100 * exp(1 - 2))
    assert bleu("a a a", ["a"], orders=1) == pytest.approx(100 / 3)


def test_the_brevity_penalty_takes_the_closest_reference_the_shorter_of_two() -> None:
    assert bleu("a b c", ["a b c d", "a b"], orders=1) == pytest.approx(100)
    assert bleu("a b c", ["a b c d", "a b c d e f"], orders=1) == pytest.approx(100 * exp(1 - 4 / 3))


def test_texts_without_words_are_like_each_other_only() -> None:
    assert (bleu("", [" "]), bleu("", ["a"]), bleu("a", [""])) == (100, 0, 0)


@settings(deadline=None, max_examples=50)
@given(some, st.integers(2, 4))
def test_copies_have_no_diversity_however_short(text: str, copies: int) -> None:
    assert diversity([text] * copies) == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(some, min_size=2, max_size=5))
def test_diversity_does_not_depend_on_the_order(texts: list[str]) -> None:
    assert 0 <= diversity(texts) <= 100
    assert diversity(texts[::-1]) == pytest.approx(diversity(texts))


def test_texts_without_a_common_word_are_wholly_diverse() -> None:
    assert diversity(["one two three", "four five six"]) == 100


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="texts has only 1: at least 2 needed"):
        diversity(["a"])
    with pytest.raises(InputError, match="texts must be a sequence of values, not str: 'ab'"):
        diversity("ab")
    with pytest.raises(InputError, match=r"texts\[1\] must be a text: None"):
        diversity(["a", None])  # type: ignore[list-item]
    with pytest.raises(InputError, match="golds is empty"):
        f1("a", [])
    with pytest.raises(InputError, match="orders must be at least 1: 0"):
        bleu("a", ["a"], orders=0)
