"""Scenario files: every mistake at its place."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from rebut.errors import InputError
from rebut.models.limits import Limits
from rebut.scenarios.items import items_of
from rebut.scenarios.loader import ScenarioInvalid, find, load, loads, names

GOOD = """
name: mine
title: All there is
data: {file: d.csv, limit: 5}
fields: {question: q}
kind: number
workflows:
  alone: {workflow: solve}
  voted:
    workflow: self-consistency
    params: {temperature: 0.5}
    grid: {samples: [3, 5], weights: [none, confidence]}
    models: {solver: a/b}
models: [x/y, x/z]
seeds: [0, 7]
budget: {calls: 10}
total: {usd: 2.5, seconds: 60}
concurrency: 3
base: alone
"""


def test_a_file_becomes_a_spec() -> None:
    spec = loads(GOOD)
    assert [c.label for c in spec.contenders] == [
        "alone",
        *(f"voted samples={n},weights={w}" for n in (3, 5) for w in ("none", "confidence")),
    ]
    assert spec.contenders[1].params == {"temperature": 0.5, "samples": 3, "weights": "none"}
    assert spec.contenders[1].models == {"solver": "a/b"}
    assert (spec.models, spec.seeds, spec.base) == (("x/y", "x/z"), (0, 7), "alone")
    assert (spec.budget, spec.total) == (Limits(calls=10), Limits(usd=2.5, seconds=60))


def test_a_list_of_names_is_enough() -> None:
    spec = loads("name: a\ndata: {generate: needle}\nworkflows: [solve, debate]")
    assert [(c.label, c.workflow) for c in spec.contenders] == [("solve", "solve"), ("debate", "debate")]
    assert (spec.base, spec.seeds, spec.kind, spec.data.n) == ("solve", (0,), "text", 20)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (
            "name: mine",
            "nome: mine",
            ["2:1: error: unknown key 'nome' in scenario", "scenario has no 'name'"],
        ),
        ("kind: number", "kind: numbers", ["6:7: error: unknown value: 'numbers'", "did you mean 'number'"]),
        ("workflow: solve", "workflow: solv", ["unknown workflow: 'solv' (did you mean 'solve'?)"]),
        ("samples: [3", "sampels: [3", ["has no parameter 'sampels' (did you mean 'samples'?)"]),
        ("samples: [3", "samples: [0", ["'samples' must be at least 1"]),
        ("temperature: 0.5", "samples: 4", ["'samples' stands in both params and grid of 'voted'"]),
        (
            "file: d.csv, limit: 5",
            "file: d.csv, generate: needle",
            ["error: data come from a 'file', a 'dataset', or are made"],
        ),
        (
            "file: d.csv, limit: 5",
            "generate: neddle",
            ["unknown generator: 'neddle'", "did you mean 'needle'"],
        ),
        (
            "file: d.csv, limit: 5",
            "generate: needle, with: {sentences: 0}",
            ["must be a whole number from 1"],
        ),
        ("file: d.csv, limit: 5", "generate: needle, with: {depth: 1}", ["has no option 'depth'"]),
        ("base: alone", "base: alon", ["19:7: error: no contender 'alon'", "did you mean 'alone'"]),
        ("calls: 10", "calls: none", ["a whole number (at least 1) is needed, not the text 'none'"]),
        ("seeds: [0, 7]", "seeds: [0, 0]", ["0 stands twice in the list"]),
        ("solver: a/b", "judge: a/b", ["judge"]),
        ("concurrency: 3", "concurrency: 0", ["a whole number (at least 1) is needed"]),
        ("title: All there is", "title: [", ["not valid YAML"]),
    ],
)
def test_a_mistake_is_named_at_its_place(before: str, after: str, says: list[str]) -> None:
    assert before in GOOD
    with pytest.raises(ScenarioInvalid) as error:
        loads(GOOD.replace(before, after), "s.yaml")
    for part in says:
        assert part in str(error.value)
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    text = (
        GOOD.replace("kind: number", "kind: x")
        .replace("workflow: solve", "workflow: y")
        .replace("seeds", "sedes")
    )
    with pytest.raises(ScenarioInvalid) as error:
        loads(text)
    assert len(error.value.diagnostics) == 3


def test_workflow_files_are_found_beside_the_scenario(tmp_path: Path) -> None:
    flow = "name: w\nagents: {s: solver}\nnodes: {a: {ask: s, save: d}}\nedges: {start: a, a: end}\nanswer: d"
    (tmp_path / "w.yaml").write_text(flow)
    (tmp_path / "s.yaml").write_text("name: s\ndata: {generate: needle}\nworkflows: [./w.yaml]")
    (contender,) = load(tmp_path / "s.yaml").contenders
    assert contender.label == "w" and Path(contender.workflow) == tmp_path / "w.yaml"
    (tmp_path / "w.yaml").write_text(flow.replace("ask: s", "ask: t"))
    with pytest.raises(ScenarioInvalid, match=r"(?s)workflow .*w.yaml' has mistakes.*w.yaml:3:"):
        load(tmp_path / "s.yaml")


@pytest.mark.parametrize("name", names())
def test_every_scenario_of_the_library_has_items_and_contenders(name: str) -> None:
    spec = load(name)
    assert spec.name == name and spec.title and spec.about and len(spec.contenders) > 1
    assert len(items_of(spec)) == spec.data.n


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown scenario: 'aritmetic' \(did you mean 'arithmetic'\?\)"):
        find("aritmetic")
    with pytest.raises(InputError, match="no such scenario file"):
        find(tmp_path / "x.yaml")
