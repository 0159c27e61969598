"""Two verdicts in either order of a pair, as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.orders import both_orders, probability
from rebut.errors import InputError
from rebut.records import Label

A, B, C = Label(value="A"), Label(value="B"), Label(value="C")


def sure(a: float, b: float) -> Label:
    rest = max(0.0, 1 - a - b)
    return Label(value="A" if a >= b else "B", probabilities={"A": a, "B": b, "C": rest}, mass=0.0)


@pytest.mark.parametrize(
    ("straight", "swapped", "strict", "lenient"),
    [
        (A, B, "A", "A"),  # A in the second place is called B there
        (B, A, "B", "B"),
        (A, A, "tie", "tie"),  # the first place wins twice: they contradict each other
        (B, B, "tie", "tie"),
        (A, C, "tie", "A"),
        (C, A, "tie", "B"),
        (B, C, "tie", "B"),
        (C, C, "tie", "tie"),
    ],
)
def test_strict_needs_both_and_lenient_lets_a_tie_give_way(
    straight: Label, swapped: Label, strict: str, lenient: str
) -> None:
    assert both_orders(straight, swapped) == strict
    assert both_orders(straight, swapped, "lenient") == lenient


def test_the_score_policy_takes_the_mean_over_both_orders() -> None:
    # s(A) = (0.7 + 0.6) / 2 = 0.65, s(B) = (0.3 + 0.4) / 2 = 0.35
    assert both_orders(sure(0.7, 0.3), sure(0.4, 0.6), "score") == "A"
    assert both_orders(sure(0.7, 0.3), sure(0.4, 0.6), "score", band=0.31) == "tie"
    assert both_orders(sure(0.9, 0.1), sure(0.9, 0.1), "score") == "tie"
    assert both_orders(A, C, "score") == "A"
    assert both_orders(A, A, "score") == "tie"


def test_a_missing_verdict_leaves_the_pair_open() -> None:
    for policy in ("strict", "lenient", "score"):
        assert both_orders(A, None, policy) is None
        assert both_orders(None, A, policy) is None


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["strict", "lenient", "score"]))
def test_exchanging_the_two_candidates_exchanges_the_ruling(p: float, q: float, policy: str) -> None:
    one, two = sure(p, 1 - p), sure(q, 1 - q)
    turned = {"A": "B", "B": "A", "tie": "tie"}
    if policy != "score" and 0.5 in (p, q):
        return  # an even verdict goes to the first place
    assert both_orders(two, one, policy) == turned[str(both_orders(one, two, policy))]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"policy": "strickt"}, "unknown policy: 'strickt' .did you mean 'strict'"),
        ({"band": -1.0}, "band must not be negative"),
        ({"band": float("nan")}, "band must not be negative"),
        ({"labels": ("A",)}, "two places have two labels, not 1"),
    ],
)
def test_wrong_arguments_are_named(more: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        both_orders(A, B, **more)  # type: ignore[arg-type]


def test_the_mean_probability_of_several_verdicts_is_the_share_where_none_is_known() -> None:
    assert probability(sure(0.8, 0.2), "B") == 0.2
    assert probability([A, A, B, None, A], "A") == 0.75
    assert probability([None], "A") is None
    assert probability(None, "A") is None
    with pytest.raises(InputError, match="no label 'D'"):
        probability(sure(0.5, 0.5), "D")
