"""Functions over labels in expressions: what they give, and what they say of values that do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.errors import WorkflowError
from rebut.graphs.expressions import parse
from rebut.records import Label, Sample

A = Label(value="A", probabilities={"A": 0.7, "B": 0.3}, layers=((0.2, 0.8), (0.6, 0.4), (0.9, 0.1)))
B = Label(value="B", probabilities={"A": 0.4, "B": 0.6}, layers=((0.2, 0.8), (0.6, 0.4), (0.3, 0.7)))
SCOPE: dict[str, Any] = {
    "a": A,
    "b": B,
    "both": [A, None, B],
    "none": None,
    "kind": "number",
    "x": Sample(text="x"),
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("probability(a, 'B')", 0.3),
        ("probability(both, 'A')", pytest.approx(0.55)),
        ("probability([None], 'A')", None),
        ("probability(None, 'A')", None),
        ("a.probabilities.A", 0.7),
        ("a.answer", "A"),
        ("both_orders(a, b)", "A"),
        ("both_orders(a, a, 'score', 0.5)", "tie"),
        ("both_orders(a, None)", None),
        ("internal_consistency(a)", 2),
        ("internal_consistency(b)", 2),
        ("internal_consistency(None)", None),
        ("internal_consistency(b, [0.1, 0.9, 0.5, 0.5, 0.5, 0.5])", 1),
        ("calibration(both)", pytest.approx([0.2, 0.8, 0.6, 0.4, 0.6, 0.4])),
        ("internal_consistency(a, calibration(both))", 3),
        ("stated('so it is 4, and')", False),
        ("stated('The answer is 4, and')", True),
        ("unanswered('So. Answer: 4')", "So. Answer:"),
        ("unanswered('who knows', cue='Well:')", "who knows\n\nWell:"),
    ],
)
def test_functions_over_labels(source: str, value: Any) -> None:
    assert parse(source)(SCOPE) == value


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("probability(x, 'A')", "Sample is no Label"),
        ("probability(a, 'C')", "no label 'C'"),
        ("both_orders(a, b, 'stricter')", "unknown policy: 'stricter'"),
        ("both_orders(a, b, labels=['A'])", "two places have two labels"),
        ("internal_consistency(a, [1])", "calibration holds 1 numbers"),
        ("calibration([None])", "no paths to calibrate by"),
        ("stated(3)", "int is no text"),
        ("unanswered(None)", "NoneType is no text"),
    ],
)
def test_what_does_not_fit_is_named_with_the_expression(source: str, says: str) -> None:
    with pytest.raises(WorkflowError, match=says):
        parse(source)(SCOPE)
