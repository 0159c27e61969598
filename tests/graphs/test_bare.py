"""What of a workflow's file decides how it runs."""

from __future__ import annotations

import pytest

from rebut.graphs.bare import bare

FILE = """\
name: twice
title: Two looks
about: Looks twice.
params:
  n: {default: 2, min: 1, help: looks}
agents: {solver: solver}
nodes: {look: {ask: solver, save: draft}}
edges: {start: look, look: end}
answer: draft.answer
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Two looks", "A title"),
        ("about: Looks twice.\n", ""),
        ("help: looks", "help: how often"),
        (", help: looks", ""),
        ("answer:", "# the end\nanswer:  "),
        ("{solver: solver}", "\n  solver: solver"),
    ],
)
def test_words_for_readers_and_layout_change_nothing(old: str, new: str) -> None:
    assert old in FILE and bare(FILE.replace(old, new)) == bare(FILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("default: 2", "default: 3"),
        ("default: 2", "default: '2'"),
        ("ask: solver", "ask: other"),
        ("draft.answer", "draft"),
        ("{ask: solver, save: draft}", "{save: draft, ask: solver}"),
    ],
)
def test_all_else_is_another_workflow(old: str, new: str) -> None:
    assert old in FILE and bare(FILE.replace(old, new)) != bare(FILE)


def test_a_file_that_cannot_be_read_stands_for_itself() -> None:
    assert bare("a: [") == "a: ["
