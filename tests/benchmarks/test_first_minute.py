"""The benchmark of the first minute: what counts as right, and its table."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported as the script imports its own."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("first_minute")


@pytest.mark.parametrize(
    ("question", "answer", "right"),
    [
        (0, "No", True),
        (0, "3.9", True),
        (0, "No, 3.11 is smaller than 3.9", True),
        (0, "Yes", False),
        (0, "3.11", False),
        (0, None, False),
        (1, "17 * 24 = 408", True),
        (1, "407", False),
        (3, "The capital is Canberra.", True),
        (3, "Sydney", False),
        (8, "Au", True),
        (8, "au", False),
        (8, "Ag", False),
    ],
)
def test_an_answer_is_right_or_not(minute: Any, question: int, answer: str | None, right: bool) -> None:
    assert minute.right(answer, minute.QUESTIONS[question]) is right


def test_a_scripted_model_is_asked_and_timed(tmp_path: Path) -> None:
    script = 'rules: [{say: "Answer: 408"}]'
    (tmp_path / "script.yaml").write_text(script, "utf-8")
    given = [
        "--here",
        "--model",
        "scripted/script.yaml",
        "--workflow",
        "self-consistency",
        "--questions",
        "2",
    ]
    program = [sys.executable, str(FOLDER / "first_minute.py"), *given, "--out", "t.md"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "| 1 of 2 |" in done.stdout
    assert (tmp_path / "t.md").read_text("utf-8") == done.stdout
