"""A fact to be found among others like it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

NAMES = ("Ada", "Bela", "Cleo", "Dunja", "Emil", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam")
PLACES = (
    "Basel",
    "Cusco",
    "Dakar",
    "Galway",
    "Hanoi",
    "Izmir",
    "Kyoto",
    "Lima",
    "Minsk",
    "Oslo",
    "Porto",
    "Riga",
)
THINGS = (
    "a lamp",
    "a map",
    "a drum",
    "a kite",
    "a clock",
    "a bell",
    "a mirror",
    "a ladder",
    "a flute",
    "a chair",
)
DEEDS = ("bought", "sold", "mended", "lost", "found", "painted", "borrowed", "hid")


def make(rng: random.Random, options: Mapping[str, Any]) -> dict[str, Any]:
    """Sentences of who did what with which thing where; one is asked for by three of its four parts."""
    name, deed, thing = rng.choice(NAMES), rng.choice(DEEDS), rng.choice(THINGS)
    place = rng.choice(PLACES)
    lines: list[str] = []
    while len(lines) < options["sentences"]:
        other = (rng.choice(NAMES), rng.choice(DEEDS), rng.choice(THINGS))
        if other != (name, deed, thing):
            lines.append(f"{other[0]} {other[1]} {other[2]} in {rng.choice(PLACES)}.")
    depth = rng.randint(0, len(lines))
    lines.insert(depth, f"{name} {deed} {thing} in {place}.")
    question = f"{' '.join(lines)}\n\nBy the text above, in which city was it that {name} {deed} {thing}?"
    third = ("first third", "middle third", "last third")[min(2, 3 * depth // len(lines))]
    return {"question": question, "answer": place, "topic": third}
