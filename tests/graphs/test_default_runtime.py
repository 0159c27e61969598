"""Runtimes and event loops: the one that nobody asked for is its loop's own, open as long as that and
closed with it; one that was made serves a loop at a time."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from pathlib import Path

import pytest

import rebut
from rebut.errors import RebutError, StoreError
from rebut.graphs.run import Run
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


def test_it_lets_its_loop_go() -> None:
    async def here() -> weakref.ref[asyncio.AbstractEventLoop]:
        await twice()
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(here()) for _ in range(3)]
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3


def test_it_is_closed_where_nothing_else_happens_in_its_loop() -> None:
    async def only() -> rebut.Runtime:
        return default_runtime()

    with pytest.raises(RebutError, match="closed"):
        rebut.load("self-consistency", runtime=asyncio.run(only())).run_sync(QUESTION)


def test_one_that_was_made_serves_one_loop_after_the_other() -> None:
    runtime = rebut.Runtime()
    for name in ("solve", "self-consistency"):
        workflow = rebut.load(name, runtime=runtime)
        assert [workflow.run_sync(QUESTION).answer for _ in range(2)] == ["42", "42"]
    asyncio.run(runtime.close())


@pytest.mark.filterwarnings("ignore")
def test_runs_that_a_closed_loop_left_keep_it_from_nothing() -> None:
    async def begin() -> Run:
        run = workflow.start(QUESTION)
        await asyncio.sleep(0)
        return run

    runtime = rebut.Runtime("none")
    workflow = rebut.load("solve", runtime=runtime)
    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(begin())
    loop.close()
    assert workflow.run_sync(QUESTION).answer == "42"
    asyncio.run(asyncio.wait_for(runtime.close(), 4))
    del left, loop
    gc.collect()  # says here, not in another test, that work was left


@pytest.mark.parametrize("name", ["solve", "self-consistency"])
def test_one_that_was_made_is_refused_to_another_thread_at_once(name: str) -> None:
    runtime = rebut.Runtime()
    workflow = rebut.load(name, runtime=runtime)
    refused = list[str]()

    def elsewhere() -> None:
        try:
            workflow.run_sync(QUESTION)
        except RebutError as error:
            refused.append(str(error))

    async def here() -> None:
        await workflow.run(QUESTION)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert "leave `runtime` out" in refused[0]
        assert (await workflow.run(QUESTION)).answer == "42"
        await runtime.close()

    asyncio.run(here())
