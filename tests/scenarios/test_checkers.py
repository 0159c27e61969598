"""Ways of checking: an expression by its numbers and value, a program by its tests, the rest by kind."""

from __future__ import annotations

import pytest

from rebut.scenarios.checkers import CHECKS, expressions

GOLD = "(5 + 7) * (8 - 6)"


@pytest.mark.parametrize(
    "answer",
    [
        "(8 - 6) * (7 + 5)",
        "(5+7)*(8-6) = 24",
        "24 = (5 + 7) * (8 - 6)",
        "$(5 + 7) \\times (8 - 6)$",
        "[5 + 7] x [8 − 6]",
        "(5 + 7) · (8 - 6).",
        "-(5 + 7) * (6 - 8)",
    ],
)
def test_an_expression_of_the_same_numbers_and_value_is_right(answer: str) -> None:
    assert CHECKS["expression"].right(answer, [GOLD], "text")


@pytest.mark.parametrize(
    "answer",
    [
        "24",
        "12 * 2",
        "5 + 7 + 8 + 6",
        "(5 + 7) * (8 - 6) = 25",
        "(5 + 7) * (8 - 6) * 1",
        "5 * 5 - 7 + 6",
        "(5 + 7 * (8 - 6)",
        "(5 + 7) (8 - 6)",
        "5 / (7 - 7)",
        "57 - 33",
        "__import__('os')",
        "(" * 100 + "5",
        "9" * 1000,
        "",
    ],
)
def test_everything_else_is_not(answer: str) -> None:
    assert not CHECKS["expression"].right(answer, [GOLD], "text")


def test_fractions_are_exact() -> None:
    assert expressions.same("8/(3-8/3)", "8 / (3 - (8 / 3))")
    assert expressions.same(r"\frac{8}{3 - \frac{8}{3}}", "8 / (3 - 8 / 3)")
    assert expressions.same(r"\frac{8}{2} + 3", "3 + 8 / 2")


def test_a_program_has_to_pass_all_tests() -> None:
    check = CHECKS["tests"]
    assert check.runs_code and check.kind == "code"
    program = "def f(x):\n    return x + 1"
    assert check.right(program, ["assert f(1) == 2"], "code")
    assert not check.right(program, ["assert f(1) == 2\nassert f(2) == 4"], "code")
    assert not check.right("x" * 60_000, ["assert True"], "code")


def test_answers_are_equal_by_their_kind() -> None:
    assert CHECKS["equal"].right("1,200", ["7", "1200.0"], "number")
    assert not CHECKS["equal"].right("Paris", ["Lyon"], "text")
