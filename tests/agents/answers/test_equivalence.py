"""When two answers are the same, and how they fall into classes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.answers import KINDS, cluster, correct, equivalent, maths, normalise
from rebut.errors import InputError, SettingsError

SAME = [
    ("number", "1,250.00", "$1250"),
    ("number", "3/4", "0.75"),
    ("number", "1 1/2", "1.5"),
    ("number", "1.5e3", "1500"),
    ("number", "79.99999999999999", "80"),
    ("number", "6.67", "20/3"),
    ("number", "50%", "50"),
    ("number", "18 dollars", "18"),
    ("number", "−5", "-5"),
    ("choice", "(b)", "B) Paris"),
    ("yesno", "True", "yes"),
    ("text", "The “Nile”.", "nile"),
    ("text", "well-known fact", "a Well‐Known fact"),
    ("json", '{"a": 1, "b": [1.0, 2]}', '{"b":[1,2],"a":1}'),
    ("code", "x = 1  # one\n\ny=2", "x=1\ny = 2"),
    ("code", "int a; // one\nint b;", "int a;\n  /* two */ int b;"),
    ("auto", r"\boxed{18}", "18 dollars"),
    ("auto", "(B)", "b"),
    ("auto", "Yes", "yes."),
    ("math", r"\dfrac{1}{2}", r"\frac12"),
    ("math", r"\$32,\!348", "32348"),
    ("math", r"120^\circ", "120"),
    ("math", r"5.4 \text{ cents}", "5.4"),
    ("math", r"\text{Navin}", "Navin"),
]

DIFFERENT = [
    ("number", "3", "3.4"),
    ("number", "6.7", "20/3"),
    ("number", "0.01", "0.0149"),
    ("number", "1.25", "1.254"),
    ("number", "33/100", "1/3"),
    ("number", "123456789123456789", "123456789123456788"),
    ("number", "50%", "0.5"),
    ("number", "none", "0"),
    ("choice", "A", "B"),
    ("yesno", "no", "yes"),
    ("text", "C++", "C"),
    ("text", "-2", "2"),
    ("text", "] >", "] > }"),
    ("text", "3.5", "35"),
    ("json", "[1, 2]", "[2, 1]"),
    ("json", "true", "1"),
    ("json", "null", "none"),
    ("code", "if x:\n    y()\nz()", "if x:\n    y()\n    z()"),
    ("code", 'get("http://a") ;', 'get("http://b") ;'),
    ("math", "204_5", "204"),
    ("math", "Navin", "Evelyn"),
    ("math", "dogs 2+2", "gods 2+2"),
    ("auto", "1/2/2024", "2/4/2024"),
    ("auto", "18", "eighteen hats"),
]


@pytest.mark.parametrize(("kind", "a", "b"), SAME)
def test_the_same_answer_in_other_clothes_is_equivalent(kind: str, a: str, b: str) -> None:
    assert equivalent(a, b, kind)
    assert equivalent(b, a, kind)


@pytest.mark.parametrize(("kind", "a", "b"), DIFFERENT)
def test_different_answers_are_not_equivalent(kind: str, a: str, b: str) -> None:
    assert not equivalent(a, b, kind)
    assert not equivalent(b, a, kind)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(maths, "SECONDS", 60.0)  # a busy machine is no reason for another answer
    yield


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (r"3 \pm 2\sqrt{2}", r"3+2\sqrt{2}, 3-2\sqrt{2}", True),
        ("x^2 + 2x + 1", "(x+1)^2", True),
        ("12*sqrt(2)", r"12\sqrt{2}", True),
        (r"\sqrt{4}", "2", True),
        ("-2,1", "1,-2", True),
        ("x=5", "5", True),
        ("2k", "3k", False),
        ("(3,4]", "(3,4)", False),
        (r"\frac{\pi}{2}", "1.5", False),
    ],
)
def test_formulas_are_compared_by_algebra(a: str, b: str, same: bool) -> None:
    assert equivalent(a, b, "math") is same
    assert equivalent(b, a, "math") is same


@pytest.mark.usefixtures("clock")
async def test_formulas_may_be_compared_from_many_threads() -> None:
    pairs = [(f"{n}x + x", f"{n + 1}x") for n in range(2, 8)]
    found = await asyncio.gather(*(asyncio.to_thread(equivalent, a, b, "math") for a, b in pairs))
    assert found == [True] * 6


def test_a_comparison_without_end_is_killed_and_the_next_one_still_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prover = maths.Prover()
    try:
        assert prover.equal("x+x", "2x")
        monkeypatch.setattr(maths, "SECONDS", 0.2)
        first = prover._child
        assert not prover.equal("9^{9^{9^{9^{9}}}}-1", "x^{3}")
        assert first is not None and first.poll() is not None
        monkeypatch.setattr(maths, "SECONDS", 60.0)
        assert prover.equal("y+y", "2y")
    finally:
        prover.close()
    assert prover._child is None


def test_a_missing_interpreter_is_the_settings_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(SettingsError, match="child process"):
        maths.Prover().equal("x+x", "2x")


def test_no_answer_is_wrong() -> None:
    assert not correct(None, "5", "number")
    assert correct("5.0", "5", "number")


def test_classes_come_in_order_of_first_appearance_and_leave_none_out() -> None:
    assert cluster(["5", None, "7", "5.0", "$7"], "number") == [[0, 3], [2, 4]]
    assert cluster([None, None]) == []
    assert cluster(["18", "(B)", r"\boxed{18}", "b", "Nile"]) == [[0, 2], [1, 3], [4]]


def test_a_rounded_answer_joins_what_it_rounds_in_any_order() -> None:
    answers = ["6.67", "7", "20/3", "6.6667", "6.7"]
    for _ in range(20):
        random.shuffle(answers)
        classes = {frozenset(answers[i] for i in c) for c in cluster(answers, "number")}
        assert classes == {frozenset({"6.67", "20/3", "6.6667"}), frozenset({"7"}), frozenset({"6.7"})}


ANSWERS = st.lists(
    st.none()
    | st.sampled_from(
        ["1", "1.0", "2", "(A)", "a", "yes", "True", "Paris", "1/3", "0.3333", "0.33333", "", "{}"]
    ),
    max_size=12,
)


@given(ANSWERS, st.sampled_from([k for k in KINDS if k != "math"]))
def test_classes_are_a_partition_of_the_answers(answers: list[str | None], kind: str) -> None:
    classes = cluster(answers, kind)
    assert sorted(i for c in classes for i in c) == [i for i, a in enumerate(answers) if a is not None]
    assert classes == sorted(sorted(c) for c in classes)


@given(st.text(max_size=80), st.sampled_from([k for k in KINDS if k != "math"]))
def test_every_answer_is_equivalent_to_itself_and_has_a_steady_key(answer: str, kind: str) -> None:
    assert equivalent(answer, answer, kind)
    assert isinstance(normalise(answer, kind), str)


def test_numbers_of_any_size_are_compared_at_once() -> None:
    assert not equivalent("9" * 5000, "1", "number")
    assert not equivalent("1e999999999", "1", "number")
    assert equivalent("1e300", "1" + "0" * 299 + "0", "number")
    assert len(cluster([str(n) for n in range(5000)], "number")) == 5000


def test_deep_nesting_is_only_text() -> None:
    assert not equivalent("[" * 100_000, "[" * 99_999, "json")
    assert not equivalent("(" * 20_000, "(" * 19_999, "code")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="unknown answer kind"):
        cluster(["1"], "numbr")
