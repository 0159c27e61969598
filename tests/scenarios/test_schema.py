"""The schema of scenario files says what the loader does."""

from __future__ import annotations

import pytest

from rebut.graphs.diagnostics import Problems
from rebut.graphs.source import read
from rebut.scenarios.loader import LIBRARY
from rebut.scenarios.schema import json_schema

from ..graphs.pieces import plain
from .test_loader import GOOD

jsonschema = pytest.importorskip("jsonschema")


def valid(text: str) -> bool:
    return bool(
        jsonschema.Draft202012Validator(json_schema()).is_valid(plain(read(text, Problems("s", text))))
    )


def test_the_schema_takes_what_the_loader_takes() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    texts = [path.read_text("utf-8") for path in LIBRARY.glob("*.yaml")]
    metrics = GOOD + "metrics: {f1: f1, good: {judge: checklist-judge, models: a/b}}\n"
    assert len(texts) > 5 and all(map(valid, [*texts, GOOD, metrics, GOOD + "metrics: [exact, pass@2]\n"]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file: d.csv", "file: []"),
        ("kind: number", "kind: numbers"),
        ("kind: number", "check: guess"),
        ("kind: number", "metrics: [bleu]"),
        ("kind: number", "metrics: {good: {judge: a, rubric: b}}"),
        ("kind: number", "allow_code: maybe"),
        ("limit: 5", "split: test"),
        ("name: mine", "nome: mine"),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(old: str, new: str) -> None:
    assert old in GOOD and not valid(GOOD.replace(old, new))
