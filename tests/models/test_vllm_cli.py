"""vLLM under the command line, on bad days: one sentence, the right exit code, and no process left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rebut.models.vllm.guard import birth, family

from .real import present

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

ENGINE = "ctx=1024&kv=0.5&eager=1&seqs=8"
BASE = [sys.executable, "-c", "from rebut.cli import main; main()"]


@contextmanager
def debating(home: Path, engine: str = ENGINE) -> Generator[subprocess.Popen[str]]:
    """`rebut run debate` on a model with an engine of its own, in a process group of its own."""
    model = f"vllm/{present()}?{engine}"
    child = subprocess.Popen(
        [*BASE, "run", "debate", "Is 3.11 larger than 3.9?", "-m", model, "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "REBUT_HOME": str(home), "PYTHONWARNINGS": "ignore"},
        start_new_session=True,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def heard_until(child: subprocess.Popen[str], words: str) -> list[str]:
    """What a run says up to the line with the words."""
    assert child.stderr is not None
    lines: list[str] = []
    for line in child.stderr:
        lines.append(line)
        if words in line:
            return lines
    pytest.fail(f"it never said {words!r}: {lines}")


def ended(pids: dict[int, str]) -> None:
    """Waits for the end of processes, told by their ids and births."""
    until = time.monotonic() + 30
    while left := [pid for pid, born in pids.items() if born and birth(pid) == born]:
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.05)


def test_no_room_for_the_cache_is_one_sentence(tmp_path: Path) -> None:
    with debating(tmp_path, "ctx=2048&kv=0.01&eager=1&seqs=8") as child:
        out, err = child.communicate()
    assert (child.returncode, out) == (2, "")
    assert "Traceback" not in err and "Triton" not in err
    (said,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert "no room for its key-value cache; ask for less context (ctx=TOKENS)" in said
    log = Path(re.findall(r"its log: (\S+\.log)", said)[0])
    assert "Traceback" in log.read_text("utf-8") and log.is_relative_to(tmp_path)


def test_ctrl_c_ends_the_engine_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    with debating(tmp_path) as child:
        heard_until(child, "affirmative")  # the engine runs, and the next call is under way
        pids = {pid: birth(pid) for pid in family([child.pid])}
        assert len(pids) > 2
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does
        out, err = child.communicate()
    assert (child.returncode, out) == (130, "")
    assert "Traceback" not in err and re.search(r"stopped; resume with: rebut resume \S+", err)
    ended(pids)
    assert not list((tmp_path / "vllm" / "logs").iterdir())


def test_no_engine_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    with debating(tmp_path) as child:
        heard_until(child, "affirmative")
        pids = {pid: birth(pid) for pid in family([child.pid])}
        assert len(pids) > 2
        child.kill()
    assert child.returncode == -signal.SIGKILL
    ended(pids)
