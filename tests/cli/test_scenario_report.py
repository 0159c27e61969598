"""``rebut scenario report``, as it is typed."""

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


def test_a_page_is_written_from_what_is_kept(cli: Cli, home: Path) -> None:
    cli("scenario", "run", "mine.yaml", "-q")
    done = cli("scenario", "report", "mine.yaml", "--out", "r.html")
    assert done.exit_code == 0 and done.stdout == "", done.stderr
    assert done.stderr.startswith("wrote r.html (") and "6 of 6 trials\n" in done.stderr
    html = (home / "r.html").read_text("utf-8")
    assert html.startswith("<!doctype html>") and "66.7 %" in html and "Answer: 42" in html
    assert [p.name for p in home.glob("*.part")] + [p.name for p in home.glob(".*")] == []


def test_some_items_without_transcripts_at_the_place_that_is_named_by_default(cli: Cli, home: Path) -> None:
    cli("scenario", "run", "mine.yaml", "-q", "-n", "2")
    done = cli("scenario", "report", "mine.yaml", "--transcripts", "0")
    assert done.exit_code == 0 and "4 of 6 trials; the others are not in the store" in done.stderr
    html = (home / "report.html").read_text("utf-8")
    assert "Answer: 42" not in html and "2 trials of 6 are missing" in html
    assert "4 of 4 trials\n" in cli("scenario", "report", "mine.yaml", "-n", "2").stderr


def test_without_trials_there_is_no_page(cli: Cli, home: Path) -> None:
    done = cli("scenario", "report", "mine.yaml")
    assert done.exit_code == 2 and not (home / "report.html").exists()
    assert "none of the 6 trials of scenario 'mine' is in the store" in done.stderr
    assert cli("scenario", "report", "mine.yaml", "--store", "none").exit_code == 2


def test_a_page_that_cannot_be_written_leaves_the_old_one(cli: Cli, home: Path) -> None:
    cli("scenario", "run", "mine.yaml", "-q", "-n", "1")
    done = cli("scenario", "report", "mine.yaml", "--out", "no/such/r.html")
    assert done.exit_code == 2 and "cannot write 'no/such/r.html': No such file" in done.stderr
