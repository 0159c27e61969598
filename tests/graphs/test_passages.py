"""Texts taken apart by expressions."""

from __future__ import annotations

import pytest

from rebut.errors import WorkflowError
from rebut.graphs.expressions import parse

TEXT = "Step 1: look.\nStep 2: count.\nThree.\nStep 3: say it."


@pytest.mark.parametrize(
    ("most", "steps"),
    [
        (0, ["Step 1: look.", "Step 2: count.\nThree.", "Step 3: say it."]),
        (3, ["Step 1: look.", "Step 2: count.\nThree.", "Step 3: say it."]),
        (2, ["Step 1: look.", "Step 2: count.\nThree.\nStep 3: say it."]),
        (1, [TEXT]),
    ],
)
def test_the_last_of_so_many_steps_holds_what_is_left(most: int, steps: list[str]) -> None:
    assert parse("steps_of(text, most)")({"text": TEXT, "most": most}) == steps


def test_a_text_without_words_has_no_steps_and_what_is_no_text_is_refused() -> None:
    assert parse("steps_of(text)")({"text": " \n"}) == []
    with pytest.raises(WorkflowError, match="int is no text"):
        parse("steps_of(text)")({"text": 3})
