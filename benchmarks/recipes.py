"""The recipes: data of their own, and their index. Written by this program, held by a test.

python benchmarks/recipes.py
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from rebut.graphs.loader import names
from rebut.scenarios.loader import load
from rebut.scenarios.spec import ScenarioSpec

FOLDER = Path(__file__).parent / "recipes"
COLOURS = {"red": (220, 40, 40), "green": (30, 160, 60), "blue": (40, 80, 220), "black": (20, 20, 20)}
CELL, ACROSS = 16, 6
"""Pixels of a square with its margin, and squares in a row of the picture."""
TOWNS = ("Arden", "Brook", "Corvel", "Dunmore", "Elmsby", "Farrow", "Glen", "Holt", "Ivesham", "Juneau",
         "Kelso", "Lorne", "Marlow", "Norby", "Oakham", "Penrith")  # fmt: skip
COLUMNS = ("trains", "parks", "schools", "bridges")


def pictures(count: int = 24, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Squares of a few colours in a picture, and how many of one colour there are."""
    dice = Random(seed)
    for place in range(count):
        size = dice.randint(4, 14)
        cells = dice.sample(range(ACROSS * ACROSS), size)
        painted = {cell: dice.choice(list(COLOURS)) for cell in cells}
        colour = dice.choice(list(COLOURS))
        found = sum(paint == colour for paint in painted.values())
        yield {
            "id": f"squares-{place}",
            "question": f"How many {colour} squares are in the picture?",
            "image": f"data:image/png;base64,{base64.b64encode(png(painted)).decode()}",
            "answer": str(found),
            "topic": colour,
        }


def png(painted: Mapping[int, str]) -> bytes:
    """A picture of the painted cells on white."""
    side = CELL * ACROSS
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            inside = 2 <= x % CELL < CELL - 2 and 2 <= y % CELL < CELL - 2
            paint = painted.get(y // CELL * ACROSS + x // CELL)
            rows += bytes(COLOURS[paint] if paint and inside else (255, 255, 255))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tables(count: int = 36, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Tables of towns, and questions that have one answer: a cell, a count, where something is largest."""
    dice = Random(seed)
    for place in range(count):
        towns = dice.sample(TOWNS, 12)
        rows = {town: dice.sample(range(1, 60), len(COLUMNS)) for town in towns}
        topic = ("cell", "count", "largest")[place % 3]
        question, answer = _asked(dice, topic, rows)
        lines = [
            ",".join(("town", *COLUMNS)),
            *(",".join((t, *map(str, cells))) for t, cells in rows.items()),
        ]
        yield {
            "id": f"towns-{place}",
            "question": question,
            "table": "\n".join(lines),
            "answer": answer,
            "topic": topic,
        }


def _asked(dice: Random, topic: str, rows: dict[str, list[int]]) -> tuple[str, str]:
    at = dice.randrange(len(COLUMNS))
    column = COLUMNS[at]
    if topic == "cell":
        town = dice.choice(list(rows))
        return f"How many {column} does {town} have?", str(rows[town][at])
    values = [cells[at] for cells in rows.values()]
    if topic == "count":
        least = sorted(values)[dice.randint(4, 9)]
        return f"How many towns have more than {least} {column}?", str(sum(v > least for v in values))
    other = COLUMNS[(at + 1) % len(COLUMNS)]
    first = max(rows, key=lambda town: (rows[town][at], -rows[town][(at + 1) % len(COLUMNS)]))
    while values.count(max(values)) > 1:  # so that there is one answer
        rows[first][at] += 1
        values = [cells[at] for cells in rows.values()]
    return f"How many {other} does the town with the most {column} have?", str(
        rows[first][(at + 1) % len(COLUMNS)]
    )


@cache
def recipes() -> Mapping[str, ScenarioSpec]:
    """All recipes by their files' names."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.yaml"))}


def tried(spec: ScenarioSpec) -> set[str]:
    """The workflows that a recipe runs, those that grade included."""
    return {c.workflow for c in spec.contenders} | {m.judge for m in spec.metrics if m.judge}


def home(workflow: str, found: Mapping[str, ScenarioSpec]) -> str | None:
    """The recipe in which a workflow is looked at; one in which others are compared with it only for want."""
    with_it = [name for name, spec in found.items() if workflow in tried(spec)]
    own = [name for name in with_it if workflow not in _bases(found[name])]
    return next(iter((*own, *with_it)), None)


def _bases(spec: ScenarioSpec) -> set[str]:
    return {c.workflow for c in spec.contenders if c.label == spec.base}


def index() -> str:
    """The page that leads to all recipes."""
    found = recipes()
    about = (
        "Scenarios that put each method of the library beside what it has to beat, at matching cost, on a "
        "task for which it was proposed. What a paper reports stands in a recipe's `about`, with what was "
        "measured here. The data sets of `../../../shared/data` are not part of the project: put the rows "
        "of a set there as JSON Lines, or point a recipe's `data` at your copy. Written by "
        "`python benchmarks/recipes.py`."
    )
    lines = ["# Recipes", about, "```console\n$ rebut scenario check benchmarks/recipes/votes.yaml\n"
             "$ rebut scenario run benchmarks/recipes/votes.yaml -m MODEL --limit 20\n```"]  # fmt: skip
    rows = [
        f"| [{name}]({name}.yaml) | {spec.title} | {', '.join(sorted(tried(spec)))} |"
        for name, spec in found.items()
    ]
    lines.append("\n".join(["| recipe | what it compares | workflows |", "|---|---|---|", *rows]))
    homes = [f"| {name} | {_link(home(name, found))} |" for name in names()]
    lines += ["## By workflow", "\n".join(["| workflow | recipe |", "|---|---|", *homes])]
    return "\n\n".join(lines) + "\n"


def _link(recipe: str | None) -> str:
    return "none" if recipe is None else f"[{recipe}]({recipe}.yaml)"


def files() -> dict[Path, str]:
    """What this program writes, but for the index."""
    made = {"pictures": pictures(), "tables": tables()}
    return {
        FOLDER / "data" / f"{name}.jsonl": "".join(json.dumps(row) + "\n" for row in rows)
        for name, rows in made.items()
    }


def main() -> None:
    """Write everything."""
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    (FOLDER / "README.md").write_text(index(), "utf-8")


if __name__ == "__main__":
    main()
