"""The files of the library: short, each a method of its own, none known to the machinery by its name."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from rebut.graphs.loader import LIBRARY, names

ROOT = Path(__file__).parents[3]
MACHINERY = [
    p for room in ("agents", "graphs", "models", "memory") for p in sorted((ROOT / room).rglob("*.py"))
]


def test_half_of_the_files_have_fewer_than_sixty_lines() -> None:
    assert median(len(path.read_text("utf-8").splitlines()) for path in LIBRARY.glob("*.yaml")) < 60


@pytest.mark.parametrize("name", names())
def test_a_file_says_what_it_is_for_and_where_it_comes_from(name: str) -> None:
    found = yaml.safe_load((LIBRARY / f"{name}.yaml").read_text("utf-8"))
    assert found["name"] == name and found["title"] and len(found["about"]) > 60
    assert "cite" in found or name == "solve"
    unexplained = [
        key
        for key, param in found.get("params", {}).items()
        if not isinstance(param, dict) or not param.get("help")
    ]
    assert not unexplained


def skeleton(name: str) -> str:
    """What a file does with all names in it replaced by their order of appearance."""
    found = yaml.safe_load((LIBRARY / f"{name}.yaml").read_text("utf-8"))
    seen: dict[str, str] = {}

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(bare(key)): bare(item) for key, item in value.items()}
        if isinstance(value, list):
            return [bare(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"[A-Za-z_]\w*", lambda word: seen.setdefault(word[0], f"n{len(seen)}"), value)
        return value

    return str(bare({key: found[key] for key in ("nodes", "edges", "answer")}))


def test_no_two_files_differ_only_in_names() -> None:
    skeletons: dict[str, str] = {}
    for name in names():
        other = skeletons.setdefault(skeleton(name), name)
        assert other == name, f"{name} does what {other} does"


def test_no_workflow_is_known_to_the_machinery_by_its_name() -> None:
    for path in MACHINERY:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                named = any(isinstance(s, ast.Attribute) and s.attr in ("name", "workflow") for s in sides)
                known = [s for s in sides if isinstance(s, ast.Constant) and s.value in names()]
                assert not (named and known), f"{path}:{node.lineno}"
