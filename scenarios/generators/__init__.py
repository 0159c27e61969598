"""Generators of items: tasks of our own that need no download and are in nobody's training data."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rebut.errors import InputError, suggest

from . import arithmetic, code, comparison, counterintuitive, game24, logic, needle

ATTEMPTS = 200
"""Times that an item is drawn anew because it was there before."""

Record = dict[str, Any]
Make = Callable[[random.Random, Mapping[str, Any]], Record]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a generator: a whole number in bounds."""

    default: int
    least: int
    most: int
    help: str


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator: `make` gives one item (question, answer, topic), `kind` is the kind of its answers.

    `check` is how they are held against the gold, see `rebut.scenarios.checkers`.
    """

    about: str
    kind: str
    make: Make
    options: Mapping[str, Option]
    check: str = "equal"


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong about how a generator is asked for; `option` is empty where it is the generator."""

    option: str
    message: str
    note: str = ""


GENERATORS: Mapping[str, Generator] = {
    "arithmetic": Generator(
        "sums and products of random whole numbers, as in Du et al. 2024 (arXiv:2305.14325)",
        "number",
        arithmetic.make,
        {
            "numbers": Option(6, 2, 20, "how many numbers"),
            "largest": Option(29, 1, 10_000, "the largest number"),
        },
    ),
    "code": Generator(
        "Python functions put together from parts, graded by tests that the question does not show",
        "code",
        code.make,
        {"steps": Option(3, 2, 6, "how many things are done one after the other")},
        "tests",
    ),
    "comparison": Generator(
        "which of two decimals is larger, where the longer one often is the smaller",
        "number",
        comparison.make,
        {"digits": Option(2, 1, 6, "behind the point, at most")},
    ),
    "counterintuitive": Generator(
        "small sums whose first answer is wrong: floors, posts, cuts, mean speeds, doubling",
        "number",
        counterintuitive.make,
        {},
    ),
    "game24": Generator(
        "numbers that make a target with + - * /, each used once; graded by exact calculation",
        "text",
        game24.make,
        {
            "numbers": Option(4, 3, 5, "how many numbers"),
            "largest": Option(13, 4, 99, "the largest number"),
            "target": Option(24, 1, 100, "what they are to make"),
        },
        "expression",
    ),
    "logic": Generator(
        "who lives where with what: clues that leave exactly one arrangement, none of them to spare",
        "text",
        logic.make,
        {
            "people": Option(4, 3, 5, "how many people, and houses in a row"),
            "features": Option(2, 1, 3, "what each has beside a name"),
        },
    ),
    "needle": Generator(
        "one fact among many sentences, and a question for it",
        "text",
        needle.make,
        {"sentences": Option(40, 1, 5_000, "sentences around the fact")},
    ),
}


def misfits(name: str, options: Mapping[str, Any]) -> list[Misfit]:
    """What is wrong with a generator's name and options."""
    if name not in GENERATORS:
        return [Misfit("", f"unknown generator: {name!r}", suggest(name, list(GENERATORS)))]
    known = GENERATORS[name].options
    found: list[Misfit] = []
    for option, value in options.items():
        bounds = known.get(option)
        if bounds is None:
            note = suggest(option, list(known))
            found.append(Misfit(option, f"generator {name!r} has no option {option!r}", note))
        elif (
            isinstance(value, bool) or not isinstance(value, int) or not bounds.least <= value <= bounds.most
        ):
            wanted = f"a whole number from {bounds.least} to {bounds.most}"
            found.append(Misfit(option, f"option {option!r} must be {wanted}, it is {value!r}"))
    return found


def generate(name: str, n: int, seed: int, options: Mapping[str, Any] | None = None) -> Iterator[Record]:
    """`n` records with ``id``, ``question``, ``answer`` and ``topic``; the same ones for the same seed.

    Raises:
        InputError: an unknown generator or option.
    """
    given = dict(options or {})
    if wrong := misfits(name, given):
        raise InputError(f"{wrong[0].message}{wrong[0].note}")
    made = GENERATORS[name]
    filled = {key: option.default for key, option in made.options.items()} | given
    seen: set[str] = set()
    for index in range(n):
        # A generator of its own for each item: the first items do not depend on how many follow.
        for attempt in range(ATTEMPTS):
            again = f"/{attempt}" if attempt else ""
            record = made.make(random.Random(f"{name}/{seed}/{index}{again}"), filled)
            if record["question"] not in seen:
                break
        else:
            raise InputError(f"generator {name!r} finds only {index} different items with these options")
        seen.add(record["question"])
        yield {"id": f"{name}-{seed}-{index}"} | record
