"""Scenarios on a real Ray: the table of one process, and no call lost or doubled whoever is killed."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from rebut.testing.databases import Database, InFile, OnServer
from rebut.testing.postgres import Cluster

from ...graphs.crash.server import CountingServer
from ..sums import REQUESTS, SPEC

pytestmark = [
    pytest.mark.ray,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
]  # one cluster for all

MAIN = "from rebut.cli import main; main()"
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""What a cluster asks of whoever connects."""


@pytest.fixture(scope="module")
def cluster() -> Generator[str]:
    """The address of a Ray cluster of one machine, ended with the tests."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray")  # short: sockets are made in it
    options = [f"--port={port}", "--num-cpus=4", "--include-dashboard=false", "--disable-usage-stats"]
    options += ["--node-ip-address=127.0.0.1", "--object-store-memory=100000000", f"--temp-dir={folder}"]
    ray = str(Path(sys.executable).with_name("ray"))
    with (Path(folder) / "start.log").open("w") as log:
        command = [ray, "start", "--head", "--block", *options]
        env = {**os.environ, **TOKEN}
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)
        try:
            wait_for(lambda: "--block" in (Path(folder) / "start.log").read_text() or None)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def server() -> Generator[Any]:
    """A model server that counts; slow enough for a kill to find something under way."""
    with CountingServer(0.4) as server:
        yield server


class Sitting:
    """One run of the command, on this process alone (`local`) or on two workers."""

    def __init__(
        self, folder: Path, server: Any, store: str | Database, *more: str, cluster: str = ""
    ) -> None:
        (folder / "sums.yaml").write_text(SPEC)
        self.base = InFile(folder / store) if isinstance(store, str) else store
        self.out = folder / f"{Path(store).stem if isinstance(store, str) else 'base'}.jsonl"
        where = ["--executor", "ray", "--workers", "2", "--address", cluster] if cluster else []
        command = [sys.executable, "-c", MAIN, "scenario", "run", "sums.yaml", "-m", f"openai/x@{server.url}"]
        command += [
            "--store",
            self.base.url,
            "--concurrency",
            "3",
            "--json",
            "--out",
            str(self.out),
            *where,
            *more,
        ]
        env = {**os.environ, **TOKEN, "REBUT_HOME": str(folder / "home"), "OPENAI_API_KEY": "none"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)

    def finished(self, code: int = 0) -> list[dict[str, Any]]:
        """The lines of the table, but for the times."""
        out, err = self.process.communicate(timeout=240)
        assert self.process.returncode == code, err
        if code not in (0, 3):
            return []
        lines: list[dict[str, Any]] = json.loads(out)["lines"]
        return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]

    def trials(self) -> list[Mapping[str, Any]]:
        """What was found of each trial, but for how long it took."""
        found = [json.loads(line) for line in self.out.read_text("utf-8").splitlines()]
        return [
            {k: t[k] for k in ("item", "label", "run", "answer", "right", "stop", "error")} for t in found
        ]

    def ask(self, query: str) -> list[Any]:
        """What the store says; nothing before its tables are made."""
        if isinstance(self.base, InFile) and not self.base.path.exists():
            return []
        try:
            return self.base.rows(query)
        except Exception as error:
            if type(error).__name__ in ("OperationalError", "UndefinedTable"):
                return []
            raise

    def committed(self) -> set[str]:
        """The calls in the journal."""
        return {f"{run}:{path}" for run, path in self.ask("select run, path from call")}

    def has(self, calls: float) -> Callable[[], set[int]]:
        """Says who works, once there are more than so many calls in the journal."""
        return lambda: self.workers() if len(self.committed()) > calls else set()

    def workers(self, requests: Collection[str] | None = None) -> set[int]:
        """The processes that have leased a trial and live: all, or those that made one of the requests."""
        runs = None if requests is None else {request.partition(":")[0] for request in requests}
        leases = self.ask("select distinct pid, run from lease")
        return {pid for pid, run in leases if (runs is None or run in runs) and lives(pid)}


def lives(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def wait_for(said: Callable[[], Any], seconds: float = 240) -> Any:
    """What is said as soon as it is something."""
    ends = time.monotonic() + seconds
    while not (found := said()):
        assert time.monotonic() < ends, "nothing came of it"
        time.sleep(0.02)
    return found


@pytest.fixture
def whole(tmp_path: Path, server: Any) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    """The table and the trials of this process alone; the server's counts begin anew."""
    sitting = Sitting(tmp_path, server, "whole.db")
    lines = sitting.finished()
    assert sum(server.started.values()) == REQUESTS
    server.started.clear()
    return lines, sitting.trials()


@pytest.fixture(scope="module")
def postgres() -> Generator[Cluster]:
    """A PostgreSQL server."""
    try:
        made = Cluster()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with made:
        yield made


@pytest.mark.postgres
def test_workers_on_postgresql_lose_and_double_no_call_either(
    tmp_path: Path, server: Any, cluster: str, whole: Any, postgres: Cluster
) -> None:
    postgres.create("shared")
    sitting = Sitting(tmp_path, server, OnServer(postgres, "shared"), cluster=cluster)
    wait_for(sitting.has(0.3 * REQUESTS))
    before, seen = sitting.committed(), server.started.copy()
    os.kill(min(sitting.workers()), signal.SIGKILL)
    wait_for(sitting.has(len(before) + 2))
    assert (sitting.finished(), sitting.trials()) == whole
    assert not before & set(server.started - seen), "a call that the journal held was made again"
    assert sitting.ask("select * from lease") == []


def test_two_workers_find_what_one_process_finds(
    tmp_path: Path, server: Any, cluster: str, whole: Any
) -> None:
    sitting = Sitting(tmp_path, server, "shared.db", cluster=cluster)
    assert len(wait_for(lambda: len(sitting.workers()) == 2 and sitting.workers())) == 2
    assert (sitting.finished(), sitting.trials()) == whole
    assert sum(server.started.values()) == REQUESTS
    assert sitting.ask("select * from lease") == []


def test_killed_workers_lose_and_double_no_call(
    tmp_path: Path, server: Any, cluster: str, whole: Any
) -> None:
    sitting, killed = Sitting(tmp_path, server, "killed.db", cluster=cluster), 0
    for share in (0.1, 0.3, 0.5):
        wait_for(sitting.has(share * REQUESTS))
        with server.held():  # so that the one who is killed has a request under way
            worker = min(wait_for(lambda: sitting.workers(server.open)))
            before, seen = sitting.committed(), server.started.copy()
            os.kill(worker, signal.SIGKILL)
        killed += 1
        wait_for(sitting.has(len(before) + 2))
        assert not before & set(server.started - seen), "a call that the journal held was made again"
    assert sitting.finished() == whole[0]
    assert sitting.trials() == whole[1]
    assert set(server.started) == sitting.committed() and len(server.started) == REQUESTS
    twice = sum(server.started.values()) - REQUESTS
    assert 0 < twice <= killed * 3 * 2, (
        "what was under way was lost: three trials of at most two requests each"
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_ends_takes_its_workers_along_and_the_next_goes_on(
    tmp_path: Path, server: Any, cluster: str, whole: Any, how: signal.Signals
) -> None:
    first = Sitting(tmp_path, server, "driven.db", cluster=cluster)
    wait_for(lambda: len(first.committed()) > REQUESTS // 4 and len(first.workers()) == 2)
    workers = first.workers()
    first.process.send_signal(how)
    _, err = first.process.communicate(timeout=240)
    assert first.process.returncode == (130 if how == signal.SIGINT else -how), err
    wait_for(lambda: not any(lives(pid) for pid in workers))
    if how == signal.SIGINT:
        assert "the same command goes on from here" in err
        assert first.ask("select * from lease") == []
    before, seen = first.committed(), server.started.copy()
    again = Sitting(tmp_path, server, "driven.db", cluster=cluster)
    assert (again.finished(), again.trials()) == whole
    assert not before & set(server.started - seen), "a call that the journal held was made again"


def test_a_total_holds_for_all_workers_together(tmp_path: Path, server: Any, cluster: str) -> None:
    first = Sitting(tmp_path, server, "total.db", "--total", "calls=40", cluster=cluster)
    wait_for(first.has(4))
    os.kill(min(first.workers()), signal.SIGKILL)
    first.finished(3)
    completions = "select coalesce(sum(n), 0) from call"
    assert 0 < first.ask(completions)[0][0] <= 40
    again = Sitting(tmp_path, server, "total.db", "--total", "calls=40", cluster=cluster)
    again.finished(3)
    assert again.ask(completions)[0][0] <= 40
    rest = Sitting(tmp_path, server, "total.db", "--total", "calls=1000", cluster=cluster)
    assert len(rest.finished()) == 3 and rest.ask(completions) == [(12 * (1 + 4 + 4),)]
