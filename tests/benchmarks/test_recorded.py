"""Decisions on recorded outputs: the counts by hand, and the figures that the data sets are known for."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
DATA = Path(os.environ.get("REBUT_DATA") or Path(__file__).parents[3] / "shared" / "data")


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported as the script imports it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("recorded_sets")


def rows(sets: Any, name: str) -> Any:
    if not (DATA / name).is_dir():
        pytest.skip(f"no data set {name} in {DATA} (set REBUT_DATA)")
    return sets.read(DATA, name)


def share(table: Any, line: str, column: int) -> float:
    (found,) = [cells for cells in table.lines if cells[0] == line]
    return float(found[column].removesuffix(" %")) / 100


def test_ties_and_missing_rulings_count_one_half(sets: Any) -> None:
    assert sets.credit(["A", "tie", None, "B"], ["A", "A", "B", "A"]) == 0.5


def test_an_interval_of_equal_differences_is_a_point_and_of_a_fair_coin_holds_nothing(sets: Any) -> None:
    assert sets.interval([0.25] * 8) == (0.25, 0.25)
    low, high = sets.interval([1.0, -1.0] * 50)
    assert -0.25 < low < -0.1 and 0.1 < high < 0.25


def test_programs_are_picked_by_tests_as_the_paper_of_the_set_found(sets: Any) -> None:
    """Of all 164 problems: .216 for any, .256 by asserts, .293 by dual agreement, .53 at best."""
    table = sets.programs(rows(sets, "codet_humaneval"))
    found = [
        share(table, line, 1) for line in ("any (the mean of all)", "most asserts passed", "dual agreement")
    ]
    assert found == sorted(found) and found[1] >= 0.256 and found[2] >= 0.293
    assert found[2] < share(table, "the best of them (oracle)", 1)


def test_a_plain_vote_of_unequal_members_loses_to_the_best_and_a_calibrated_one_does_not(sets: Any) -> None:
    table = sets.panel(rows(sets, "gsm8k_recorded"))
    plain, calibrated = table.lines[-2], table.lines[-1]
    best = max(float(line[1].removesuffix(" %")) for line in table.lines[:-2])
    assert float(plain[1].removesuffix(" %")) < best - 10 and "to -" in plain[2]
    assert float(calibrated[1].removesuffix(" %")) >= best - 1 and "to +" in calibrated[2]


def test_judges_are_as_consistent_as_their_records_say(sets: Any) -> None:
    """Of all 419 pairs, GPT-4 kept to its word in .928 (plain) and .893 (with reasons), Falcon in .126."""
    table = sets.judges(rows(sets, "llmbar"), sets.llmbar, "llmbar")
    for judge, consistent, right in (("GPT-4:Vanilla", 0.928, 0.845), ("GPT-4:CoT", 0.893, 0.813)):
        assert share(table, judge, 3) == pytest.approx(consistent, abs=0.05)
        assert share(table, judge, 2) == pytest.approx(right, abs=0.05)
    assert share(table, "Falcon:CoT", 3) == pytest.approx(0.126, abs=0.05)
    assert share(table, "Falcon:CoT", 4) < 0.2  # a judge of places decides hardly anything


def test_reward_models_do_not_mind_the_order_and_a_swap_mends_a_judge_that_does(sets: Any) -> None:
    table = sets.judges(rows(sets, "judgebench"), sets.judgebench, "judgebench")
    assert share(table, "reward_model:internlm_internlm2-7b-reward", 3) == 1.0
    haiku = "arena_hard:claude-3-haiku-20240307"
    assert share(table, haiku, 2) < 0.4 < 0.45 < share(table, haiku, 5)


def test_the_answer_of_a_text_is_read_as_it_was_recorded(sets: Any) -> None:
    table = sets.reasoning(rows(sets, "bbh"))
    for line in table.lines:
        assert (line[3], line[4]) == ("0", "0")


def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    script = str(FOLDER / "recorded.py")
    done = subprocess.run(
        [sys.executable, script, "--data", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "cannot read codet_humaneval" in done.stderr
    assert "Traceback" not in done.stderr
