"""Trials from a file: what does not fit is named with its line and field."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from rebut.errors import InputError
from rebut.scenarios.keeping import read_trials

TRIAL = {"item": "a", "group": "", "label": "solve", "seed": 0, "run": "r", "gold": ["7"], "answer": "7",
         "right": True, "stop": "answered", "usage": {"calls": 2, "prompt": 5, "usd": None}}  # fmt: skip


def kept(folder: Path, *rows: object) -> Path:
    path = folder / "t.jsonl"
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else orjson.dumps(row) for row in rows) + b"\n")
    return path


def test_trials_come_back_and_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    later = TRIAL | {"item": "ž", "answer": None, "right": False, "colour": "red", "usage": {"new": 1}}
    first, second = read_trials(kept(tmp_path, TRIAL, b"", later))
    assert (first.item, first.gold, first.right, first.usage.calls, first.usage.usd) == (
        "a", ("7",), True, 2, None,
    )  # fmt: skip
    assert (second.item, second.answer, second.usage.tokens) == ("ž", None, 0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "holds no trials"),
        ([b"{"], "t.jsonl: line 1 is not JSON"),
        ([TRIAL, [1]], "line 2 is no trial, but list"),
        ([{k: v for k, v in TRIAL.items() if k != "label"}], "line 1 has no field 'label'"),
        ([TRIAL | {"right": "yes"}], "line 1: 'right' must be a bool, it is 'yes'"),
        ([TRIAL | {"seed": True}], "line 1: 'seed' must be a int"),
        ([TRIAL | {"gold": [7]}], "line 1: 'gold' must be a list of texts"),
        ([TRIAL | {"stop": "over"}], "line 1: 'stop' must be one of answered, budget, failed"),
        ([TRIAL | {"usage": {"calls": "many"}}], "line 1: 'usage' does not fit"),
        ([TRIAL, TRIAL], "line 2 is the trial of line 1 again"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, rows: list[object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_trials(kept(tmp_path, *rows))
    with pytest.raises(InputError, match="cannot read"):
        read_trials(tmp_path / "none.jsonl")
