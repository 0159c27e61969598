"""`constraints.txt` pins what `pyproject.toml` asks for, and nothing that tells where it came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
EXTRAS = ("local", "litellm", "speed", "postgres", "data", "serve")
NOT_PINNED = ("vllm", "transformers", "ray", "datasets")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def lines() -> list[str]:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def asked_for() -> list[Requirement]:
    """Direct dependencies of the package, of the pinned extras, and of the tests' tools."""
    data = project()
    texts = [*data["project"]["dependencies"], *data["dependency-groups"]["dev"]]
    for extra in EXTRAS:
        texts += data["project"]["optional-dependencies"][extra]
    return [r for r in map(Requirement, texts) if r.name != data["project"]["name"]]


def test_each_line_is_an_exact_version() -> None:
    name, version, marker = r"[a-z0-9]+(?:-[a-z0-9]+)*", r"[0-9][0-9a-z.]*", r"(?: ; .+)?"
    wrong = [line for line in lines() if not re.fullmatch(f"{name}=={version}{marker}", line)]
    assert not wrong
    assert len(lines()) > 50


def test_no_line_holds_an_address() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    assert not re.search(r"://|\bfile:|--index|--find-links|--hash|(?m:^-)|@", text)


@pytest.mark.parametrize("wanted", asked_for(), ids=str)
def test_every_direct_dependency_is_pinned_within_its_range(wanted: Requirement) -> None:
    pinned = [Requirement(line) for line in lines()]
    found = [p for p in pinned if canonicalize_name(p.name) == canonicalize_name(wanted.name)]
    assert found, f"{wanted.name} is not in constraints.txt"
    for pin in found:
        version = next(iter(pin.specifier)).version
        assert wanted.specifier.contains(version, prereleases=True)


def test_every_extra_is_pinned_or_left_out_on_purpose() -> None:
    assert set(project()["project"]["optional-dependencies"]) == {*EXTRAS, *NOT_PINNED}


def test_weights_are_named_by_their_exact_version() -> None:
    groups = project()["dependency-groups"]
    weights = [text for group in groups if group.startswith("weights") for text in groups[group]]
    assert weights
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", text) for text in weights)
