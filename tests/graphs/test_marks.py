"""Parts of a text behind a mark."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.errors import WorkflowError
from rebut.graphs.expressions import parse


def after(text: Any, mark: Any = "Final answer:") -> Any:
    return parse("after(text, mark)")({"text": text, "mark": mark})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("so\nFinal answer: 4", "4"),
        ("so\n**final ANSWER:** 4\n5", "4\n5"),
        ("  ## Final answer:\n\n4\n", "4"),
        ("Final answer: 3\nno\nFinal answer: 4", "4"),
        ("My Final answer: 4", None),
        ("<think>\nFinal answer: 3\n</think>so", None),
        ("", None),
        ("Final answer:", ""),
    ],
)
def test_what_stands_behind_the_last_line_that_begins_so(text: str, found: str | None) -> None:
    assert after(text) == found


def test_a_mark_is_text_and_no_pattern() -> None:
    assert after("x\n.* y", ".*") == "y"
    assert after("abc", ".*") is None


@pytest.mark.parametrize(
    ("text", "mark", "says"),
    [(None, "a", "NoneType is no text"), ("a", 3, "int is no text"), ("a", " ", "mark of 0")],
)
def test_what_is_no_text_or_mark_is_refused(text: Any, mark: Any, says: str) -> None:
    with pytest.raises(WorkflowError, match=says):
        after(text, mark)
