"""``rebut scenario``, as it is typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from . import measured

Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def files(home: Path) -> Path:
    return measured.write(home)


def test_a_table_on_stdout_and_progress_on_stderr(cli: Cli) -> None:
    done = cli("scenario", "run", "mine.yaml")
    assert done.exit_code == 0, done.stderr
    head, solve, voted = done.stdout.splitlines()
    assert head.split()[:3] == ["WORKFLOW", "N", "RIGHT"]
    assert solve.split()[:5] == ["solve", "3", "66.7%", "21%..94%", "base"]
    assert voted.split()[:3] == ["self-consistency", "3", "66.7%"] and "+0.0" in voted
    assert "mine: 6 of 6, 67% right (30% to 90%), $0.00\n" in done.stderr
    again = cli("scenario", "run", "mine.yaml")
    assert re.sub(r"[\d.]+s", "", again.stdout) == re.sub(r"[\d.]+s", "", done.stdout)
    assert "6 of 6 were made before" in again.stderr


def test_json_and_the_trials_as_lines(cli: Cli, home: Path) -> None:
    done = cli("scenario", "run", "mine.yaml", "--json", "--out", "t.jsonl", "-n", "2")
    found = json.loads(done.stdout)
    assert [(line["label"], line["n"], line["right"]) for line in found["lines"]] == [
        ("solve", 2, 1.0),
        ("self-consistency", 2, 1.0),
    ]
    trials = [json.loads(line) for line in (home / "t.jsonl").read_text().splitlines()]
    assert [(t["item"], t["label"], t["answer"]) for t in trials][:2] == [
        ("a", "solve", "7"),
        ("a", "self-consistency", "7"),
    ]
    assert [(t["confidence"], t["confidence_source"]) for t in trials][:2] == [
        (None, None),
        (1.0, "share of the vote"),
    ]
    shown = cli("show", trials[0]["run"])
    assert shown.exit_code == 0 and "7" in shown.stdout
    assert done.stderr == ""


def test_a_gate_says_who_did_not_pass(cli: Cli) -> None:
    assert cli("scenario", "run", "mine.yaml", "-q", "--fail-under", "0.5").exit_code == 0
    done = cli("scenario", "run", "mine.yaml", "-q", "--fail-under", "0.9")
    assert done.exit_code == 5 and "solve is right in 66.7%: less than 90.0%" in done.stderr


def test_a_total_that_is_reached_is_told(cli: Cli) -> None:
    done = cli("scenario", "run", "mine.yaml", "-q", "--total", "calls=7", "--concurrency", "1")
    assert done.exit_code == 3
    assert "stopped: the total of 7 calls has no room for another run of self-consistency" in done.stderr


def test_a_check_looks_at_every_row_and_asks_nothing(cli: Cli, home: Path) -> None:
    assert (
        cli("scenario", "check", "mine.yaml").stdout
        == "mine: 3 items, 2 contenders, 6 runs, at most 18 calls\n"
    )
    (home / "d.csv").write_text(measured.DATA + "a,What is 1 + 1?,two or three\n")
    for command in ("check", "run"):
        done = cli("scenario", command, "mine.yaml")
        assert done.exit_code == 2 and done.stdout == ""
        assert "d.csv:5: field 'id': 'a' is the id of row 2 too" in done.stderr
    assert not (home / "home").exists() or "no runs" in cli("runs").stderr


def test_mistakes_of_a_file_are_told_with_their_places(cli: Cli, home: Path) -> None:
    (home / "mine.yaml").write_text(measured.SPEC.replace("[solve,", "[solv,"))
    done = cli("scenario", "run", "mine.yaml")
    assert done.exit_code == 2 and "mine.yaml:5:13: error: unknown workflow: 'solv'" in done.stderr


def test_the_runs_of_a_scenario_do_not_crowd_the_others(cli: Cli) -> None:
    cli("scenario", "run", "mine.yaml", "-q")
    cli("run", "solve", "What is 5 + 2?", "-m", "scripted/s.yaml")
    lines = cli("runs").stdout.splitlines()
    assert len(lines) == 2 and "solve" in lines[1]


def test_the_library_is_listed(cli: Cli) -> None:
    names = [line.split()[0] for line in cli("scenario", "list").stdout.splitlines()[1:]]
    assert names == sorted(names) and "arithmetic" in names
    assert {s["name"] for s in json.loads(cli("scenario", "list", "--json").stdout)} == set(names)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run", "mime.yaml"], "no such scenario file: 'mime.yaml'"),
        (["run", "mine.yaml", "--total", "cals=3"], "unknown budget 'cals'"),
        (["run", "mine.yaml", "-n", "0"], "-n"),
        (["run", "mine.yaml", "--out", "no/such/t.jsonl"], "cannot write 'no/such/t.jsonl'"),
    ],
)
def test_what_is_typed_wrong_is_named(cli: Cli, args: list[str], says: str) -> None:
    done = cli("scenario", *args)
    assert done.exit_code == 2 and says in done.stderr


def test_what_was_made_is_shown_compared_and_weighed_without_asking(cli: Cli, home: Path) -> None:
    for command in (["show", "mine.yaml"], ["recommend", "mine.yaml"]):
        done = cli("scenario", *command)
        assert done.exit_code == 2 and "no trials of 'mine' in the store" in done.stderr
    cli("scenario", "run", "mine.yaml", "-q", "-n", "2")
    (home / "s.yaml").write_text("rules: []")  # whoever asks now fails
    shown = cli("scenario", "show", "mine.yaml")
    assert shown.stdout.splitlines()[1].split()[:3] == ["solve", "2", "100.0%"]
    assert "4 of 6 trials were made" in shown.stderr
    compared = cli("scenario", "compare", "mine.yaml", "solve", "self-consistency").stdout
    assert compared.startswith("self-consistency against solve: +0.0 points") and "0 won, 0 lost" in compared
    advice = cli("scenario", "recommend", "mine.yaml").stdout.splitlines()
    assert advice[0] == "solve" and "only 4 of 6 trials were made" in advice
    assert json.loads(cli("scenario", "recommend", "mine.yaml", "--json").stdout)["label"] == "solve"
    assert cli("scenario", "recommend", "mine.yaml", "--tokens", "1").exit_code == 2
    assert cli("scenario", "compare", "mine.yaml", "solve", "x").exit_code == 2


def test_items_that_changed_are_listed_with_their_runs(cli: Cli, home: Path) -> None:
    (home / "s.yaml").write_text(
        'rules:\n  - {when: What is 5, say: ["Answer: 7", "Answer: 8"]}\n  - {say: "Answer: 42"}'
    )
    cli("scenario", "run", "mine.yaml", "-q", "--concurrency", "1")
    done = cli("scenario", "compare", "mine.yaml", "solve", "self-consistency").stdout.splitlines()
    assert done[1] == "0 won, 1 lost" and done[-1].split()[:4] == ["a", "lost", "7", "8"]
    assert cli("show", done[-1].split()[-1]).exit_code == 0
