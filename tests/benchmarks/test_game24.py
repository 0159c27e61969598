"""The benchmark of the game of 24: its moves by hand, exact play, and what the page says."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
EASY, FRACTIONS, LOST = ("4", "9", "10", "13"), ("3", "3", "8", "8"), ("1", "1", "1", "1")


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("game24_play")


def test_every_step_is_there_once_by_its_values(play: Any) -> None:
    assert set(play.moves(("2", "3"))) == {
        ("(2 + 3)",), ("(2 - 3)",), ("(3 - 2)",), ("(2 * 3)",), ("(2 / 3)",), ("(3 / 2)",)
    }  # fmt: skip
    assert len(play.moves(("1", "1"))) == 3  # two, nought, one
    assert play.moves(("24",)) == []


def test_brute_force_knows_what_can_be_won(play: Any) -> None:
    assert play.winnable(EASY) and play.winnable(FRACTIONS) and not play.winnable(LOST)
    assert play.winnable(("(9 - 4)", "10", "13")) == play.winnable(("5", "10", "13"))
    # Of (4, 6) one of the sum, two differences, product and two quotients is 24.
    assert play.by_lot(("4", "6")) == pytest.approx(1 / 6)
    assert play.by_lot(LOST) == 0
    assert play.brute(("4", "6"), 0) == 1 and play.brute(LOST, 0) > 10


def test_an_answer_is_right_by_exact_arithmetic_alone(play: Any) -> None:
    assert play.right("8 / (3 - 8 / 3)", FRACTIONS)
    assert not play.right("8 * 3", FRACTIONS) and not play.right("3 + 3 + 8 + 8", FRACTIONS)
    assert not play.right("24", FRACTIONS) and not play.right(None, FRACTIONS)


def test_steps_are_proposed_once_each_before_any_again(play: Any) -> None:
    player = play.Player(EASY, 3)
    count = len(play.moves(EASY))
    said = [player._step(EASY) for _ in range(count + 1)]
    assert len(set(said)) == count and said[count] == said[0]
    assert player.left(f"Step 1: {said[0]}") == player.order(EASY)[0]


def told(tmp_path: Path, *more: str) -> str:
    folder = tmp_path / "game24"
    folder.mkdir()
    rows = [{"id": str(i), "question": " ".join(cards)} for i, cards in enumerate((EASY, LOST))]
    (folder / "game24.jsonl").write_text("\n".join(map(json.dumps, rows)))
    program = [sys.executable, str(FOLDER / "game24.py"), "--data", str(tmp_path), "--rows", "2", *more]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stdout
    return done.stdout


@pytest.mark.slow
def test_exact_grades_win_just_what_can_be_won(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("rules:\n  - {say: 'Answer: (13 - 9) * (10 - 4)'}\n")
    said = told(tmp_path, "--live", "1", "--model", "scripted/s.yaml")
    lines = {
        line.split(" | ")[0].strip("| "): line.split(" | ") for line in said.splitlines() if line[:1] == "|"
    }
    for who in ("tree, 1 of 20", "beam, 1 of 20"):
        assert lines[who][1:3] == ["2", "50.0 %"] and lines[who][4:6] == ["50.0 %", "3.0"]
    assert "- puzzles: 2, of which brute force wins 1" in said
    assert lines["one chain"][1:3] == ["1", "100.0 %"]
    assert "`one chain: '(13 - 9) * (10 - 4)'`" in said
