"""The command itself: help, exit codes, and what becomes of errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import Result
from syrupy.assertion import SnapshotAssertion

import rebut
from rebut.cli import app as module
from rebut.cli.app import SECTIONS, app
from rebut.errors import (
    InputError,
    JournalDrift,
    ModelRefused,
    QuorumMissed,
    RebutError,
    Unparsed,
)

Cli = Callable[..., Result]
COMMANDS = sorted(app.commands)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `rebut schema` fail with an error."""

    def make(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setitem(app.commands, "schema", click.Command("schema", callback=fail))

    return make


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_reads_as_it_did(command: str, cli: Cli, snapshot: SnapshotAssertion) -> None:
    told = cli(*command.split(), "--help")
    assert told.exit_code == 0
    assert told.stdout == snapshot


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_and_fits_80_columns(command: str, cli: Cli) -> None:
    told = cli(command, "--help").stdout
    assert f"  rebut {command}" in told
    assert max(map(len, told.splitlines())) <= 100


def test_every_command_has_a_section_and_an_uncut_line_in_the_help(cli: Cli) -> None:
    listed = [command.name for commands in SECTIONS.values() for command in commands]
    assert sorted(str(name) for name in listed) == COMMANDS
    lines = cli("--help").stdout.splitlines()[1:]
    assert not [line for line in lines if line.endswith("...")]


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").stdout == f"rebut {rebut.__version__}\n"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["rnu"], "Did you mean 'run'?"),
        (["run", "--quite"], "'--quiet'"),
        (["show"], "Missing argument 'RUN'"),
    ],
)
def test_a_slip_in_the_command_line_is_told_with_a_hint(args: list[str], hint: str, cli: Cli) -> None:
    told = cli(*args)
    assert told.exit_code == 2
    assert hint in told.stderr and told.stderr.startswith("Usage: rebut")
    assert told.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("no such thing"), 2),
        (ModelRefused("no key"), 2),
        (QuorumMissed("vote", stood=1, quorum=2, of=3), 4),
        (Unparsed("text", "no verdict"), 4),
        (JournalDrift("other request"), 1),
    ],
)
def test_an_error_of_ours_is_its_message_and_a_code(
    error: RebutError, code: int, cli: Cli, broken: Callable[[BaseException], None]
) -> None:
    broken(error)
    told = cli("schema")
    assert (told.exit_code, told.stderr, told.stdout) == (code, f"error: {error}\n", "")


def test_errors_of_side_by_side_work_are_told_once_each(
    cli: Cli, broken: Callable[[BaseException], None]
) -> None:
    broken(
        ExceptionGroup("two", [InputError("a"), ExceptionGroup("one", [InputError("b"), InputError("a")])])
    )
    told = cli("schema")
    assert (told.exit_code, told.stderr) == (2, "error: a\nerror: b\n")


def test_an_error_that_ended_a_run_says_how_to_go_on(
    cli: Cli, broken: Callable[[BaseException], None]
) -> None:
    error = InputError("bad")
    error.run = "261121-abc"
    broken(error)
    assert cli("schema").stderr == "error: bad\nto go on from there: rebut resume 261121-abc\n"


def test_escapes_in_an_error_do_not_reach_the_terminal(
    cli: Cli, broken: Callable[[BaseException], None]
) -> None:
    broken(InputError("bad \x1b]0;owned\x07name"))
    assert cli("schema").stderr == "error: bad name\n"


def test_a_bug_is_called_a_bug(cli: Cli, broken: Callable[[BaseException], None]) -> None:
    broken(ZeroDivisionError("oh"))
    told = cli("schema")
    assert told.exit_code == 1
    assert told.stderr == "error: ZeroDivisionError: oh\nthis is a bug in rebut (REBUT_DEBUG=1 shows where)\n"


def test_debug_shows_where(
    cli: Cli, broken: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REBUT_DEBUG", "1")
    broken(ZeroDivisionError("oh"))
    told = cli("schema")
    assert told.exit_code == 1
    assert "Traceback" in told.stderr and "in fail" in told.stderr


def test_debug_shows_where_an_error_of_ours_was_raised_and_keeps_its_code(
    cli: Cli, broken: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REBUT_DEBUG", "1")
    broken(InputError("bad"))
    told = cli("schema")
    assert told.exit_code == 2
    assert "Traceback" in told.stderr and "this is a bug" not in told.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_exits_130(
    error: BaseException, cli: Cli, broken: Callable[[BaseException], None]
) -> None:
    broken(error)
    told = cli("schema")
    assert (told.exit_code, told.stderr) == (130, "stopped\n")


@pytest.mark.parametrize("args", [["--help"], ["models", "--json"]])
def test_a_reader_that_goes_away_is_not_an_error(args: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from rebut.cli import main; main()", *args]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_stdout_cannot_encode_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from rebut.cli.output import prepare_streams, say; prepare_streams(); say('\\ud800 \\u4e00 a')"
    env = {"PYTHONIOENCODING": "latin-1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, check=True)
    assert done.stdout == b" ? a\n"


def test_failed_gives_a_pipe_error_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_pipe_closed", lambda: 141)
    assert module.failed(BrokenPipeError()) == 141
