"""Gates and comparisons of runs, as they are typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from . import measured

Cli = Callable[..., Result]
WORSE = 'rules:\n  - {say: "Answer: 8"}'


@pytest.fixture(autouse=True)
def files(home: Path) -> Path:
    return measured.write(home)


def test_a_run_is_held_against_a_file_without_any_store(cli: Cli, home: Path) -> None:
    run = ("scenario", "run", "mine.yaml", "-q", "--store", "none")
    assert cli(*run, "--out", "main.jsonl").exit_code == 0
    same = cli(*run, "--no-worse-than", "main.jsonl")
    assert same.exit_code == 0, same.stderr
    assert "solve: +0.0 points against main.jsonl over 3 items in common" in same.stderr
    assert "no worse, with a margin of 5.0 points" in same.stderr
    (home / "s.yaml").write_text(WORSE)
    worse = cli(*run, "--no-worse-than", "main.jsonl")
    assert worse.exit_code == 5 and "solve: -66.7 points against main.jsonl" in worse.stderr
    assert "not shown to be within the margin" in worse.stderr or "worse by more" in worse.stderr
    assert cli(*run, "--no-worse-than", "main.jsonl", "--margin", "1").exit_code == 0


def test_a_reference_that_cannot_be_read_ends_the_command_before_anything_is_asked(
    cli: Cli, home: Path
) -> None:
    (home / "s.yaml").write_text("rules: []")  # whoever asks fails
    run = ("scenario", "run", "mine.yaml", "-q", "--no-worse-than")
    for ref, words in (
        ("none.jsonl", "cannot read 'none.jsonl'"),
        ("none.db", "there is no store 'none.db'"),
        ("nothing", "nothing"),
        ("mine.yaml", "no trials of 'mine' in the store"),
    ):
        done = cli(*run, ref)
        assert done.exit_code == 2 and words in done.stderr, done.stderr
    (home / "none.jsonl").write_text(
        '{"item": "a", "label": "other", "gold": ["7"], "right": true}\n', encoding="utf-8"
    )
    (home / "s.yaml").write_text(measured.SCRIPT)
    done = cli(*run, "none.jsonl")
    assert done.exit_code == 2 and "other there, solve, self-consistency here" in done.stderr


def test_a_run_is_held_against_another_store_and_another_scenario(cli: Cli, home: Path) -> None:
    assert cli("scenario", "run", "mine.yaml", "-q", "--store", "old.db").exit_code == 0
    done = cli("scenario", "run", "mine.yaml", "-q", "--no-worse-than", "old.db")
    assert done.exit_code == 0 and "against old.db over 3 items" in done.stderr
    (home / "second.yaml").write_text(measured.SPEC.replace("name: mine", "name: second"))
    done = cli("scenario", "run", "second.yaml", "-q", "--no-worse-than", "mine.yaml")
    assert done.exit_code == 0 and "against mine.yaml over 3 items" in done.stderr


def test_two_runs_are_compared_label_by_label_with_what_changed(cli: Cli, home: Path) -> None:
    run = ("scenario", "run", "mine.yaml", "-q", "--store", "none", "--out")
    assert cli(*run, "a.jsonl").exit_code == 0
    (home / "s.yaml").write_text(WORSE)
    assert cli(*run, "b.jsonl", "-n", "2").exit_code == 0
    done = cli("scenario", "compare", "a.jsonl", "b.jsonl")
    assert done.exit_code == 0, done.stderr
    assert "solve in b.jsonl against solve in a.jsonl: -100.0 points" in done.stdout
    assert "2 items in common; 1 only of solve in a.jsonl, 0 of solve in b.jsonl" in done.stdout
    assert "P (HOLM)" in done.stdout
    found = json.loads(cli("scenario", "compare", "a.jsonl", "b.jsonl", "--json").stdout)
    assert [one["pair"]["gain"] for one in found] == [-1.0, -1.0]
    assert cli("scenario", "compare", "a.jsonl").exit_code == 2
    assert cli("scenario", "compare", "a.jsonl", "solve", "none").exit_code == 2


def test_the_inside_and_the_confidence_are_shown(cli: Cli) -> None:
    cli("scenario", "run", "mine.yaml", "-q")
    done = cli("scenario", "show", "mine.yaml", "--deliberation", "--calibration")
    assert done.exit_code == 0, done.stderr
    assert "samples: 5 answers a round, 1 round in the mean of 3 trials" in done.stdout
    assert "share of the vote" in done.stdout
    assert "deliberation" not in json.loads(cli("scenario", "show", "mine.yaml", "--json").stdout)
    found = json.loads(cli("scenario", "show", "mine.yaml", "--json", "--deliberation").stdout)
    assert [one["label"] for one in found["deliberation"]] == ["solve", "self-consistency"]
    assert found["deliberation"][0]["exchanges"][0]["flips"] is None
    assert found["calibration"][0]["source"] == "share of the vote"
    assert [one["votes"] for one in found["fewer_votes"]["self-consistency"]] == [1, 2, 3, 4, 5]
    assert [one["rank"] for one in found["worth"]["ranks"]] == [1, 2]


def test_nobody_is_recommended_where_nobody_is_right(cli: Cli, home: Path) -> None:
    (home / "s.yaml").write_text(WORSE)
    cli("scenario", "run", "mine.yaml", "-q")
    lines = cli("scenario", "recommend", "mine.yaml").stdout.splitlines()
    assert lines[0] == "none" and lines[1].startswith(
        "no contender is right on any of the 3 items; the cheapest"
    )
    assert "highest share" not in "\n".join(lines)


def test_runs_that_are_no_trials_any_more_are_counted(cli: Cli, home: Path) -> None:
    cli("scenario", "run", "mine.yaml", "-q", "--store", "s.db")
    (home / "mine.yaml").write_text(
        measured.SPEC.replace("workflows: [solve, self-consistency]", "workflows: [solve, cascade]")
    )
    done = cli("scenario", "show", "mine.yaml", "--store", "s.db")
    assert "3 of 6 trials were made" in done.stderr and "3 more runs of this scenario" in done.stderr


def test_a_comparison_says_what_the_vote_would_have_been_at_equal_tokens(cli: Cli) -> None:
    cli("scenario", "run", "mine.yaml", "-q")
    done = cli("scenario", "compare", "mine.yaml", "solve", "self-consistency").stdout.splitlines()
    assert re.fullmatch(r"not at equal tokens: self-consistency takes 1\.\d times those of solve", done[2])
    assert re.fullmatch(
        r"at equal tokens: self-consistency with \d of its 5 votes \(\d+ tokens, solve takes \d+\) "
        r"is right in 66\.7%, \+0\.0 points",
        done[3],
    )
    back = cli("scenario", "compare", "mine.yaml", "self-consistency", "solve").stdout.splitlines()
    assert back[3] == done[3] and "solve takes 0." in back[2]
