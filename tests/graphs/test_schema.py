"""The JSON Schema says the same as the loader on keys, types and bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rebut.graphs.diagnostics import Problems
from rebut.graphs.loader import LIBRARY
from rebut.graphs.schema import json_schema
from rebut.graphs.source import read

from .pieces import plain

jsonschema = pytest.importorskip("jsonschema")

HERE = Path(__file__).parent
GOOD = [*sorted((HERE / "good").glob("*.yaml")), *sorted(LIBRARY.glob("*.yaml"))]
STRUCTURAL = {"unknown-key", "missing-key", "needs-key", "node-kind", "type", "choice", "name"}
BEYOND = {
    "agent_slip",
    "unused_fact",
    "unused_with",
    "rule_without_weights",
    "election_without_ballots",
    "election_by_parameter",
    "expression_in_list",
    "param_nothing",
}
"""Files whose mistakes only the loader sees: they hang on prompts, on expressions or on other keys."""


def valid(path: Path) -> bool:
    text = path.read_text("utf-8")
    validator = jsonschema.Draft202012Validator(json_schema())
    return bool(validator.is_valid(plain(read(text, Problems(path.name, text)))))


def wrong() -> list[Path]:
    found = []
    for path in sorted((HERE / "wrong").glob("*.yaml")):
        codes = path.with_suffix(".txt").read_text("utf-8").split("\n")[0][2:].split()
        if STRUCTURAL.intersection(codes) and path.stem not in BEYOND:
            found.append(path)
    return found


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_fit_the_schema(path: Path) -> None:
    assert valid(path)


@pytest.mark.parametrize("path", wrong(), ids=lambda path: path.stem)
def test_structurally_wrong_files_do_not(path: Path) -> None:
    assert not valid(path)


def test_enough_wrong_files_are_structural() -> None:
    assert len(wrong()) >= 25


def test_every_key_has_a_description() -> None:
    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            for value in schema.get("properties", {}).values():
                assert value["description"]
            for value in schema.values():
                walk(value)
        elif isinstance(schema, list):
            for value in schema:
                walk(value)

    walk(json_schema())
