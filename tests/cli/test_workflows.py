"""Workflows are listed, described, planned, drawn, started, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from rebut.graphs.loader import names

Cli = Callable[..., Result]


def test_the_library_is_listed_with_costs_and_sources(cli: Cli) -> None:
    heading, *rows = cli("list").stdout.splitlines()
    assert heading.split(maxsplit=2) == ["NAME", "CALLS", "WHAT IT DOES"]
    assert [row.split()[0] for row in rows] == names()
    assert all(row.split()[1].startswith("<=") for row in rows)
    listed = json.loads(cli("list", "--json").stdout)
    assert all(workflow["calls"] > 0 and workflow["title"] for workflow in listed)


@pytest.mark.parametrize("name", names())
def test_every_workflow_of_the_library_is_described_planned_and_drawn(name: str, cli: Cli) -> None:
    told = cli("describe", name).stdout
    assert told.startswith(f"{name}: ") and "calls   at most" in told and "agents (-m NAME=MODEL)" in told
    assert json.loads(cli("describe", name, "--json").stdout)["calls"] > 0
    assert "at most" in cli("plan", name).stdout
    assert cli("draw", name).stdout.startswith("start")
    assert cli("draw", name, "--format", "mermaid").stdout.startswith("flowchart")


def test_agents_of_a_workflow_that_is_called_are_described_as_models_are_given_for_them(cli: Cli) -> None:
    lines = [line.split() for line in cli("describe", "route-by-difficulty").stdout.splitlines()]
    assert ["solver", "solver"] in lines and ["hard.reviewer", "reviewer,", "of", "self-refine"] in lines
    told = cli("plan", "route-by-difficulty", "-m", "hard.solver=local/other").stdout
    assert "call self-refine solver, reviewer, refiner" in told and "local/other" in told


def test_parameters_are_described_with_default_bounds_and_help(cli: Cli) -> None:
    lines = cli("describe", "debate").stdout.splitlines()
    assert any(line.split()[:3] == ["rounds", "3", "(1..10)"] for line in lines)
    assert any("(affirmative | negative)" in line for line in lines)


def test_a_plan_follows_its_parameters(cli: Cli, home: Path) -> None:
    few, many = (json.loads(cli("plan", "debate", "-p", f"rounds={n}", "--json").stdout) for n in (1, 5))
    assert few["calls"] < many["calls"]
    (home / "x.yaml").write_text("rules: [{say: x}]")
    heading, row, *rows = cli("plan", "debate", "-m", "judge=scripted/x.yaml").stdout.splitlines()
    assert heading.split() == ["NODE", "VISITS", "CALLS", "EACH", "TYPICALLY", "MODEL", "DOES"]
    assert row.split()[1].startswith("<=")
    assert ["scripted/x.yaml" in row for row in (row, *rows[:4])] == [False, False, True, True, True]


def test_an_unknown_drawing_is_refused(cli: Cli) -> None:
    told = cli("draw", "debate", "--format", "svg")
    assert told.exit_code == 2 and "mermaid, text" in told.stderr


def test_a_new_workflow_passes_the_check_and_runs(cli: Cli, home: Path) -> None:
    told = cli("new", "my-own")
    assert told.stdout.splitlines()[0] == "wrote my-own.yaml"
    assert "next: rebut check my-own.yaml" in told.stdout
    assert cli("check", "my-own.yaml").stdout == "my-own.yaml: ok\n"
    (home / "s.yaml").write_text("rules: [{say: 'ANSWER: 391'}]")
    ran = cli("run", "my-own.yaml", "What is 17 * 23?", "-m", "scripted/s.yaml", "-q")
    assert (ran.exit_code, ran.stdout) == (0, "391\n")


def test_new_does_not_overwrite_and_wants_a_proper_name(cli: Cli, home: Path) -> None:
    (home / "mine.yaml").write_text("mine")
    assert "mine.yaml exists" in cli("new", "mine").stderr
    assert (home / "mine.yaml").read_text() == "mine"
    for name in ("My Method", "1st", "a\nb", "../.yaml"):
        told = cli("new", name)
        assert told.exit_code == 2 and "no name of a workflow" in told.stderr
    assert "cannot write" in cli("new", "nowhere/x").stderr


def test_check_shows_the_problems_of_all_files(cli: Cli, home: Path) -> None:
    (home / "a.yaml").write_text("name: a\nnods: {}\n")
    (home / "b.yaml").write_text("name: b\n  bad: [\n")
    cli("new", "good")
    told = cli("check", "./a.yaml", "b.yaml", "good.yaml", "none.yaml")
    assert told.exit_code == 2
    assert "a.yaml:2:1: error: " in told.stdout and "b.yaml:2:" in told.stdout
    assert "good.yaml: ok" in told.stdout and "no such workflow file: 'none.yaml'" in told.stdout
    assert [line for line in told.stdout.splitlines() if line.endswith(": ok")] == ["good.yaml: ok"]


def test_check_as_json_has_places_and_codes(cli: Cli, home: Path) -> None:
    (home / "a.yaml").write_text("name: a\nnods: {}\n")
    told = cli("check", "a.yaml", "--json")
    assert told.exit_code == 2
    problem = json.loads(told.stdout)[-1]
    assert problem["message"] == "unknown key 'nods' in workflow"
    assert (problem["path"], problem["line"], problem["column"], problem["end"]) == ("a.yaml", 2, 1, 5)
    assert (problem["severity"], problem["note"]) == ("error", "did you mean 'nodes'?")


def test_check_keeps_escapes_of_a_file_from_the_terminal(cli: Cli, home: Path) -> None:
    (home / "a.yaml").write_bytes(b'name: "\\e]0;owned\\a"\n# \x9b31m\n')
    told = cli("check", "a.yaml")
    assert "\x1b" not in told.stdout and told.exit_code == 2
    cli("new", "hostile")
    text = (home / "hostile.yaml").read_text()
    title = 'title: "\\e]0;owned\\aDraft"'
    (home / "hostile.yaml").write_text(re.sub("^title: .*$", lambda _: title, text, flags=re.M))
    told = cli("describe", "hostile.yaml")
    assert told.stdout.startswith("hostile: Draft\n")


def test_the_schema_is_a_json_schema(cli: Cli) -> None:
    schema = json.loads(cli("schema").stdout)
    assert "$schema" in schema and "nodes" in json.dumps(schema)


def test_models_names_the_keys_that_are_set_and_never_shows_them(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("REBUT_MODEL", "openai/some-model")
    told, data = cli("models").stdout, json.loads(cli("models", "--json").stdout)
    assert "default model: openai/some-model" in told and "OPENAI_API_KEY" in told
    assert data["keys"] == [name for name in data["keys"] if name.endswith(("_KEY", "TOKEN"))]
    assert "very-secret" not in told + json.dumps(data)
    assert {backend["name"] for backend in data["backends"]} >= {"local/", "vllm/"}
