"""A scenario killed with SIGKILL at random moments goes on where it was, and pays for no call twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ..graphs.crash.server import CountingServer
from .sums import REQUESTS, SPEC


def begun(folder: Path, url: str, store: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from rebut.cli import main; main()", "scenario", "run", "sums.yaml"]
    more = [
        "-m",
        f"openai/x@{url}",
        "--store",
        store,
        "--concurrency",
        "6",
        "--json",
        "--out",
        f"{store}.jsonl",
    ]
    env = {**os.environ, "REBUT_HOME": str(folder / "home"), "OPENAI_API_KEY": "none"}
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *more], cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


def finished(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    lines: list[dict[str, Any]] = json.loads(out)["lines"]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def trials(path: Path) -> list[Mapping[str, Any]]:
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [{key: t[key] for key in ("item", "label", "run", "answer", "right", "stop")} for t in found]


def committed(store: Path) -> set[str]:
    if not store.exists():
        return set()
    with sqlite3.connect(store) as connection:
        try:
            return {f"{run}:{path}" for run, path in connection.execute("select run, path from call")}
        except sqlite3.OperationalError:
            return set()  # killed before the tables were made


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_kills_cost_no_item_and_no_call(tmp_path: Path) -> None:
    (tmp_path / "sums.yaml").write_text(SPEC)
    chance, cut_short = random.Random(11), 0
    with CountingServer() as server:
        whole = finished(begun(tmp_path, server.url, "whole.db"))
        assert sum(server.started.values()) == REQUESTS
        server.started.clear()
        for _ in range(10):
            before, seen = committed(tmp_path / "killed.db"), server.started.copy()
            process = begun(tmp_path, server.url, "killed.db")
            wait_for_calls(server, sum(seen.values()) + chance.randint(2, REQUESTS // 10), process)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            cut_short += process.returncode == -signal.SIGKILL
            assert not before & set(server.started - seen), "a call that the journal held was made again"
        assert cut_short >= 7, "too few sittings were cut short for this to prove anything"
        assert finished(begun(tmp_path, server.url, "killed.db")) == whole
    assert trials(tmp_path / "killed.db.jsonl") == trials(tmp_path / "whole.db.jsonl")
    assert len(server.started) == REQUESTS


@pytest.mark.slow
@pytest.mark.parametrize(("which", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_scenario_that_is_told_to_stop_says_how_it_goes_on(
    tmp_path: Path, which: signal.Signals, code: int
) -> None:
    (tmp_path / "sums.yaml").write_text(SPEC)
    with CountingServer(0.2) as server:
        process = begun(tmp_path, server.url, "told.db")
        wait_for_calls(server, REQUESTS // 4, process)
        process.send_signal(which)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert err.endswith("the same command goes on from here\nstopped\n") and "Traceback" not in out + err
        with sqlite3.connect(tmp_path / "told.db") as connection:
            assert {"running"}.isdisjoint(s for (s,) in connection.execute("select status from run"))
        before, seen = committed(tmp_path / "told.db"), server.started.copy()
        finished(begun(tmp_path, server.url, "told.db"))
        assert before and not before & set(server.started - seen), "a call that was kept was made again"


def wait_for_calls(server: Any, wanted: int, process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 60
    while sum(server.started.values()) < wanted and time.monotonic() < ends and process.poll() is None:
        time.sleep(0.002)
