"""``rebut scores``: mean and spread of the first samples' scores, over kept runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Cli = Callable[..., Result]

SCRIPT = """
rules:
  - when: {{any: score}}
    say: '{{"score": {score}, "reason": "so"}}'
  - when: {{any: steps}}
    say: '{{"scores": [10, 10], "steps": [10, 10]}}'
  - say: "Step 1: think.\\nStep 2: conclude. Answer: 42"
"""

FLOW = """
name: graded
params:
  samples: {default: 2, min: 1, max: 9, help: drawn}
  strict: {default: false, help: for tests}
agents: {solver: solver, scorer: scorer}
nodes:
  draw: {sample: solver, n: params.samples, save: said}
  grade: {score: said, by: [scorer], save: said}
  again: {score: said, by: [scorer], save: said}
  copy: {set: {kept: "said if params.strict else said"}}
edges: {start: draw, draw: grade, grade: again, again: copy, copy: end}
answer: top(kept, 1, 'score')[0].answer
"""


@pytest.fixture(autouse=True)
def graded(home: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """Three runs whose samples were graded 4, 6 and 8 of 10; the last one is `strict`."""
    monkeypatch.setenv("REBUT_MODEL", "scripted/s.yaml")
    (home / "w.yaml").write_text(FLOW)
    for score, strict in ((4, "no"), (6, "no"), (8, "yes")):
        (home / "s.yaml").write_text(SCRIPT.format(score=score))
        told = cli("run", "w.yaml", f"{score}?", "-p", f"strict={strict}", "--kind", "number", "-q")
        assert told.stdout == "42\n", told.stderr


def test_the_first_sample_of_each_run_counts_once_a_node(cli: Cli) -> None:
    rows = json.loads(cli("scores", "graded", "--json").stdout)
    assert [(row["node"], row["runs"]) for row in rows] == [("again", 3), ("grade", 3)]
    assert (rows[1]["mean"], rows[1]["sd"]) == (pytest.approx(0.6), pytest.approx((0.08 / 3) ** 0.5))
    told = cli("scores").stdout
    assert "0.6" in told and "scripted/s.yaml" in told


def test_runs_are_chosen_by_their_parameters(cli: Cli) -> None:
    [_, row] = json.loads(cli("scores", "graded", "-p", "strict=off", "--json").stdout)
    assert (row["runs"], row["mean"], row["sd"]) == (2, pytest.approx(0.5), pytest.approx(0.1))
    assert json.loads(cli("scores", "graded", "-p", "nosuch=1", "--json").stdout) == []


def test_a_fork_does_not_count_again(cli: Cli) -> None:
    cli("fork", "last", "--at", "grade", "-q")
    assert [row["runs"] for row in json.loads(cli("scores", "--json").stdout)] == [3, 3]


def test_without_scores_that_is_said(cli: Cli) -> None:
    assert "no run of 'debate' has such scores yet" in cli("scores", "debate").stderr
