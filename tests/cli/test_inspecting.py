"""Logs of inspect_ai from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from . import measured

Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def files(home: Path) -> Path:
    return measured.write(home)


def test_trials_become_logs_and_a_log_becomes_a_scenario(cli: Cli, home: Path) -> None:
    assert cli("scenario", "export", "mine.yaml", "logs").exit_code == 2
    cli("scenario", "run", "mine.yaml", "-q")
    told = cli("scenario", "export", "mine.yaml", "logs")
    assert told.exit_code == 0
    assert told.stderr == "wrote 6 of 6 trials; look at them with: inspect view --log-dir logs\n"
    made = told.stdout.split()
    assert sorted(made) == sorted(str(path.relative_to(home)) for path in (home / "logs").iterdir())
    told = cli("scenario", "import", made[0], "theirs")
    assert told.stdout.split() == ["theirs.yaml", "theirs.jsonl", "theirs.recorded.yaml"]
    assert "took 3 items, answers of kind number\n" in told.stderr
    assert "right in 66.7% by the log's own scorer" in told.stderr
    assert "next: rebut scenario run theirs.yaml" in told.stderr
    table = cli("scenario", "run", "theirs.yaml", "-m", "scripted/s.yaml", "-q").stdout
    recorded = next(line for line in table.splitlines() if line.startswith("recorded scripted s.yaml"))
    assert " 66.7% " in recorded
    assert "(--force does it)" in cli("scenario", "import", made[0], "theirs").stderr


def test_what_is_no_log_is_an_error(cli: Cli) -> None:
    told = cli("scenario", "import", "s.yaml", "theirs")
    assert told.exit_code == 2 and "s.yaml: not JSON" in told.stderr and "Traceback" not in told.stderr
