"""The store looked after from the command line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import Result

Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def script(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "s.yaml").write_text('rules: [{say: "It must be 42. ANSWER: 42"}]')
    monkeypatch.setenv("REBUT_MODEL", "scripted/s.yaml")


@pytest.fixture
def asked(cli: Cli) -> list[str]:
    """The ids of three runs, the latest first."""
    for number in range(3):
        assert cli("run", "self-consistency", f"6 * 7? ({number})", "-p", "samples=3", "-q").stdout == "42\n"
    return [run["run"] for run in json.loads(cli("runs", "--json").stdout)]


def ids(cli: Cli, *args: str) -> list[str]:
    return [run["run"] for run in json.loads(cli("runs", "--json", *args).stdout)]


def test_a_store_moves_to_another_machine_and_back(cli: Cli, asked: list[str], home: Path) -> None:
    told = cli("store", "export", "all.jsonl.gz")
    assert told.stderr == "wrote 3 runs with 3 calls to all.jsonl.gz\n"
    assert cli("store", "import", "all.jsonl.gz", "--store", "b.db").stderr == "took in 3 runs with 3 calls\n"
    assert ids(cli, "--store", "b.db") == asked
    assert cli("store", "export", "again.jsonl.gz", "--store", "b.db").exit_code == 0
    assert (home / "all.jsonl.gz").read_bytes() == (home / "again.jsonl.gz").read_bytes()
    told = cli("store", "import", "all.jsonl.gz")
    assert told.stderr == "took in 0 runs with 0 calls\n3 were there already\n"
    assert cli("replay", asked[0], "-q", "--store", "b.db").stderr == "the replay agrees with the record\n"


def test_an_export_goes_through_a_pipe(cli: Cli, asked: list[str]) -> None:
    out = cli("store", "export", "-", "--run", asked[1][:11], "--run", "last").stdout_bytes
    assert out.startswith(b'{"rebut_store":1}\n')
    assert cli("store", "import", "-", "--store", "b.db", stdin=out).exit_code == 0
    assert ids(cli, "--store", "b.db") == asked[:2]
    packed = cli("store", "import", "-", "--store", "c.db", stdin=gzip.compress(out))
    assert packed.stderr.startswith("took in 2 runs")


def test_a_table_for_other_tools(cli: Cli, asked: list[str], home: Path) -> None:
    assert (
        cli("store", "export", "m.csv", "--table", "messages").stderr == "wrote 9 rows of messages to m.csv\n"
    )
    rows = list(csv.DictReader(io.StringIO((home / "m.csv").read_text())))
    assert [row["run"] for row in rows] == [run for run in reversed(asked) for _ in range(3)]
    assert {row["text"] for row in rows} == {"It must be 42. ANSWER: 42"}
    assert cli("store", "export", "r.jsonl", "--table", "runs", "--since", "1h").exit_code == 0
    runs = [json.loads(line) for line in (home / "r.jsonl").read_text().splitlines()]
    assert [(run["status"], run["calls"], run["answer"]) for run in runs] == [("finished", 3, '"42"')] * 3
    calls = cli("store", "export", "-", "--table", "calls").stdout
    assert len(calls.splitlines()) == 4 and calls.startswith("run,seq,path,")
    assert "possible endings: .csv" in cli("store", "export", "m.xlsx", "--table", "calls").stderr


def test_an_export_does_not_overwrite_unasked_and_leaves_no_half_file(
    cli: Cli, asked: list[str], home: Path
) -> None:
    (home / "x.jsonl").write_text("mine")
    assert "x.jsonl exists (--force overwrites it)" in cli("store", "export", "x.jsonl").stderr
    assert cli("store", "export", "x.jsonl", "--force", "--run", "nosuch").exit_code == 2
    assert (home / "x.jsonl").read_text() == "mine"
    assert not [file for file in home.iterdir() if file.name.endswith(".part")]
    assert cli("store", "export", "x.jsonl", "--force").exit_code == 0


def test_a_record_that_differs_is_named_and_the_exit_code_is_2(
    cli: Cli, asked: list[str], home: Path
) -> None:
    cli("store", "export", "x.jsonl", "--run", "last")
    body = (home / "x.jsonl").read_text()
    (home / "x.jsonl").write_text(body.replace("It must be 42", "It must be 43"))
    told = cli("store", "import", "x.jsonl")
    assert told.exit_code == 2
    assert f"error: run '{asked[0]}' is in the store with another record: it was left as it is" in told.stderr


WRONG = {
    "no file": (["import", "nosuch.jsonl"], "cannot read nosuch.jsonl: no such file or directory"),
    "no export": (["import", "s.yaml"], "s.yaml:1: not an export of a store"),
    "no store": (["info", "--store", "nosuch.db"], "there is no store at"),
    "none": (["gc", "--store", "none"], "runs are not kept (store is none)"),
    "date": (["export", "x", "--since", "monday"], "neither a date nor an age: 'monday'"),
    "keep": (["gc", "--keep", "3"], "choose some (--all chooses all)"),
    "server": (["backup", "x", "--store", "postgresql://u:pw@h/d"], "pg_dump --format=custom --file=x"),
}


@pytest.mark.parametrize(("args", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said(args: list[str], message: str, cli: Cli, home: Path) -> None:
    told = cli("store", *args)
    assert told.exit_code == 2
    assert message in told.stderr and "Traceback" not in told.stderr and "pw" not in told.stderr
    assert not (home / "nosuch.db").exists()


def test_a_backup_is_a_store(cli: Cli, asked: list[str]) -> None:
    told = cli("store", "backup", "copy.db")
    assert told.stderr.startswith("copied 3 runs with 3 calls to copy.db (")
    assert told.stderr.endswith("and checked the copy\n")
    assert ids(cli, "--store", "copy.db") == asked
    assert cli("store", "backup", "copy.db").exit_code == 2
    assert cli("store", "backup", "copy.db", "--force").exit_code == 0


def test_nothing_is_removed_without_yes(cli: Cli, asked: list[str]) -> None:
    told = cli("store", "gc", "--all", "--keep", "1")
    assert told.stdout.split() == ["WORKFLOW", "RUNS", "self-consistency", "2"]
    assert "would remove 2 runs with 2 calls, and " in told.stderr and told.stderr.endswith("--yes does it\n")
    assert ids(cli) == asked
    told = cli("store", "gc", "--all", "--keep", "1", "--yes")
    assert told.stderr.startswith("removed 2 runs with 2 calls, and ")
    assert "the store has now " in told.stderr
    assert ids(cli) == asked[:1]
    assert cli("replay", "last", "-q").exit_code == 0


def test_without_a_choice_no_run_is_removed(cli: Cli, asked: list[str]) -> None:
    assert cli("store", "gc", "--yes").stderr.startswith("removed 0 runs with 0 calls, and 0 texts\n")
    assert cli("store", "gc", "--failed", "--older-than", "0m", "--yes").exit_code == 0
    assert ids(cli) == asked
    said = json.loads(cli("store", "gc", "--older-than", "0m", "--json").stdout)
    assert said["removed"] is False and sorted(said["runs"]) == sorted(asked)


def test_info_counts_what_is_there(cli: Cli, asked: list[str], home: Path) -> None:
    said = json.loads(cli("store", "info", "--json").stdout)
    assert said["runs"] == {"finished": 3} and said["calls"] == 3 and said["trials"] == 0
    assert said["kind"] == "sqlite" and said["where"] == str(home / "home" / "rebut.db")
    assert said["size"] > 10_000 and said["oldest"] <= said["newest"]
    shown = cli("store", "info").stdout
    assert "runs          3 (3 finished)" in shown and "newest        20" in shown


def test_a_pipe_is_written_to_and_never_replaced(cli: Cli, asked: list[str], home: Path) -> None:
    pipe = home / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        assert cli("store", "export", "pipe").exit_code == 0
        assert read.result(10).endswith(b'{"rebut_store_end":3}\n')
    assert pipe.is_fifo()
    assert "is no file that can be overwritten" in cli("store", "backup", "pipe", "--force").stderr
    assert pipe.is_fifo()
