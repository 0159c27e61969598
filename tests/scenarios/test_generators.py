"""Tasks of our own: their answers are right, and a seed gives the same ones."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from rebut.errors import InputError
from rebut.scenarios.generators import GENERATORS, generate, misfits


def value(text: str) -> int:
    """An arithmetic text, worked out apart from the generator."""
    signs: dict[type[ast.operator], Callable[[int, int], int]] = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
    }

    def of(node: ast.expr) -> int:
        if isinstance(node, ast.BinOp):
            return signs[type(node.op)](of(node.left), of(node.right))
        assert isinstance(node, ast.Constant) and isinstance(node.value, int)
        return node.value

    return of(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_gives_the_same_items_however_many_are_wanted(name: str) -> None:
    ten, twenty = list(generate(name, 10, 5)), list(generate(name, 20, 5))
    assert ten == twenty[:10] and list(generate(name, 10, 6)) != ten
    assert len({record["id"] for record in twenty}) == 20
    assert all(set(record) == {"id", "question", "answer", "topic"} for record in twenty)


def test_arithmetic_is_right() -> None:
    for record in generate("arithmetic", 200, 1, {"numbers": 7, "largest": 50}):
        text = record["question"].removeprefix("What is ").removesuffix("?")
        assert record["answer"] == str(value(text)) and len(re.findall(r"\d+", text)) == 7


def test_the_larger_decimal_is_larger_and_often_the_shorter() -> None:
    records = list(generate("comparison", 300, 1, {"digits": 3}))
    for record in records:
        pair = re.findall(r"\d+\.\d+", record["question"])
        assert len(pair) == 2 and Fraction(record["answer"]) == max(map(Fraction, pair))
    assert 50 < sum(record["topic"] == "shorter is larger" for record in records) < 250


def test_the_needle_is_in_the_text_once() -> None:
    for record in generate("needle", 200, 1, {"sentences": 80}):
        text, question = record["question"].split("\n\n")
        fact = question.removeprefix("By the text above, in which city was it that ").removesuffix("?")
        assert re.findall(rf"{re.escape(fact)} in (\w+)\.", text) == [record["answer"]]


def test_what_a_generator_does_not_know_is_named() -> None:
    assert [m.message for m in misfits("arithmetics", {})] == ["unknown generator: 'arithmetics'"]
    found = misfits("arithmetic", {"numbers": 1, "largest": True, "numbres": 3})
    assert [m.option for m in found] == ["numbers", "largest", "numbres"]
    assert found[0].message == "option 'numbers' must be a whole number from 2 to 20, it is 1"
    with pytest.raises(InputError, match="no option 'x'"):
        list(generate("needle", 1, 0, {"x": 1}))
