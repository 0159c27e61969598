"""Every workflow of the library has a recipe that loads, fits its data, and is in the index."""

from __future__ import annotations

import base64
import json
import os
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from rebut.graphs.loader import names
from rebut.scenarios.items import look

FOLDER = Path(__file__).parents[2] / "benchmarks"
RECIPES = sorted((FOLDER / "recipes").glob("*.yaml"))
SHARED = "../../../shared/data/"
INPUTS = {
    "quoted-debate": ["question", "source"],
    "self-augmented": ["question", "table"],
    "lookback": ["question", "image"],
}
"""What workflows are given, where that is more than a question."""
LONGEST = 30
"""Lines of a recipe."""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program that writes the index."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("recipes")


@pytest.mark.slow
def test_every_workflow_of_the_library_has_a_recipe(module: Any) -> None:
    found = module.recipes()
    homes = {name: module.home(name, found) for name in names()}
    assert [name for name, home in homes.items() if home is None] == []
    assert homes["tree-of-thought"] == "game24" and homes["checklist-judge"] in ("truth", "advice")


@pytest.mark.slow
def test_the_index_and_the_data_are_what_the_program_writes(module: Any) -> None:
    assert (FOLDER / "recipes" / "README.md").read_text("utf-8") == module.index()
    for path, text in module.files().items():
        assert [seen(line) for line in path.read_text("utf-8").splitlines()] == [
            seen(line) for line in text.splitlines()
        ]


def seen(line: str) -> dict[str, Any]:
    """A row, its picture as pixels: how well these are packed is a matter of the library's version."""
    row: dict[str, Any] = json.loads(line)
    if "image" in row:
        raw = base64.b64decode(row["image"].partition(",")[2])
        at = raw.index(b"IDAT")
        size = int.from_bytes(raw[at - 4 : at], "big")
        row["image"] = raw[:33] + zlib.decompress(raw[at + 4 : at + 4 + size])
    return row


def test_a_picture_shows_what_its_answer_says(module: Any) -> None:
    side = module.CELL * module.ACROSS
    for row in module.pictures():
        pixels = seen(json.dumps(row))["image"][33:]
        middle = module.CELL // 2
        colour = bytes(module.COLOURS[row["topic"]])
        count = 0
        for cell in range(module.ACROSS**2):
            y, x = (part * module.CELL + middle for part in divmod(cell, module.ACROSS))
            at = y * (3 * side + 1) + 1 + 3 * x
            count += pixels[at : at + 3] == colour
        assert str(count) == row["answer"]


def test_a_table_holds_the_answer_to_its_question(module: Any) -> None:
    for row in module.tables():
        head, *lines = [line.split(",") for line in row["table"].splitlines()]
        words = row["question"].rstrip("?").split()
        if row["topic"] == "cell":
            [line] = [line for line in lines if line[0] == words[4]]
            assert line[head.index(words[2])] == row["answer"]
        elif row["topic"] == "count":
            at, least = head.index(words[-1]), int(words[-2])
            assert sum(int(line[at]) > least for line in lines) == int(row["answer"])
        else:
            at = head.index(words[-2])
            values = [int(line[at]) for line in lines]
            assert values.count(max(values)) == 1
            assert lines[values.index(max(values))][head.index(words[2])] == row["answer"]


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_loads_and_its_rows_fit(path: Path, module: Any) -> None:
    spec = module.recipes()[path.stem]
    folder = Path(os.environ.get("REBUT_DATA") or FOLDER.parent.parent / "shared" / "data")
    if not folder.is_dir() and any(file.startswith(SHARED) for file in spec.data.files):
        pytest.skip("its data are not here")
    inputs = {name for c in spec.contenders for name in INPUTS.get(c.workflow, ["question"])}
    assert len(look(spec, frozenset(inputs)).items) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_short_and_says_what_is_known(path: Path, module: Any) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= LONGEST and max(map(len, text.splitlines())) <= 125
    spec = module.recipes()[path.stem]
    assert spec.name == path.stem and spec.title and spec.about and spec.cite and spec.base
    assert "easured" in spec.about or "results/" in spec.about


def test_no_two_recipes_differ_only_in_names() -> None:
    told = ("name", "title", "about", "cite")
    cores = [
        {k: v for k, v in yaml.safe_load(p.read_text("utf-8")).items() if k not in told} for p in RECIPES
    ]
    assert all(core not in cores[:i] for i, core in enumerate(cores))
