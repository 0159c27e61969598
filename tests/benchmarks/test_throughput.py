"""The benchmark of throughput: what it counts, and its table."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rebut.models.gateway import Gateway
from rebut.models.script import Line, Scripted
from rebut.settings import Settings

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def throughput(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported as the script imports its own."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("throughput")


async def test_tokens_are_counted_over_all_texts_and_the_time_they_took(throughput: Any) -> None:
    model = Scripted({"": [Line(text="word " * 20, delay=0.1)] * 9})
    async with Gateway(Settings(), {"scripted": model}) as gateway:
        bench = throughput.Bench(gateway, "scripted/x", 20)
        assert 100 < await bench.writes(4) <= 800
        assert 40 < await bench.writes(1, 4) <= 800
        assert await bench.reads(50) > 0
    assert [request.n for request in model.seen] == [1, 1, 1, 1, 4, 1]
    assert model.seen[-1].max_tokens == 1 and model.seen[0].extra == {"ignore_eos": True}
    assert len({request.messages for request in model.seen}) == 6


def test_memory_is_that_of_this_process_at_least(throughput: Any) -> None:
    assert 10e6 < throughput.memory() < 100e9


@pytest.mark.parametrize("prefix", ["local", "vllm", "transformers"])
def test_a_page_names_its_command_and_no_folder(throughput: Any, prefix: str) -> None:
    speeds = {"reads": 100.4, "writes 1": 10.0, "writes 4": 20.0, "writes 16": 30.0, "samples": 40.0}
    one = {"model": f"{prefix}//srv/data/x.gguf", "ready": 1.25, "memory": 200e6, **speeds}
    text = throughput.page([one], Namespace(note="two busy cores", tokens=8, words=9))
    assert f"| {prefix}/…/x.gguf | 1.2 | 200 | 100 | 10 | 20 | 30 | 40 |" in text
    assert "two busy cores" in text and "/srv" not in text


@pytest.mark.slow
def test_a_small_model_is_measured(tmp_path: Path) -> None:
    given = ["--models", "local/smollm2-135m?threads=1&ctx=1024", "--tokens", "4", "--words", "20"]
    program = [sys.executable, str(FOLDER / "throughput.py"), *given, "--out", str(tmp_path / "a.md")]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "| local/smollm2-135m?threads=1&ctx=1024 |" in (tmp_path / "a.md").read_text("utf-8")
