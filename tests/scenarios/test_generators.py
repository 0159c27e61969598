"""Tasks of our own: their answers are right, and a seed gives the same ones."""

from __future__ import annotations

import ast
import operator
import random
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations, permutations, product

import pytest

from rebut.errors import InputError
from rebut.scenarios.checkers import expressions, programs
from rebut.scenarios.generators import GENERATORS, counterintuitive, game24, generate, houses, logic, misfits


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
    assert len({record["id"] for record in twenty}) == len({record["question"] for record in twenty}) == 20
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


def test_riddles_are_right_and_their_first_answer_is_not() -> None:
    rng = random.Random(1)
    for sort, riddle in counterintuitive.SORTS.items():
        for question, answer, first in (riddle(rng) for _ in range(50)):
            numbers = [int(n) for n in re.findall(r"\d+", question)]
            assert answer == WORKED_OUT[sort](*numbers) > 0, question
            assert isinstance(first, int)
        assert any(answer != first for _, answer, first in (riddle(rng) for _ in range(20)))


def climbed(first: int, fast: int, slow: int, high: int) -> int:
    return 1 + (slow - 1) * (high - 1) // (fast - 1)


def wet(depth: int, up: int, slip: int) -> int:
    day, at = 1, up
    while at < depth:
        day, at = day + 1, at - slip + up
    return day


WORKED_OUT: dict[str, Callable[..., int]] = {
    "floors": climbed,
    "mean speed": lambda a, b: int(2 / (Fraction(1, a) + Fraction(1, b))),
    "a pair's price": lambda both, more: (both - more) // 2,
    "doubling": lambda days, one, part: days - part.bit_length() + 1,
    "posts": lambda length, gap: len(range(0, length + 1, gap)),
    "cuts": lambda minutes, few, many: minutes // (few - 1) * (many - 1),
    "snail": wet,
    "machines": lambda few, minutes, parts, many, all_parts: minutes,
    "percentages": lambda whole, up, down: whole * (100 + up) * (100 - down) // 10_000,
    "bells": lambda seconds, few, many: seconds // (few - 1) * (many - 1),
}


def test_numbers_of_game24_can_be_made_and_the_checker_sees_it() -> None:
    for record in generate("game24", 60, 1):
        asked = sorted(int(n) for n in record["question"].partition("numbers ")[2].partition(",")[0].split())
        assert expressions.read(record["answer"]) == (Fraction(24), asked)
        if record["topic"] == "only by fractions":
            assert game24.solution(asked, 24, fractions=False) is None
        assert record["answer"] not in record["question"]


def test_the_solver_of_game24_finds_what_there_is_and_nothing_else() -> None:
    rng = random.Random(3)
    for _ in range(15):
        numbers = [rng.randint(1, 9) for _ in range(3)]
        found, there = game24.solution(numbers, 24), 24 in set(all_values([Fraction(n) for n in numbers]))
        assert (found is not None) == there
        assert found is None or expressions.read(found) == (Fraction(24), sorted(numbers))


def all_values(parts: list[Fraction]) -> Iterator[Fraction]:
    """Every value that can be made of all parts, by splitting them in two."""
    if len(parts) == 1:
        yield parts[0]
    for size in range(1, len(parts)):
        for left in combinations(range(len(parts)), size):
            rest = [part for i, part in enumerate(parts) if i not in left]
            for a in all_values([parts[i] for i in left]):
                for b in all_values(rest):
                    yield from (a + b, a - b, a * b, *([a / b] if b else []))


@pytest.mark.parametrize("options", [{"people": 3, "features": 1}, {}, {"people": 3, "features": 3}])
def test_a_logic_puzzle_has_one_arrangement_and_no_clue_to_spare(options: dict[str, int]) -> None:
    people, features = options.get("people", 4), options.get("features", 2) + 1
    for seed in range(3):
        rng = random.Random(seed)
        truth = tuple(tuple(rng.sample(range(people), people)) for _ in range(features))
        clues = logic.chosen(rng, truth, (1, 0), truth[0].index(truth[1][0]))
        assert by_trying(clues, people, features) == [truth]
        for clue in clues:
            assert len(by_trying([one for one in clues if one is not clue], people, features)) > 1


def by_trying(clues: list[houses.Clue], people: int, features: int) -> list[houses.Arrangement]:
    """All arrangements that fit, apart from the solver: by trying each."""
    orders = list(permutations(range(people)))
    tried = product(*[orders] * features)
    return [found for found in tried if all(clue.holds(found) for clue in clues)]


def test_the_solver_of_puzzles_finds_all_arrangements() -> None:
    rng = random.Random(5)
    for _ in range(20):
        truth = tuple(tuple(rng.sample(range(3), 3)) for _ in range(3))
        clues = rng.sample(houses.true_clues(truth), rng.randint(0, 4))
        assert sorted(houses.arrangements(clues, 3, 3)) == sorted(by_trying(clues, 3, 3))


def test_no_clue_tells_the_answer_by_itself() -> None:
    for record in generate("logic", 20, 1):
        asked = record["question"].rpartition("Who ")[2].removesuffix("? Answer with the name.")
        assert f"{record['answer']} {asked}." not in record["question"]


def test_tests_of_code_are_programs_that_the_question_does_not_show() -> None:
    for record in generate("code", 60, 1):
        tests = record["answer"].splitlines()
        assert len(set(tests)) == len(tests) >= 8 and not programs.unfit(record["answer"])
        for test in tests:
            assert test.removeprefix("assert ").partition(" == ")[0] + "`" not in record["question"]


def test_a_right_program_passes_the_tests_of_code_and_a_near_miss_does_not() -> None:
    record = next(r for r in generate("code", 50, 1) if r["topic"] == "sequences")
    start, second, most, a, b = map(int, TERM.findall(record["question"])[0])
    program = f"def term(n):\n    x, y = {start}, {second}\n    for _ in range(n):\n"
    program += f"        x, y = y, ({a} * y + {b} * x) % {most}\n    return x"
    assert programs.passes(program, record["answer"])
    assert not programs.passes(program.replace("range(n)", "range(n + 1)"), record["answer"])


TERM = re.compile(r"term 0 is (\d+), whose term 1 is (\d+), .* by (\d+) of (\d+) times .* plus (-?\d+) times")


def test_a_generator_that_runs_out_of_items_says_so() -> None:
    with pytest.raises(InputError, match="finds only 48 different items with these options"):
        list(generate("arithmetic", 1_000, 0, {"numbers": 2, "largest": 3}))


def test_what_a_generator_does_not_know_is_named() -> None:
    assert [m.message for m in misfits("arithmetics", {})] == ["unknown generator: 'arithmetics'"]
    found = misfits("arithmetic", {"numbers": 1, "largest": True, "numbres": 3})
    assert [m.option for m in found] == ["numbers", "largest", "numbres"]
    assert found[0].message == "option 'numbers' must be a whole number from 2 to 20, it is 1"
    with pytest.raises(InputError, match="no option 'x'"):
        list(generate("needle", 1, 0, {"x": 1}))
