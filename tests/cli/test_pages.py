"""Pages of documentation, made from workflow files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import rebut
from rebut.cli.pages import index, page
from rebut.graphs.loader import names

Cli = Callable[..., Result]
FOLDER = Path(__file__).parents[2] / "docs" / "workflows"
MINE = """
name: mine
title: Draw, then vote
about: For a test | with a bar.
inputs: [question, table]
params:
  samples: {default: 3, max: 5, help: how many}
  loud: false
agents: {solver: {role: solver, model: local/smollm2-135m}}
nodes:
  draw: {sample: solver, n: params.samples, save: samples}
edges: {start: draw, draw: end}
answer: majority(samples)
"""


def test_a_page_tells_what_a_file_says_and_how_its_calls_grow(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    text = cli("describe", str(tmp_path / "mine.yaml"), "--markdown").stdout
    assert text.startswith("# mine\n\n**Draw, then vote.**\n\nFor a test | with a bar.\n")
    assert f'$ rebut run {tmp_path / "mine.yaml"} "..." --input table=...' in text
    assert (
        "| `samples` | 3 (..5) how many |" in text and "| `solver` | `solver` | local/smollm2-135m |" in text
    )
    assert "| `draw` | sample solver | 1 | 3 | 3 |" in text
    assert "| `samples=5` | 5 | 5 |" in text and "loud=" not in text.split("## Cost")[1].split("##")[0]
    assert "flowchart TD" in text and text.rstrip().endswith(MINE.strip() + "\n```")


def test_a_page_of_a_file_gives_the_command_that_runs_it(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my flows").mkdir()
    text = MINE.replace("[question, table]", "[text, question]").replace("local/smollm2-135m", "local/a|b")
    (tmp_path / "my flows" / "two.yaml").write_text(text)
    (tmp_path / "two.yaml").write_text(text)
    told = cli("describe", "two.yaml", "--markdown").stdout
    assert '$ rebut run two.yaml "..." --input question=...\n' in told
    assert "| local/a\\|b |" in told
    assert "$ rebut run 'my flows/two.yaml' \"" in cli("describe", "my flows/two.yaml", "--markdown").stdout


@pytest.mark.parametrize("name", names())
def test_the_page_of_a_library_workflow_is_that_of_its_file(name: str) -> None:
    path = FOLDER / f"{name}.md"
    assert path.exists() and path.read_text("utf-8") == page(rebut.load(name)), "run `python docs/build.py`"


def test_the_list_of_pages_holds_the_library_and_no_other() -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    assert text == index(map(rebut.load, names())), "run `python docs/build.py`"
    assert {path.stem for path in FOLDER.glob("*.md")} == {*names(), "README"}
