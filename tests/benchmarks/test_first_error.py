"""The benchmark of first errors: its counts by hand, and a scripted scorer."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported as the script is."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("first_error")


def test_both_kinds_of_solutions_count_alike_however_many_there_are(module: Any) -> None:
    of = module.Found
    found = [of(1, 1, 3), of(2, 1, 3), of(0, None, 3), of(2, 2, 3), of(None, None, 2), of(None, 0, 2)]
    assert module.score(found) == (0.5, 0.5, 0.5)
    assert module.score([of(None, None, 2, read=False), of(1, 1, 2)]) == (1.0, 0.0, 0.0)
    assert module.score([]) == (0.0, 0.0, 0.0)


def test_guesses_look_at_nothing(module: Any) -> None:
    of = module.Found
    guesses = module.guesses([of(2, 0, 3), of(None, 1, 4)])
    assert module.score(guesses["nothing is wrong"]) == (0.0, 1.0, 0.0)
    assert module.score(guesses["the last step is wrong"]) == (1.0, 0.0, 0.0)
    assert [f.seen for f in guesses["the middle step is wrong"]] == [1, 2]


def test_a_scorer_is_asked_about_every_step(tmp_path: Path) -> None:
    rows = [
        {"question": "1+1+1?", "steps": ["1+1=2", "2+1=4"], "mistake_index": 1},
        {"question": "2+2?", "steps": ["2+2=4", "so 4"], "mistake_index": None},
    ]
    folder = tmp_path / "big_bench_mistake"
    folder.mkdir()
    (folder / "big_bench_mistake.jsonl").write_text("\n".join(map(json.dumps, rows)))
    low, high = json.dumps({"scores": [9, 1]}), json.dumps({"scores": [9, 8]})
    script = f"rules:\n  - {{when: '2.1=4', say: '{low}'}}\n  - {{say: '{high}'}}\n"
    (tmp_path / "s.yaml").write_text(script)
    given = ["--data", str(tmp_path), "--model", "scripted/s.yaml", "--rows", "2"]
    program = [sys.executable, str(FOLDER / "first_error.py"), *given]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| the step scorer | 100.0 % | 100.0 % | 100.0 % | 0 |" in done.stdout
    assert "- solutions: 2, 1 of them without a mistake" in done.stdout and str(tmp_path) not in done.stdout
