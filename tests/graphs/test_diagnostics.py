"""The corpus of wrong files: each shows all its problems, just so.

Beside each ``wrong/*.yaml`` stands a ``.txt``: the codes, then the text as the user sees it. After a change
on purpose, run the tests with REBUT_REWRITE=1 and read the difference.
"""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import pytest

from rebut.graphs.diagnostics import Diagnostic, WorkflowInvalid, render
from rebut.graphs.loader import checks_of, loads
from rebut.graphs.spec import Span

WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))
WARNED = {"quorum_of_one", "unused", "weights_idle"}


def shown(problems: list[Diagnostic]) -> str:
    return f"# {' '.join(p.code for p in problems)}\n{render(problems)}\n"


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_file_says_just_this(path: Path, book: object) -> None:
    text = path.read_text("utf-8")
    said = shown(checks_of(text, path.name, roles=book))  # type: ignore[arg-type]
    snapshot = path.with_suffix(".txt")
    if os.environ.get("REBUT_REWRITE"):
        snapshot.write_text(said, "utf-8")
    assert said == snapshot.read_text("utf-8")
    if path.stem not in WARNED:
        with pytest.raises(WorkflowInvalid, match=re.escape(path.name)):
            loads(text, path.name, roles=book)  # type: ignore[arg-type]


def test_the_corpus_covers_every_kind_of_problem() -> None:
    codes = {
        code
        for path in WRONG
        for code in path.with_suffix(".txt").read_text("utf-8").split("\n")[0][2:].split()
    }
    sources = Path(__file__).parents[2] / "graphs"
    known = {
        code
        for file in [*sources.glob("*.py"), *sources.glob("checks/*.py")]
        for code in re.findall(r"(?:error|warn|_stop)\(\s*\"([a-z-]+)\"", file.read_text("utf-8"))
    }
    assert len(known) > 30
    assert known <= codes


def test_no_snapshot_is_left_without_its_file() -> None:
    stems = {path.stem for path in WRONG}
    assert {path.stem for path in WRONG[0].parent.glob("*.txt")} == stems
    assert len(stems) >= 45


def test_a_caret_run_stands_under_wide_letters_and_behind_tabs() -> None:
    line = "a:\t日本 wrong"
    text = Diagnostic(code="x", message="m", span=Span(7, 7, 12), line=line).render()
    assert text.split("\n")[2:] == ["7 | a: 日本 wrong", "  |         ^^^^^"]


def test_a_long_line_is_cut_around_the_caret() -> None:
    line = "x" * 500 + "WRONG" + "y" * 500
    text = Diagnostic(code="x", message="m", span=Span(1, 501, 506), line=line).render()
    shown_line, caret = text.split("\n")[2:]
    assert len(shown_line) < 160
    assert shown_line[caret.index("^") : caret.rindex("^") + 1] == "WRONG"


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    text = Diagnostic(code="x", message="m", span=Span(1, 1, 2), line="\x1b[31m\u202e").render()
    assert "\x1b" not in text and "\u202e" not in text


def test_the_error_keeps_its_problems_through_pickle() -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        loads("name: x", "f.yaml")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.diagnostics == caught.value.diagnostics
    assert str(again) == str(caught.value)
    assert {p.code for p in again.diagnostics} == {"missing-key"}
