"""All trials in one file, in the form that its name asks for."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rebut.errors import InputError, SettingsError
from rebut.records import Usage
from rebut.scenarios.trials import Trial
from rebut.scenarios.trials_out import COLUMNS, check, write_trials

USAGE = Usage(calls=2, requests=1, prompt=10, completion=5, cached=4, usd=0.25)
TRIALS = [
    Trial(
        item="a",
        group="g",
        label="solve",
        seed=0,
        run="s.x",
        gold=("7", "☃"),
        answer='say "7",\nor so',
        right=True,
        scores={"f1": 0.5},
        stop="answered",
        usage=USAGE,
        seconds=1.5,
    ),
    Trial(item="b", group="", label="solve", seed=1, run="s.y", gold=("8",), error="ModelBusy: later"),
]
SURE = {"s.x": (0.75, "share of the vote")}
FLAT: list[dict[str, Any]] = [
    {
        "item": "a",
        "answer": 'say "7",\nor so',
        "right": True,
        "usd": 0.25,
        "cached_tokens": 4,
        "score.f1": 0.5,
        "confidence": 0.75,
        "confidence_source": "share of the vote",
    },
    {
        "item": "b",
        "answer": None,
        "right": False,
        "usd": 0.0,
        "cached_tokens": 0,
        "score.f1": None,
        "confidence": None,
        "confidence_source": None,
    },
]


def test_json_lines_hold_all_that_is_known(tmp_path: Path) -> None:
    write_trials(tmp_path / "t.jsonl", TRIALS, SURE)
    one, two = (json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines())
    assert one["gold"] == ["7", "☃"] and one["scores"] == {"f1": 0.5} and one["usage"]["prompt"] == 10
    assert (one["confidence"], one["confidence_source"]) == (0.75, "share of the vote")
    assert two["confidence"] is None
    assert two["error"] == "ModelBusy: later" and two["stop"] == "failed" and two["answer"] is None


def test_csv_has_a_row_a_trial_and_a_column_a_metric(tmp_path: Path) -> None:
    write_trials(tmp_path / "t.csv.gz", TRIALS, SURE)
    with gzip.open(tmp_path / "t.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == [*COLUMNS, "score.f1"]
    assert json.loads(rows[0]["gold"]) == ["7", "☃"]
    for row, wanted in zip(rows, FLAT, strict=True):
        said = {
            name: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)
            for name, v in wanted.items()
        }
        assert {name: row[name] for name in wanted} == said


@pytest.mark.data
def test_parquet_has_the_same_rows(tmp_path: Path) -> None:
    write_trials(tmp_path / "t.parquet", TRIALS, SURE)
    rows = importlib.import_module("pyarrow.parquet").read_table(tmp_path / "t.parquet").to_pylist()
    assert [{name: row[name] for name in wanted} for row, wanted in zip(rows, FLAT, strict=True)] == FLAT


def test_what_cannot_be_written_is_said_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="of no known form"):
        check(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="there is no folder"):
        check(tmp_path / "no" / "t.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"rebut\[data\]"):
        check(tmp_path / "t.parquet")
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_trials(tmp_path / "t.csv", TRIALS)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
