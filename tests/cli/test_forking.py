"""``rebut fork``: a kept run goes another way from one of its calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Cli = Callable[..., Result]

SCRIPT = """
rules:
  - when: {any: "ANSWER: 9"}
    say: "I take it back.\\n\\nANSWER: 9"
  - when: accepted
    say: '{"accepted": true, "text": "fine"}'
  - say: "ANSWER: 42"
"""


@pytest.fixture(autouse=True)
def asked(home: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> str:
    """The id of a kept run in which the solver wrote 42 and the reviewer took it."""
    (home / "s.yaml").write_text(SCRIPT)
    monkeypatch.setenv("REBUT_MODEL", "scripted/s.yaml")
    return str(json.loads(cli("run", "self-refine", "6 * 7?", "--json").stdout)["run"])


def test_a_reply_is_written_by_hand_and_the_run_goes_on_from_there(cli: Cli, asked: str, home: Path) -> None:
    (home / "reply.txt").write_text("ANSWER: 7\n")
    for how in (("--say", "ANSWER: 7"), ("--edit", "reply.txt")):
        told = cli("fork", "last" if "--say" in how else asked, "--at", "write", *how)
        assert (told.exit_code, told.stdout) == (0, "7\n")
        assert told.stderr.startswith(f"forked from {asked} at write\n")
    shown = cli("show", "last").stdout
    assert f"forked from {asked} (0 calls taken over, write/1 written by hand)" in shown
    assert "edited at write" in shown and "the reply of solver was written by hand" in shown
    assert "[written by hand]" in cli("show", "last", "--calls").stdout
    data = json.loads(cli("show", "last", "--json").stdout)
    assert (data["parent"], data["taken_over"], data["edited"]) == (asked, 0, ["write/1"])
    assert cli("replay", "last", "-q").stderr == "the replay agrees with the record\n"


def test_what_came_before_is_taken_over_and_shown(cli: Cli, asked: str) -> None:
    told = cli("fork", asked[:9], "--at", "review", "-p", "rounds=2", "-q")
    assert (told.stdout, told.stderr) == ("42\n", "")
    shown = cli("show", "last", "--calls").stdout
    assert f"forked from {asked} (1 call taken over)" in shown and ", taken over" in shown
    assert "taken_over" not in json.loads(cli("show", asked, "--json").stdout)


def test_runs_show_what_they_were_forked_from(cli: Cli, asked: str) -> None:
    assert "FORK OF" not in cli("runs").stdout
    cli("fork", asked, "--at", "review", "-q")
    heading, fork, first = cli("runs").stdout.splitlines()
    assert heading.split()[:3] == ["RUN", "FORK", "OF"]
    assert fork.split()[1] == asked and first.split()[0] == asked


WRONG = {
    "run": (["nosuch", "--at", "write"], "no run 'nosuch'"),
    "call": (["last", "--at", "wirte"], "made no call 'wirte' (did you mean 'write'?)"),
    "no call": (["last"], "Missing option '--at'"),
    "reply": (["last", "--at", "write", "--say", ""], "the reply is empty"),
    "two replies": (["last", "--at", "write", "--say", "x", "--edit", "y"], "--say and --edit exclude"),
    "file": (["last", "--at", "write", "--edit", "none.txt"], "cannot read none.txt"),
    "parameter": (["last", "--at", "write", "-p", "roundz=1"], "did you mean 'rounds'?"),
    "model": (["last", "--at", "write", "-m", "nosuch/x"], "unknown provider 'nosuch'"),
    "store": (["last", "--at", "write", "--store", "none"], "runs are not kept"),
}


@pytest.mark.parametrize(("args", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_and_nothing_is_begun(args: list[str], message: str, cli: Cli) -> None:
    told = cli("fork", *args)
    assert told.exit_code == 2 and told.stdout == ""
    assert message in told.stderr and "Traceback" not in told.stderr
    assert len(json.loads(cli("runs", "--json").stdout)) == 1
