"""Puzzles of who lives where with what: clues that leave exactly one arrangement, none of them to spare."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from .houses import Arrangement, Clue, Trait, arrangements, true_clues

NAMES = ("Ada", "Bela", "Cleo", "Dunja", "Emil", "Farid", "Greta", "Hugo")
FEATURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("drinks {}", ("tea", "coffee", "milk", "juice", "water", "cocoa")),
    ("keeps a {}", ("cat", "dog", "parrot", "turtle", "rabbit", "pony")),
    ("plays the {}", ("flute", "drum", "harp", "cello", "piano", "horn")),
)


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """A row of houses, clues, and a question who has a trait; no clue alone answers it."""
    people, features = options["people"], options["features"]
    values = [rng.sample(NAMES, people)]
    values += [rng.sample(words, people) for _, words in FEATURES[:features]]
    truth = tuple(tuple(rng.sample(range(people), people)) for _ in values)
    asked = (rng.randint(1, features), rng.randrange(people))
    owner = truth[0].index(truth[asked[0]][asked[1]])
    clues = chosen(rng, truth, asked, owner)
    rng.shuffle(clues)
    lines = [f"- {_said(clue, values)}" for clue in clues]
    kept = "; ".join(f"one {FEATURES[f - 1][0].format(_any(values[f]))}" for f in range(1, features + 1))
    question = (
        f"{people} people live in {people} houses in a row, numbered 1 to {people} from left to right: "
        f"{', '.join(sorted(values[0]))}. Each has something else: {kept}.\n\n"
        + "\n".join(lines)
        + f"\n\nWho {_trait(asked, values)}? Answer with the name."
    )
    return {"question": question, "answer": values[0][owner], "topic": f"{len(clues)} clues"}


def chosen(rng: random.Random, truth: Arrangement, asked: Trait, owner: int) -> list[Clue]:
    """Clues that leave only the truth; without any one of them, something else would be possible too."""
    told = {asked, (0, owner)}
    pool = [clue for clue in true_clues(truth) if {clue.first, clue.second} != told]
    rng.shuffle(pool)
    people, features = len(truth[0]), len(truth)
    clues: list[Clue] = []
    while (other := _another(clues, people, features, truth)) is not None:
        # The next clue that rules out what is still possible beside the truth.
        clues.append(next(clue for clue in pool if not clue.holds(other)))
    for clue in list(clues):
        fewer = [one for one in clues if one is not clue]
        if _another(fewer, people, features, truth) is None:
            clues = fewer
    return clues


def _another(clues: Sequence[Clue], people: int, features: int, truth: Arrangement) -> Arrangement | None:
    return next((found for found in arrangements(clues, people, features) if found != truth), None)


def _said(clue: Clue, values: Sequence[Sequence[str]]) -> str:
    if clue.second is None:
        return f"{_person(clue.first, values)} lives in house {clue.place + 1}."
    first, second = clue.first, clue.second
    if clue.kind in ("same", "other"):
        if first[0] == 0:
            verb = _trait(second, values)
            return (
                f"{_person(first, values)} {verb}."
                if clue.kind == "same"
                else f"{_not(first, second, values)}"
            )
        joined = "also" if clue.kind == "same" else "is not the person who"
        return f"{_person(first, values)} {joined} {_trait(second, values)}."
    where = {
        "next": "lives next to",
        "just left": "lives directly to the left of",
        "left": "lives somewhere to the left of",
    }[clue.kind]
    return f"{_person(first, values)} {where} {_whom(second, values)}."


def _not(first: Trait, second: Trait, values: Sequence[Sequence[str]]) -> str:
    return f"{_person(first, values)} is not the person who {_trait(second, values)}."


def _trait(trait: Trait, values: Sequence[Sequence[str]]) -> str:
    return FEATURES[trait[0] - 1][0].format(values[trait[0]][trait[1]])


def _person(trait: Trait, values: Sequence[Sequence[str]]) -> str:
    return values[0][trait[1]] if trait[0] == 0 else f"The person who {_trait(trait, values)}"


def _whom(trait: Trait, values: Sequence[Sequence[str]]) -> str:
    return values[0][trait[1]] if trait[0] == 0 else f"the person who {_trait(trait, values)}"


def _any(words: Sequence[str]) -> str:
    ordered = sorted(words)
    return f"{', '.join(ordered[:-1])} or {ordered[-1]}"
