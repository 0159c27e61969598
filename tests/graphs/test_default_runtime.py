"""The runtime that nobody asked for: one per event loop, open as long as the loop, closed with it."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

import rebut
from rebut.errors import StoreError
from rebut.graphs.runtime import default_runtime

QUESTION = "What is 6 times 7?"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("rules: [{say: 'Answer: 42'}]\n", "utf-8")
    monkeypatch.setenv("REBUT_HOME", str(tmp_path))
    monkeypatch.setenv("REBUT_MODEL", f"scripted/{script}")


async def twice() -> list[object]:
    workflow = rebut.load("self-consistency")
    first = await workflow.run(QUESTION)
    gc.collect()
    return [first.answer, (await workflow.run(QUESTION)).answer]


def test_it_stays_open_from_run_to_run() -> None:
    assert asyncio.run(twice()) == ["42", "42"]


def test_every_loop_has_one_of_its_own() -> None:
    workflow = rebut.load("self-consistency")
    assert [workflow.run_sync(QUESTION).answer for _ in range(2)] == ["42", "42"]


def test_its_store_is_closed_with_its_loop() -> None:
    async def kept() -> rebut.Runtime:
        await twice()
        runtime = default_runtime()
        assert runtime.store is not None
        return rebut.Runtime(runtime.store)

    left = asyncio.run(kept())
    with pytest.raises(StoreError, match="closed"):
        rebut.load("self-consistency", runtime=left).run_sync(QUESTION)
