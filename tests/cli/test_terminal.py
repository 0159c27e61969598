"""The real command at a real (pseudo) terminal: redrawing, colours, widths, signals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from rich.cells import cell_len

Cli = Callable[..., Result]

SCRIPT = """
rules:
  - when: {any: "(?i)take your time"}
    say: ["first \\e]0;owned\\a words", {text: "too late", delay: 60}]
  - say: "It must be 漢字 42 \\e]0;owned\\a\\e[2J and many words more that fill a line.\\n\\nANSWER: 42"
    delay: 0.05
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7])m")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BASE = [sys.executable, "-c", "from rebut.cli import main; main()"]


@pytest.fixture(autouse=True)
def script(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "s.yaml").write_text(SCRIPT)
    monkeypatch.setenv("REBUT_MODEL", "scripted/s.yaml")
    monkeypatch.setenv("TERM", "xterm-256color")


class Terminal:
    """A child whose stderr is a terminal and whose stdout is a pipe."""

    def __init__(self, *args: str, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.child = subprocess.Popen(
            [*BASE, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave, env=env
        )
        os.close(slave)
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # EIO: the child has gone
                return
            if not piece:
                return
            self._seen += piece

    @property
    def err(self) -> str:
        return self._seen.decode("utf-8", "replace")

    def wait_for(self, text: str, seconds: float = 30) -> None:
        for _ in range(int(seconds / 0.02)):
            if text in self.err:
                return
            threading.Event().wait(0.02)
        raise AssertionError(f"{text!r} never came: {self.err!r}")

    def end(self) -> tuple[int, str, str]:
        out = self.child.communicate(timeout=60)[0].decode()
        self._reader.join(10)
        os.close(self._master)
        return self.child.returncode, out, self.err


@pytest.fixture
def started() -> Iterator[list[Terminal]]:
    """Children to be killed when the test fails before they end."""
    children: list[Terminal] = []
    yield children
    for terminal in children:
        if terminal.child.poll() is None:
            terminal.child.kill()
            terminal.end()


def test_the_live_view_redraws_and_leaves_a_clean_terminal() -> None:
    code, out, err = Terminal("run", "society", "6 * 7?").end()
    assert (code, out) == (0, "42\n")
    assert "\x1b[?25l" in err and err.rstrip().rfind("\x1b[?25h") > err.rfind("\x1b[?25l")
    assert "It must be 漢字 42" in err and COLOUR.search(err)
    assert "owned" not in err and "\x1b[2J" not in err


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 20])
def test_a_narrow_terminal_is_not_overrun(columns: int) -> None:
    code, _, err = Terminal("run", "society", "6 * 7?", columns=columns).end()
    assert code == 0
    lines = re.split(r"[\r\n]+", ESCAPE.sub("", err))
    # The last two lines are for copying, and are left whole.
    assert max(cell_len(line) for line in lines if not line.startswith("rebut show")) <= columns


@pytest.mark.slow
def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _, _, err = Terminal("run", "society", "6 * 7?").end()
    assert "It must be" in err and not COLOUR.search(err)
    monkeypatch.delenv("NO_COLOR")
    assert not COLOUR.search(Terminal("run", "society", "6 * 7?", "--no-color").end()[2])


@pytest.mark.slow
def test_plain_and_dumb_terminals_get_lines_and_no_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in Terminal("run", "society", "6 * 7?", "--plain").end()[2]
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in Terminal("run", "society", "6 * 7?").end()[2]


@pytest.mark.parametrize(
    "look", [[], pytest.param(["--plain"], marks=pytest.mark.slow)], ids=["live", "plain"]
)
def test_ctrl_c_stops_a_run_that_can_be_resumed(
    look: list[str], started: list[Terminal], home: Path, cli: Cli
) -> None:
    terminal = Terminal("run", "self-refine", "Take your time", *look)
    started.append(terminal)
    terminal.wait_for("words")
    terminal.wait_for("draft")
    terminal.child.send_signal(signal.SIGINT)
    code, out, err = terminal.end()
    assert (code, out) == (130, "")
    [id_] = re.findall(r"stopped; resume with: rebut resume (\S+)", err)
    assert "Traceback" not in err and ("\x1b[?25h" in err) == (not look)
    (home / "s.yaml").write_text('rules: [{say: \'{"accepted": true, "text": ""}\'}]')
    resumed = cli("resume", id_, "--json", "-q")
    assert resumed.exit_code == 0, resumed.stderr
    calls = json.loads(cli("show", id_, "--calls", "--json").stdout)["calls"]
    assert [call["node"] for call in calls].count("write") == 1


@pytest.mark.slow
def test_ctrl_c_without_a_store_just_stops(started: list[Terminal]) -> None:
    terminal = Terminal("run", "self-refine", "Take your time", "--store", "none", "--plain")
    started.append(terminal)
    terminal.wait_for("draft")
    terminal.child.send_signal(signal.SIGTERM)
    code, _, err = terminal.end()
    assert code == 143
    assert err.rstrip().endswith("stopped") and "resume" not in err


@pytest.mark.slow
def test_a_reader_that_goes_away_stops_the_run(started: list[Terminal]) -> None:
    child = subprocess.Popen(
        [*BASE, "run", "self-refine", "Take your time", "--events", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None and child.stderr is not None
    assert b"run.started" in child.stdout.readline()
    child.stdout.close()
    child.send_signal(signal.SIGINT)
    assert child.wait(30) in (130, 141)
    assert b"Traceback" not in child.stderr.read()
    child.stderr.close()
