"""``rebut scenario`` with metrics beside right answers, and with programs that models write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from . import measured

Cli = Callable[..., Result]

CODE = """
name: code
data: {file: code.jsonl}
check: tests
workflows: [solve]
models: scripted/code.yaml
"""


PROGRAM = "```python\ndef f(x):\n    return 2 * x\n```"


@pytest.fixture(autouse=True)
def files(home: Path) -> Path:
    return measured.write(home)


def test_a_column_for_each_metric(cli: Cli, home: Path) -> None:
    (home / "mine.yaml").write_text(measured.SPEC + "\nmetrics: {same: exact, f1: f1}\n")
    done = cli("scenario", "run", "mine.yaml", "-q")
    assert done.exit_code == 0, done.stderr
    head, solve, voted = done.stdout.splitlines()[-3:]
    assert head.split() == ["WORKFLOW", "SAME", "F1"]
    assert solve.split()[:2] == ["solve", "0.667"] and "+0.000 p 1" in voted
    lines = json.loads(cli("scenario", "show", "mine.yaml", "--json").stdout)["lines"]
    assert lines[0]["metrics"]["same"]["mean"] == pytest.approx(2 / 3)


def test_a_question_that_comes_twice_is_warned_of(cli: Cli, home: Path) -> None:
    (home / "d.csv").write_text(measured.DATA + "z," + measured.DATA.splitlines()[1].partition(",")[2] + "\n")
    done = cli("scenario", "check", "mine.yaml")
    assert done.exit_code == 0 and "warning: d.csv:5: it asks the same as row 2" in done.stderr


def test_programs_are_run_when_the_flag_is_given(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"question": f"{n} times?", "answer": [f"assert f(2) == {2 * n}"]} for n in (2, 3)]
    (home / "code.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (home / "code.yaml").write_text(json.dumps({"rules": [{"say": PROGRAM}]}))
    (home / "s.yaml").write_text(CODE)
    assert cli("scenario", "check", "s.yaml").exit_code == 0
    refused = cli("scenario", "run", "s.yaml")
    assert refused.exit_code == 2 and "allow it with --allow-code" in refused.stderr
    done = cli("scenario", "run", "s.yaml", "-q", "--allow-code")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[:3] == ["solve", "2", "50.0%"]
    assert cli("scenario", "show", "s.yaml").exit_code == 2
    monkeypatch.setenv("REBUT_ALLOW_CODE", "1")
    assert "50.0%" in cli("scenario", "show", "s.yaml").stdout
