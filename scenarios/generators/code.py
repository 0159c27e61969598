"""Functions to be written, put together anew from parts, with tests that the question does not show."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Numbers = Sequence[int]
Step = tuple[str, Callable[[Any], Any]]
"""What is done, in words, and the doing."""

_TESTS = 8


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """A function of a list of numbers, which are kept, changed and brought together; of a text; or a term."""
    topic, name, parameter, steps, draw = rng.choice((_numbers, _words, _sequence))(rng, options["steps"])
    samples: list[Any] = []
    while len(samples) < _TESTS + 1:
        if (sample := draw(rng, len(samples))) not in samples:
            samples.append(sample)
    results = [_through(steps, sample) for sample in samples]
    words = "; then ".join(step for step, _ in steps)
    question = (
        f"Write a Python function `{name}({parameter})`. {words[0].upper()}{words[1:]}.\n"
        f"For example, `{name}({samples[-1]!r})` is `{results[-1]!r}`. Use the standard library only."
    )
    tests = [f"assert {name}({s!r}) == {r!r}" for s, r in zip(samples[:-1], results[:-1], strict=True)]
    return {"question": question, "answer": "\n".join(tests), "topic": topic}


Task = tuple[str, str, str, list[Step], Callable[[random.Random, int], Any]]


def _through(steps: Sequence[Step], value: Any) -> Any:
    for _, do in steps:
        value = do(value)
    return value


def _numbers(rng: random.Random, steps: int) -> Task:
    middle = [rng.choice((_kept, _changed, _moved))(rng) for _ in range(steps - 1)]
    first, *more = [*middle, _together(rng)]
    begin = f"it takes a list of whole numbers: {first[0]}"
    return "numbers", "combine", "numbers", [(begin, first[1]), *more], _some_numbers


def _some_numbers(rng: random.Random, index: int) -> list[int]:
    return [rng.randint(-20, 60) for _ in range(index and rng.randint(1, 9))]


def _kept(rng: random.Random) -> Step:
    number = rng.randint(2, 9)
    return rng.choice(
        (
            (f"keep only those that {number} divides", lambda xs: [x for x in xs if x % number == 0]),
            (f"leave out those that {number} divides", lambda xs: [x for x in xs if x % number]),
            (f"keep only those above {3 * number}", lambda xs: [x for x in xs if x > 3 * number]),
            ("keep only the first of equal ones, in their order", lambda xs: list(dict.fromkeys(xs))),
            ("keep those at even places, counting from 0", lambda xs: list(xs[::2])),
        )
    )


def _changed(rng: random.Random) -> Step:
    number = rng.randint(2, 9)
    return rng.choice(
        (
            (f"multiply each by {number}", lambda xs: [x * number for x in xs]),
            (f"subtract each from {10 * number}", lambda xs: [10 * number - x for x in xs]),
            ("square each", lambda xs: [x * x for x in xs]),
            ("replace each by its distance from 0", lambda xs: [abs(x) for x in xs]),
            ("replace each by the sum of all up to and with it", _running),
        )
    )


def _running(xs: Numbers) -> list[int]:
    return [sum(xs[: i + 1]) for i in range(len(xs))]


def _moved(rng: random.Random) -> Step:
    places = rng.randint(1, 3)
    return rng.choice(
        (
            ("sort them in falling order", lambda xs: sorted(xs, reverse=True)),
            ("reverse their order", lambda xs: list(xs[::-1])),
            (f"take the first {places} to the end, in their order", lambda xs: [*xs[places:], *xs[:places]]),
        )
    )


def _together(rng: random.Random) -> Step:
    return rng.choice(
        (
            ("return their sum", sum),
            ("return the list", list),
            ("return the largest, or None if there is none", lambda xs: max(xs, default=None)),
            ("return the largest less the smallest, or 0 if there is none", _spread),
            ("return how many there are", len),
            ("return the first minus the second plus the third and so on", _alternating),
        )
    )


def _spread(xs: Numbers) -> int:
    return max(xs) - min(xs) if xs else 0


def _alternating(xs: Numbers) -> int:
    return sum(x if i % 2 == 0 else -x for i, x in enumerate(xs))


_WORDS = (
    "amber",
    "birch",
    "cedar",
    "dune",
    "ember",
    "fjord",
    "gorse",
    "heath",
    "inlet",
    "jetty",
    "kelp",
    "loam",
)


def _words(rng: random.Random, steps: int) -> Task:
    middle = [_of_words(rng) for _ in range(steps - 1)]
    split: Step = (
        "it takes a text of words with single spaces between them: split it into its words",
        str.split,
    )
    return "words", "rewrite", "text", [split, *middle, _to_text(rng)], _some_words


def _some_words(rng: random.Random, index: int) -> str:
    return " ".join(rng.choices(_WORDS, k=rng.randint(1, 7)))


def _of_words(rng: random.Random) -> Step:
    size, letter = rng.randint(4, 5), rng.choice("aeiou")
    return rng.choice(
        (
            (f"keep only words with {size} or more letters", lambda ws: [w for w in ws if len(w) >= size]),
            (f"leave out words with the letter {letter}", lambda ws: [w for w in ws if letter not in w]),
            ("reverse the letters of each word", lambda ws: [w[::-1] for w in ws]),
            ("sort them by their last letter, equal ones in their order", lambda ws: sorted(ws, key=_last)),
            (f"replace each letter {letter} by a star (*)", lambda ws: [w.replace(letter, "*") for w in ws]),
        )
    )


def _last(word: str) -> str:
    return word[-1]


def _to_text(rng: random.Random) -> Step:
    mark = rng.choice("-_+/")
    return rng.choice(
        (
            (f"return them joined by {mark!r}", mark.join),
            ("return the first letters of all words as one text", lambda ws: "".join(w[0] for w in ws)),
            ("return how many letters they have together", lambda ws: sum(map(len, ws))),
        )
    )


def _sequence(rng: random.Random, steps: int) -> Task:
    a, b = rng.randint(1, 3), rng.randint(-2, 3)
    start, second, most = rng.randint(0, 5), rng.randint(1, 6), rng.randint(40, 99)

    def value(n: int) -> int:
        pair = (start, second)
        for _ in range(n):
            pair = (pair[1], (a * pair[1] + b * pair[0]) % most)
        return pair[0]

    words = (
        f"it takes a whole number n of 0 or more: return term n of the sequence whose term 0 is {start}, "
        f"whose term 1 is {second}, and whose every further term is the remainder by {most} of {a} "
        f"times the one before plus {b} times the one before that (remainders are never negative)"
    )
    return "sequences", "term", "n", [(words, value)], lambda rng, index: rng.randint(0, 40) if index else 0
