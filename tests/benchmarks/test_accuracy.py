"""The accuracy benchmark, from its command line to its table, with a scripted model."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
QUESTIONS = [("a", "What is 6 times 7?", "42"), ("b", "What is 5 plus 5?", "10")]
SCRIPT = """\
rules:
  - {when: 6 times 7, say: "Answer: 42"}
  - {when: 5 plus 5, say: "Answer: 11"}
  - {say: "Answer: 5"}
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the benchmarks as the script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module


def command(folder: Path, *more: str, count: int = 2) -> subprocess.CompletedProcess[str]:
    lines = [json.dumps({"id": i, "question": q, "answer": a}) for i, q, a in QUESTIONS[:count]]
    (folder / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    if not (folder / "script.yaml").exists():
        (folder / "script.yaml").write_text(SCRIPT, "utf-8")
    given = ["--rows", str(count), "--data", "questions.jsonl", "--model", "scripted/script.yaml"]
    program = [sys.executable, str(FOLDER / "accuracy.py"), *given, "--out", "t.md", *more]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def rows(folder: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "t.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if "workflow" in line]


def test_answers_are_graded_and_counted(tmp_path: Path) -> None:
    done = command(tmp_path, "--workflows", "greedy,self-consistency", "--set", "self-consistency.samples=3")
    assert done.returncode == 0, done.stderr
    found = {(r["workflow"], r["id"]): (r["correct"], r["calls"]) for r in rows(tmp_path)}
    assert found == {
        ("greedy", "a"): (True, 1),
        ("greedy", "b"): (False, 1),
        ("self-consistency", "a"): (True, 3),
        ("self-consistency", "b"): (False, 3),
    }
    table = (tmp_path / "t.md").read_text("utf-8")
    assert "| greedy | 2 | 50.0% |" in table and "samples=3" in table and "## In pairs with greedy" in table
    assert str(FOLDER) not in table and table in done.stdout


def test_answered_questions_are_not_asked_again_and_a_torn_line_is(tmp_path: Path) -> None:
    assert command(tmp_path, "--workflows", "greedy", count=1).returncode == 0
    first = (tmp_path / "t.jsonl").read_bytes()
    (tmp_path / "t.jsonl").write_bytes(first + b'{"id": "b", "workf')
    again = command(tmp_path, "--workflows", "greedy")
    assert again.returncode == 0 and "1 lines of t.jsonl cannot be read" in again.stderr
    assert (tmp_path / "t.jsonl").read_bytes().startswith(first)
    assert "| greedy | 2 | 50.0% |" in again.stdout
    before = (tmp_path / "t.jsonl").read_bytes()
    (tmp_path / "script.yaml").write_text("rules: [{error: refused}]", "utf-8")
    assert command(tmp_path, "--workflows", "greedy").returncode == 0
    assert (tmp_path / "t.jsonl").read_bytes() == before


def test_rows_of_other_settings_are_not_mixed(tmp_path: Path) -> None:
    assert command(tmp_path, "--workflows", "greedy").returncode == 0
    other = command(tmp_path, "--workflows", "greedy", "--seed", "1")
    assert other.returncode == 2 and "other settings" in other.stderr and "Traceback" not in other.stderr


def test_after_the_time_limit_nothing_is_started(tmp_path: Path) -> None:
    done = command(tmp_path, "--workflows", "greedy", "--time-limit", "0")
    assert done.returncode == 0
    assert "greedy 2" in (tmp_path / "t.md").read_text("utf-8") and rows(tmp_path) == []


def test_a_failed_run_is_a_wrong_answer_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text(SCRIPT.replace('say: "Answer: 11"', "error: refused"), "utf-8")
    done = command(tmp_path, "--workflows", "greedy")
    assert done.returncode == 0, done.stderr
    failed = next(r for r in rows(tmp_path) if r["id"] == "b")
    assert (failed["stop"], failed["answer"], failed["correct"]) == ("failed", None, False)
    assert failed["error"] and "1 of runs" in done.stdout and "| greedy | 2 | 50.0% |" in done.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--workflows", "greedy,debat"], "did you mean 'debate'"),
        (["--set", "magicore=3"], "WORKFLOW.PARAM=VALUE"),
        (["--workflows", "greedy", "--set", "debate.rounds=1"], "'debate' is not run"),
        (["--rows", "9"], "9 are wanted"),
        (["--data", "nowhere"], "--data"),
        (["--out", "t.jsonl"], ".md is wanted"),
    ],
)
def test_what_is_given_wrong_is_told_in_a_line(tmp_path: Path, more: list[str], said: str) -> None:
    done = command(tmp_path, *more)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_intervals_and_p_are_those_of_the_books(module: Any) -> None:
    table = module("accuracy_table")
    assert [round(x, 4) for x in table.wilson(0, 10)] == [0.0, 0.2775]
    assert [round(x, 4) for x in table.wilson(81, 263)] == [0.2553, 0.3662]
    assert table.mcnemar(0, 0).p == 1.0 and table.mcnemar(1, 9).p == table.mcnemar(9, 1).p == 0.021484375


def test_folders_of_the_machine_are_left_out(module: Any) -> None:
    hidden = module("machine").hidden
    assert hidden("--data=/srv/x/data -o ../out/t.md") == "--data=…/data -o ../out/t.md"
    assert hidden("--model 'local//home/me/w.gguf?slots=2'") == "--model 'local/…/w.gguf?slots=2'"
    assert hidden("openai/gpt-5 http://h/v1 ~/runs.db") == "openai/gpt-5 http://h/v1 …/runs.db"


def test_a_budget_holds_for_each_run_and_is_told(tmp_path: Path) -> None:
    done = command(tmp_path, "--workflows", "self-consistency", "--budget", "calls=2")
    assert done.returncode == 0, done.stderr
    assert [(r["stop"], r["calls"]) for r in rows(tmp_path)] == [("budget", 2)] * 2
    assert "budget.calls=2" in done.stdout
    other = command(tmp_path, "--workflows", "self-consistency", "--budget", "calls=3")
    assert other.returncode != 0 and "other settings" in other.stderr


def test_the_whole_library_is_meant_but_what_needs_more_than_a_question(module: Any) -> None:
    named = module("accuracy").named("greedy,library,greedy")
    assert named[0] == "greedy" and {"debate", "magicore", "rain"} < {*named}
    assert len(named) == len({*named})
