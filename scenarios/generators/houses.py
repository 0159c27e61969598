"""Arrangements of traits in a row of houses that make clues true: found exactly, by ruling houses out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Trait = tuple[int, int]
"""A feature (0 is the name) and which of its values."""
Arrangement = tuple[tuple[int, ...], ...]
"""For each feature: the house of each value, from 0."""
KINDS = ("same", "other", "next", "just left", "left")
BOTH_WAYS = ("same", "other", "next")


@dataclass(frozen=True, slots=True)
class Clue:
    """What is said of one trait and another, or of one trait and a house (`place`)."""

    kind: str
    first: Trait
    second: Trait | None = None
    place: int = 0

    def holds(self, houses: Sequence[Sequence[int]]) -> bool:
        """Whether it is true of an arrangement."""
        here = houses[self.first[0]][self.first[1]]
        there = houses[self.second[0]][self.second[1]] if self.second else self.place
        return fits(self.kind, here, there)


def fits(kind: str, here: int, there: int) -> bool:
    """Whether two houses stand to each other as a clue has it."""
    if kind == "same":
        return here == there
    if kind == "other":
        return here != there
    if kind == "next":
        return abs(here - there) == 1
    return here + 1 == there if kind == "just left" else here < there


def true_clues(truth: Arrangement) -> list[Clue]:
    """Every clue that is true of an arrangement, each said one way."""
    traits = [(f, v) for f in range(len(truth)) for v in range(len(truth[0]))]
    found = [Clue("same", one, place=truth[one[0]][one[1]]) for one in traits]
    for one in traits:
        for other in traits:
            # Two values of one feature are in different houses anyway.
            kinds = KINDS[2:] if one[0] == other[0] else KINDS
            found += [
                clue
                for kind in kinds
                if one < other or (one != other and kind not in BOTH_WAYS)
                if (clue := Clue(kind, one, other)).holds(truth)
            ]
    return found


def arrangements(clues: Sequence[Clue], people: int, features: int) -> Iterator[Arrangement]:
    """All arrangements of which every clue is true."""
    return _Search(clues, people, features).found()


class _Search:
    """The houses that each trait can still have, as bits; ruled out as far as it goes, then tried."""

    def __init__(self, clues: Sequence[Clue], people: int, features: int) -> None:
        self._people, self._features = people, features
        every = (1 << people) - 1
        self._start = [every] * (people * features)
        self._pairs: list[tuple[int, int, list[int], list[int]]] = []
        for clue in clues:
            one = self._at(clue.first)
            if clue.second is None:
                self._start[one] &= 1 << clue.place
            else:
                self._pairs.append((one, self._at(clue.second), *self._tables(clue.kind)))

    def _at(self, trait: Trait) -> int:
        return trait[0] * self._people + trait[1]

    def _tables(self, kind: str) -> tuple[list[int], list[int]]:
        """For each house of one trait the houses that the other can have, both ways."""
        houses = range(self._people)
        there = [sum(1 << b for b in houses if fits(kind, a, b)) for a in houses]
        here = [sum(1 << a for a in houses if fits(kind, a, b)) for b in houses]
        return there, here

    def found(self) -> Iterator[Arrangement]:
        yield from self._from(list(self._start))

    def _from(self, left: list[int]) -> Iterator[Arrangement]:
        if not self._follow(left):
            return
        open_ = [trait for trait, houses in enumerate(left) if houses & (houses - 1)]
        if not open_:
            places = [houses.bit_length() - 1 for houses in left]
            size = self._people
            yield tuple(tuple(places[f * size : (f + 1) * size]) for f in range(self._features))
            return
        least = min(open_, key=lambda trait: left[trait].bit_count())
        for house in range(self._people):
            if left[least] >> house & 1:
                tried = list(left)
                tried[least] = 1 << house
                yield from self._from(tried)

    def _follow(self, left: list[int]) -> bool:
        """Rule out until nothing more follows; whether every trait has a house left."""
        before: list[int] = []
        while before != left:
            before = list(left)
            for one, other, there, here in self._pairs:
                left[other] &= self._reached(there, left[one])
                left[one] &= self._reached(here, left[other])
            for feature in range(self._features):
                self._apart(left, feature * self._people)
            if not all(left):
                return False
        return True

    def _reached(self, table: Sequence[int], houses: int) -> int:
        found = 0
        for house, mask in enumerate(table):
            if houses >> house & 1:
                found |= mask
        return found

    def _apart(self, left: list[int], start: int) -> None:
        """A house that one value of a feature surely has is no other value's."""
        mine = range(start, start + self._people)
        for trait in mine:
            houses = left[trait]
            if houses and not houses & (houses - 1):
                for other in mine:
                    if other != trait:
                        left[other] &= ~houses
