"""Reasoning steps."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.steps import annotated, graded, numbered, split_steps, tenths
from rebut.records import Sample, Score


def chain(text: str, *grades: float) -> Sample:
    return Sample(text=text, scores={"prm": Score(value=0.5, steps=grades)})


def test_steps_from_ten_on_are_steps_of_their_own() -> None:
    text = "\n".join(f"Step {i}: do thing {i}" for i in range(1, 26))
    assert split_steps(text) == [f"Step {i}: do thing {i}" for i in range(1, 26)]


@pytest.mark.parametrize(
    "mark", ["Step 2:", "**Step 2:**", "### Step 2", "  step 2.", "- Step 2)", "> STEP 2 -"]
)
def test_a_mark_may_be_dressed_in_markdown(mark: str) -> None:
    assert len(split_steps(f"Step 1: a\n{mark} b")) == 2


def test_a_step_named_in_the_middle_of_a_line_opens_no_step() -> None:
    assert split_steps("Step 1: a, as Step 2 will show\nand Step 3 too") == [
        "Step 1: a, as Step 2 will show\nand Step 3 too"
    ]


def test_words_before_the_first_mark_belong_to_the_first_step() -> None:
    assert split_steps("Let me see.\nStep 1: a\nStep 2: b") == ["Let me see.\nStep 1: a", "Step 2: b"]


def test_text_without_marks_is_split_at_empty_lines_and_else_at_line_ends() -> None:
    assert split_steps("a\nb\n\n \nc") == ["a\nb", "c"]
    assert split_steps("a\n b\n") == ["a", "b"]
    assert split_steps(" \n ") == []


def test_hidden_thoughts_are_no_steps() -> None:
    assert split_steps("<think>Step 1: hm\nStep 2: no</think>\nStep 1: a") == ["Step 1: a"]


@given(st.text(alphabet="Step 123:\n.x*#", max_size=200))
def test_no_word_is_lost(text: str) -> None:
    assert re.sub(r"\s", "", "".join(split_steps(text))) == re.sub(r"\s", "", text)


@pytest.mark.parametrize("n", range(11))
def test_a_grade_survives_its_rounding(n: int) -> None:
    assert tenths(n / 10) == n
    assert f"[score: {n}/10]" in annotated(chain("Step 1: a", n / 10))


def test_each_step_is_followed_by_its_own_grade() -> None:
    sample = chain("Step 1: a\nStep 2: b", 0.93, 0.24)
    assert annotated(sample) == "Step 1: a\n[score: 9/10]\nStep 2: b\n[score: 2/10]"
    assert annotated(sample, show=False) == "Step 1: a\nStep 2: b"


def test_grades_that_do_not_match_the_steps_are_not_shown() -> None:
    sample = chain("Step 1: a\nStep 2: b", 0.9)
    assert not graded(sample)
    assert "score" not in annotated(sample)


def test_a_scorer_of_outcomes_is_passed_over() -> None:
    scores = {"orm": Score(value=0.3), "prm": Score(value=0.4, steps=(0.4,))}
    assert annotated(Sample(text="Step 1: a", scores=scores)) == "Step 1: a\n[score: 4/10]"


def test_steps_are_numbered_from_one() -> None:
    assert numbered(["a", "b"]) == "(1) a\n(2) b"
