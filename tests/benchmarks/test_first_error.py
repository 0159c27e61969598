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


def test_the_order_of_grades_counts_only_steps_that_were_marked(module: Any) -> None:
    of = module.Found
    found = [of(1, None, 3, grades=(0.9, 0.4, 0.1)), of(None, None, 2, grades=(0.4, 0.2))]
    # Right steps 0.9, 0.4, 0.2 against the wrong 0.4: higher, equal, lower; what follows is left out.
    assert module.ordered(found) == pytest.approx(0.5)
    assert module.ordered(found[1:]) is None
    low, high = module.spread(found)[1]
    assert low <= 0.5 <= high


def test_a_threshold_is_never_fitted_on_the_solution_that_it_is_used_on(module: Any) -> None:
    of = module.Found
    odd = of(1, None, 2, grades=(0.2, 0.1))
    rest = [of(1, None, 2, grades=(0.9, 0.7)), of(None, None, 2, grades=(0.95, 0.9))] * 5
    found = module.fitted([odd, *rest])
    assert found[0].seen == 0  # at 0.15, which fits it alone, it would be right
    assert [f.seen for f in found[1:3]] == [1, None]


def written(tmp_path: Path, script: str, *more: str) -> str:
    """What the program prints of two solutions, one of them with a mistake."""
    rows = [
        {"question": "1+1+1?", "steps": ["1+1=2", "2+1=4"], "mistake_index": 1},
        {"question": "2+2?", "steps": ["2+2=4", "so 4"], "mistake_index": None},
    ]
    folder = tmp_path / "big_bench_mistake"
    folder.mkdir()
    (folder / "big_bench_mistake.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "s.yaml").write_text(script)
    given = ["--data", str(tmp_path), "--model", "scripted/s.yaml", "--rows", "2", *more]
    program = [sys.executable, str(FOLDER / "first_error.py"), *given]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stdout
    return done.stdout


def test_a_scorer_grades_all_steps_at_once(tmp_path: Path) -> None:
    low, high = json.dumps({"scores": [9, 1]}), json.dumps({"scores": [9, 8]})
    script = f"rules:\n  - {{when: '2.1=4', say: '{low}'}}\n  - {{say: '{high}'}}\n"
    said = written(tmp_path, script, "--by", "grades")
    assert "| the step scorer, below 0.5 | 100.0 % | 100.0 % | 100.0 % |" in said
    assert "- solutions: 2, 1 of them without a mistake; 4 steps" in said
    assert "higher grade than a wrong one in 100.0 % of pairs" in said


def test_a_checker_is_asked_about_every_step_with_those_before_it(tmp_path: Path) -> None:
    script = "rules:\n  - {when: '2.1=4[^?]*Is step .2', say: B}\n  - {say: A}\n"
    said = written(tmp_path, script)
    assert "| step by step, by labels, below 0.5 | 100.0 % | 100.0 % | 100.0 % |" in said
    assert "| nothing is wrong | 0.0 % | 100.0 % | 0.0 % |" in said


def test_no_solution_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    assert "- solutions: 0," in written(tmp_path, "rules:\n  - {say: A}\n", "--time-limit", "-1")
