"""Data in columns: Parquet files, and data sets of Hugging Face's library."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from rebut.errors import InputError, SettingsError
from rebut.scenarios.items import items_of
from rebut.scenarios.loader import loads
from rebut.scenarios.spec import ScenarioSpec

ROWS: list[dict[str, Any]] = [
    {"q": f"What is {i} + 1?", "answers": {"text": [str(i + 1)]}, "other": b"x" * 1000} for i in range(600)
]
FIELDS = "fields: {question: q, answer: answers.text}"


def scenario(folder: Path, data: str, *more: str) -> ScenarioSpec:
    return loads(
        "\n".join(["name: s", f"data: {{{data}}}", "workflows: [solve]", *more]), str(folder / "s.yaml")
    )


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("pyarrow.parquet", "file: d.parquet", "Parquet files need pyarrow: install rebut[data]"),
        ("datasets", "dataset: a/b", "data sets of Hugging Face need datasets: install rebut[datasets]"),
    ],
)
def test_what_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "d.parquet").touch()
    with pytest.raises(SettingsError) as error:
        items_of(scenario(tmp_path, data))
    assert str(error.value) == says


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    table: Any = importlib.import_module("pyarrow").Table
    importlib.import_module("pyarrow.parquet").write_table(table.from_pylist(ROWS), tmp_path / "d.parquet")
    return tmp_path


@pytest.mark.data
def test_a_parquet_file_is_read_by_the_columns_that_are_asked_for(parquet: Path) -> None:
    items = items_of(scenario(parquet, "file: d.parquet", FIELDS))
    assert len(items) == 600 and items[599].gold == ("600",) and items[599].id == "600"
    assert len(items_of(scenario(parquet, "file: d.parquet, limit: 3", FIELDS))) == 3
    with pytest.raises(
        InputError, match=r"d.parquet:1: no field 'othr' for 'group' \(did you mean 'other'\?\)"
    ):
        items_of(scenario(parquet, "file: d.parquet", FIELDS[:-1] + ", group: othr}"))
    with pytest.raises(InputError, match=r"d\.parquet:1: field 'other': a text or number is needed"):
        items_of(scenario(parquet, "file: d.parquet", FIELDS[:-1] + ", group: other}"))


@pytest.mark.data
def test_a_file_that_is_no_parquet_is_said(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").write_text("question,answer\n")
    with pytest.raises(InputError, match=r"d\.parquet: not a Parquet file: "):
        items_of(scenario(tmp_path, "file: d.parquet"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    library: Any = importlib.import_module("datasets")
    one = library.Dataset.from_list(
        [{"question": "1+1?", "answer": "2"}, {"question": "2+2?", "answer": "4"}]
    )
    one.save_to_disk(str(tmp_path / "one"))
    library.DatasetDict({"train": one, "test": one.select([1])}).save_to_disk(str(tmp_path / "two"))
    return tmp_path


@pytest.mark.data
def test_a_saved_data_set_is_read_from_its_folder(saved: Path) -> None:
    assert [item.gold for item in items_of(scenario(saved, "dataset: one"))] == [("2",), ("4",)]
    assert [item.gold for item in items_of(scenario(saved, "dataset: ./two, split: test"))] == [("4",)]
    assert len(items_of(scenario(saved, "dataset: one, limit: 1"))) == 1


@pytest.mark.data
def test_which_split_is_meant_must_be_said(saved: Path) -> None:
    with pytest.raises(InputError, match=r"has several splits \(possible: test, train\); set data.split"):
        items_of(scenario(saved, "dataset: two"))
    with pytest.raises(InputError, match=r"has no split 'tset' \(did you mean 'test'\?\)"):
        items_of(scenario(saved, "dataset: two, split: tset"))


@pytest.mark.data
def test_a_data_set_that_is_nowhere_is_said(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (saved / "empty").mkdir()
    with pytest.raises(InputError, match="data set 'empty' cannot be read: "):
        items_of(scenario(saved, "dataset: empty"))
