"""The benchmark of scale: the server keeps to its slots, and the table says what was seen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module by its name, imported as the script imports its own."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module


@pytest.mark.parametrize(("single", "choices"), [(False, 6), (True, 1)])
async def test_the_server_gives_no_more_than_its_slots_allow(
    modules: Any, single: bool, choices: int
) -> None:
    server = modules("slots").SlotServer(3, 0.02, single=single)
    port = await server.start()
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def ask(session: aiohttp.ClientSession) -> int:
        body = {"model": "m", "messages": [], "n": 6, "seed": 1}
        async with session.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as reply:
            return len((await reply.json())["choices"])

    async with aiohttp.ClientSession() as session:
        assert await asyncio.gather(*(ask(session) for _ in range(6))) == [choices] * 6
    await server.stop()
    assert server.served.completions == 6 * choices and server.served.requests == 6
    assert loop.time() - began >= 6 * choices / 3 * 0.02


def test_the_table_tells_share_cpu_and_memory(modules: Any) -> None:
    looks = [(0, 1.0, 50e6), (40, 2.0, 100e6), (80, 3.0, 110e6), (160, 4.0, 120e6)]
    one = {
        "mode": "8 in one request",
        "requests": 20,
        "first": 5.0,
        "last": 15.0,
        "looks": looks,
        "store": 2e6,
        "busy": 72.0,
    }
    args = Namespace(slots=8, seconds=0.4, items=20, concurrency=4, in_flight=9, note="two busy cores")
    text = modules("scale").page([one], args)
    assert "| 8 in one request | 20 | 10.0 | 16.0 | 80.0% | 90.0% | 25.00 | 100 / 110 / 120 | 2 |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert "of the 20 that it\ncan give (8 slots, 0.4 s each)" in text and "two busy cores" in text


@pytest.mark.slow
def test_a_small_scenario_is_measured(tmp_path: Path) -> None:
    given = ["--items", "12", "--slots", "16", "--seconds", "0.1", "--out", str(tmp_path / "a.md")]
    program = [sys.executable, str(FOLDER / "scale.py"), *given]
    done = subprocess.run(program, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "a.md").read_text("utf-8")
    assert "| 8 in one request | 12 |" in text and "| a request each | 9" in text
