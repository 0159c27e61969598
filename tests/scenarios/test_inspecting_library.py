"""Our logs in the hands of inspect_ai itself, and its own in ours."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.scenarios.inspecting import take

from .adder import Adder
from .test_inspecting import ROWS, written

pytestmark = [pytest.mark.inspect, pytest.mark.filterwarnings("default")]

Open = Callable[[Adder], rebut.Runtime]


@pytest.fixture
def library() -> Any:
    """The part of inspect_ai that reads and writes logs."""
    return importlib.import_module("inspect_ai.log")


@pytest.fixture
def logs(tmp_path: Path, runtime: Open) -> dict[str, list[Path]]:
    return asyncio.run(written(tmp_path, runtime))


def test_the_library_reads_what_we_write(logs: dict[str, list[Path]], library: Any) -> None:
    for path in (path for paths in logs.values() for path in paths):
        log = library.read_eval_log(str(path))
        assert (
            log.status == "success" and log.eval.model == "adder/x" and log.eval.metadata["kind"] == "number"
        )
        [score] = log.results.scores
        assert score.metrics["accuracy"].value == pytest.approx(2 / 3) and score.metrics["stderr"].value > 0
        samples = list(library.read_eval_log_samples(str(path)))
        assert {(one.id, one.epoch) for one in samples} == {(row["id"], e) for row in ROWS for e in (1, 2)}
        right = {one.id: one.scores["correct"].value for one in samples}
        assert right == {"a/1": "C", "b": "C", "c": "I"}
        assert all(one.messages[0].role == "user" and one.messages[-1].text for one in samples)
        usage = log.stats.model_usage["adder/x"]
        assert usage.total_tokens == sum(one.model_usage["adder/x"].total_tokens for one in samples)
        assert len(library.read_eval_log_sample_summaries(str(path))) == 6
        assert library.read_eval_log(str(path), header_only=True).eval.solver == log.eval.solver


def test_the_viewer_takes_a_folder_of_ours(logs: dict[str, list[Path]], library: Any, tmp_path: Path) -> None:
    library.bundle_log_dir(str(logs["eval"][0].parent), str(tmp_path / "bundle"))
    listing = json.loads((tmp_path / "bundle" / "logs" / "listing.json").read_text())
    assert sorted(listing) == sorted(path.name for path in logs["eval"])
    assert {one["task"] for one in listing.values()} == {"sums"}


@pytest.mark.parametrize("form", ["eval", "json"])
def test_what_the_library_writes_becomes_a_scenario(
    logs: dict[str, list[Path]], library: Any, tmp_path: Path, form: str
) -> None:
    log = library.read_eval_log(str(logs["eval"][1]))
    theirs = tmp_path / f"theirs.{form}"
    library.write_eval_log(log, str(theirs))
    taken = take(theirs, tmp_path / "theirs.yaml")
    assert (taken.items, taken.recorded, taken.kind) == (3, 3, "number")
    assert taken.right == pytest.approx(2 / 3)
