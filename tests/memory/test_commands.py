"""The command line with its store on a server: everything that a person does with runs, and both ways between
the two databases."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rebut.cli.app import app
from rebut.testing.databases import OnServer
from rebut.testing.postgres import programs

pytestmark = pytest.mark.postgres

Cli = Callable[..., Result]

SCRIPT = """
rules:
  - {when: "(?i)fails", error: refused}
  - {when: What is 5, say: "Answer: 7"}
  - {say: "Gr\\u00f6\\u00dfe \\u0000. Answer: 42"}
"""
SCENARIO = """
name: mine
data: {file: d.csv}
kind: number
workflows: [solve, self-consistency]
"""
DATA = "id,question,answer\na,What is 5 + 2?,7\nb,What is 6 * 7?,42\nc,What is 50 - 1?,49\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, database: OnServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose settings name a store on the server."""
    for name in ("REBUT_SETTINGS", "REBUT_STORE", "REBUT_MODEL", "REBUT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REBUT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for name, text in (("s.yaml", SCRIPT), ("mine.yaml", SCENARIO), ("d.csv", DATA)):
        (tmp_path / name).write_text(text)
    settings = f'model = "scripted/s.yaml"\nstore = "{database.url}"\n'
    (tmp_path / "rebut.toml").write_text(settings)
    return tmp_path


@pytest.fixture
def cli(database: OnServer) -> Cli:
    """Runs a command line; no output of it shows the password."""

    def run(*args: str) -> Result:
        done = CliRunner().invoke(app, list(args))
        assert database.cluster.password not in done.output + repr(done.exception)
        return done

    return run


def test_a_run_is_kept_listed_shown_and_replayed(cli: Cli, database: OnServer) -> None:
    told = cli("run", "self-consistency", "6 * 7?", "-p", "samples=3", "--json")
    assert told.exit_code == 0, told.output
    run = json.loads(told.stdout)["run"]
    (listed,) = json.loads(cli("runs", "--json").stdout)
    assert (listed["run"], listed["status"]) == (run, "finished")
    assert "Größe" in cli("show", run, "--calls").stdout
    replayed = cli("replay", run[:8], "-q")
    assert (replayed.exit_code, replayed.stdout) == (0, "42\n")
    assert database.one("SELECT count(*) FROM said") == 3
    assert database.one("SELECT min(text) FROM said") == "Größe \ufdd00. Answer: 42"


def test_a_failed_run_is_resumed(cli: Cli, home: Path) -> None:
    assert cli("run", "self-refine", "This fails", "-q").exit_code == 2
    accepted = """{when: accepted, say: '{"accepted": true, "text": ""}'}"""
    (home / "s.yaml").write_text(f"rules: [{accepted}, {{say: 'ANSWER: 43'}}]")
    told = cli("resume", "--last", "-q")
    assert (told.exit_code, told.stdout) == (0, "43\n"), told.output
    assert json.loads(cli("runs", "--json").stdout)[0]["stop_reason"] == "answered"


def test_a_run_moves_between_the_databases_and_replays_in_each(cli: Cli, database: OnServer) -> None:
    run = json.loads(cli("run", "self-consistency", "6 * 7?", "--json").stdout)["run"]
    assert cli("export", run, "there.jsonl").exit_code == 0
    assert cli("import", "there.jsonl", "--store", "file.db").exit_code == 0
    assert cli("export", run, "back.jsonl", "--store", "file.db").exit_code == 0
    assert Path("there.jsonl").read_bytes() == Path("back.jsonl").read_bytes()
    for more in (["replay", run, "--store", "file.db"], ["replay", "there.jsonl"]):
        told = cli(*more, "-q")
        assert (told.exit_code, told.stdout) == (0, "42\n")
    assert "already" in cli("import", "back.jsonl").stderr
    with_schema = database.with_(schema="other")
    assert cli("import", "back.jsonl", "--store", with_schema).exit_code == 0
    assert cli("replay", run, "-q", "--store", with_schema).stdout == "42\n"


def test_a_dump_that_is_restored_holds_every_run(cli: Cli, database: OnServer) -> None:
    run = json.loads(cli("run", "self-consistency", "6 * 7?", "--json").stdout)["run"]
    again = f"{database.database}_again"
    database.cluster.create(again, template="template0")
    dump = ["pg_dump", "--format=custom", "--file=rebut.dump", database.url]
    for program, *words in (dump, ["pg_restore", f"--dbname={database.cluster.url(again)}", "rebut.dump"]):
        subprocess.run([programs() / program, *words], check=True, capture_output=True)
    told = cli("replay", run, "-q", "--store", database.cluster.url(again))
    assert (told.exit_code, told.stdout) == (0, "42\n")
    assert (
        cli("run", "self-consistency", "6 * 7?", "-q", "--store", database.cluster.url(again)).exit_code == 0
    )


def test_a_scenario_is_made_once_and_weighed(cli: Cli) -> None:
    done = cli("scenario", "run", "mine.yaml")
    assert done.exit_code == 0, done.output
    assert "mine: 6 of 6, 67% right" in done.stderr
    again = cli("scenario", "run", "mine.yaml")
    assert "6 of 6 were made before" in again.stderr
    assert re.sub(r"[\d.]+s", "", again.stdout) == re.sub(r"[\d.]+s", "", done.stdout)
    assert cli("scenario", "show", "mine.yaml").exit_code == 0
    assert cli("runs", "--json").stdout == "[]\n", "the runs of scenarios are not listed"


def test_a_server_that_is_not_there_is_one_sentence(cli: Cli, database: OnServer) -> None:
    url = database.url.replace(f":{database.cluster.port}", ":1")
    told = cli("runs", "--store", url)
    assert told.exit_code == 2
    assert told.stderr.count("\n") == 1 and "the server cannot be reached" in told.stderr
