"""Small sums whose first answer is wrong: floors and flights, posts and gaps, means of speeds, doubling."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

NAMES = ("Ada", "Bela", "Cleo", "Dunja", "Emil", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam")
Riddle = tuple[str, int, int]
"""A question, its answer, and the answer that suggests itself."""


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """A riddle of one of the sorts; its suggestive answer is never the right one."""
    topic = rng.choice(list(SORTS))
    while True:
        question, answer, first = SORTS[topic](rng)
        if answer != first:
            return {"question": question, "answer": str(answer), "topic": topic}


def _floors(rng: random.Random) -> Riddle:
    """Two who climb: what counts is flights, one fewer than the floor."""
    fast, slow, times = rng.randint(4, 9), rng.randint(2, 3), rng.randint(2, 8)
    first, second = rng.sample(NAMES, 2)
    high, low = 1 + (fast - 1) * times, 1 + (slow - 1) * times
    question = (
        f"{first} and {second} climb the stairs of a tower from the 1st floor, each at a steady pace. When "
        f"{first} reaches floor {fast}, {second} reaches floor {slow}. On which floor is {second} when "
        f"{first} reaches floor {high}?"
    )
    return question, low, high * slow // fast


def _speeds(rng: random.Random) -> Riddle:
    """There and back: the mean speed is the harmonic mean."""
    there, back = rng.sample((10, 12, 15, 20, 24, 30, 40, 60, 120), 2)
    while Fraction(2 * there * back, there + back).denominator != 1:
        there, back = rng.sample((10, 12, 15, 20, 24, 30, 40, 60, 120), 2)
    question = (
        f"{rng.choice(NAMES)} rides to the lake at {there} km/h and comes back the same way at {back} km/h. "
        "What is the mean speed of the whole ride, in km/h?"
    )
    return question, 2 * there * back // (there + back), (there + back) // 2


def _pair(rng: random.Random) -> Riddle:
    """A pair's price and the difference: half of what is left, not what is left."""
    things = (("a bat", "a ball"), ("a pot", "a lid"), ("a bow", "an arrow"), ("a pen", "a refill"))
    small = rng.randint(2, 60)
    more = rng.choice((50, 80, 100, 120, 150, 200, 300))
    dear, cheap = rng.choice(things)
    question = (
        f"{dear.capitalize()} and {cheap} cost {2 * small + more} cents together. {dear.capitalize()} costs "
        f"{more} cents more than {cheap}. How many cents does {cheap} cost?"
    )
    return question, small, 2 * small


def _pond(rng: random.Random) -> Riddle:
    """Doubling: a part of the pond is covered only a few days before all of it."""
    days, halvings = rng.randint(12, 60), rng.randint(1, 4)
    part = 2**halvings
    question = (
        f"A patch of weed on a pond doubles in size each day. It covers the whole pond on day {days}. On "
        f"which day did it cover 1/{part} of the pond?"
    )
    return question, days - halvings, days // part


def _posts(rng: random.Random) -> Riddle:
    """Posts along a line: one more than gaps."""
    gap, gaps = rng.randint(2, 9), rng.randint(5, 40)
    question = (
        f"Along a straight road of {gap * gaps} metres stands a lamp every {gap} metres, with one at each "
        "end. How many lamps are there?"
    )
    return question, gaps + 1, gaps


def _cuts(rng: random.Random) -> Riddle:
    """Cuts are one fewer than pieces."""
    few, many, minutes = rng.randint(2, 5), rng.randint(6, 15), rng.randint(2, 9)
    question = (
        f"It takes {minutes * (few - 1)} minutes to saw a beam into {few} pieces, and each cut takes equally "
        f"long. How many minutes does it take to saw such a beam into {many} pieces?"
    )
    return question, minutes * (many - 1), minutes * (few - 1) * many // few


def _snail(rng: random.Random) -> Riddle:
    """Up by day, down by night: on the last day it does not slip back."""
    up = rng.randint(3, 9)
    slip = rng.randint(1, up - 1)
    days = rng.randint(4, 20)
    depth = (days - 1) * (up - slip) + up
    question = (
        f"A snail sits at the bottom of a well of {depth} metres. Each day it climbs {up} metres, each night "
        f"it slips back {slip} metres. On which day does it reach the top?"
    )
    return question, days, depth // (up - slip)


def _machines(rng: random.Random) -> Riddle:
    """As many machines make as many things in the same time."""
    few, minutes, many = rng.randint(3, 9), rng.randint(3, 20), rng.choice((20, 50, 100, 200))
    question = (
        f"{few} machines need {minutes} minutes to make {few} parts. How many minutes do {many} such "
        f"machines need to make {many} parts?"
    )
    return question, minutes, many


def _prices(rng: random.Random) -> Riddle:
    """Up and down by one percentage is not where it began."""
    percent, whole = rng.choice((10, 20, 30, 40, 50)), 100 * rng.randint(2, 40)
    question = (
        f"A coat costs {whole} crowns. Its price goes up by {percent} %, and later down by {percent} %. "
        "How many crowns does it cost then?"
    )
    return question, whole * (10_000 - percent * percent) // 10_000, whole


def _bells(rng: random.Random) -> Riddle:
    """Between strokes there is one gap fewer than strokes."""
    few, many = rng.randint(3, 6), rng.randint(7, 12)
    gap = rng.randint(1, 6)
    question = (
        f"A church clock takes {gap * (few - 1)} seconds to strike {few}, from the first stroke to the last. "
        f"How many seconds does it take to strike {many}?"
    )
    return question, gap * (many - 1), gap * (few - 1) * many // few


SORTS: Mapping[str, Callable[[random.Random], Riddle]] = {
    "floors": _floors,
    "mean speed": _speeds,
    "a pair's price": _pair,
    "doubling": _pond,
    "posts": _posts,
    "cuts": _cuts,
    "snail": _snail,
    "machines": _machines,
    "percentages": _prices,
    "bells": _bells,
}
