"""YAML with positions: every scalar knows its place, also within folded and quoted texts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.graphs.diagnostics import Problems
from rebut.graphs.loader import checks_of
from rebut.graphs.source import Listing, Scalar, Table, read, within

TEXT = """\
plain: one two
quoted: "é one"
single: 'it''s one'
folded: >-
  first
  one
literal: |
    first
    one
long plain:
  first
  one
list: [one]
"""


def table(text: str) -> Table:
    problems = Problems("f", text)
    piece = read(text, problems)
    assert isinstance(piece, Table) and not problems.found
    return piece


def test_a_word_is_found_in_every_style_of_scalar() -> None:
    for key, piece in table(TEXT).entries:
        scalar = piece.items[0] if isinstance(piece, Listing) else piece
        assert isinstance(scalar, Scalar), key
        offset = scalar.text.index("one")
        span = within(scalar, offset, offset + 3)
        if key.text != "single":  # an escaped quote before the word: the place is near, not exact
            assert TEXT.split("\n")[span.line - 1][span.column - 1 : span.end - 1] == "one", key.text


def test_merges_fill_in_and_never_override() -> None:
    piece = table("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nmany: {z: 4, <<: [*b, {x: 5, w: 6}]}")
    use, many = piece.get("use"), piece.get("many")
    assert isinstance(use, Table) and isinstance(many, Table)
    assert {k.text: v.value for k, v in use.entries} == {"x": 1, "y": 3}  # type: ignore[union-attr]
    assert {k.text: v.value for k, v in many.entries} == {"x": 1, "y": 2, "w": 6, "z": 4}  # type: ignore[union-attr]


def test_nesting_without_end_is_refused_in_no_time() -> None:
    for text in ("[" * 900_000, "{a: " * 200_000, "- " * 400_000, "? " * 300_000):
        assert [p.code for p in checks_of(text)] in (["too-deep"], ["yaml"])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_workflow_or_has_problems(text: str) -> None:
    assert all(problem.render() for problem in checks_of(text))


LINES = """\
name: x
params: {a: 1}
agents: {w: solver}
agents: [
nodes:
  a: {ask: w, save: d}
  b: {set: {x: d.answer}}
  c: {vote: "[d]", save: e}
  d: 5
edges:
  start: a
  a: b
  a: [b, c]
  b: [{when: x, to: a}, {to: end}]
  c: end
  b: end
answer: d.answer
answer: [1]
fallback: x
budget: {calls: 1}
inputs: [question, question]
  : 1
- x
&a
*a
  <<: {a: 1}
""".splitlines()


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=16))
def test_any_lines_of_workflows_are_checked_without_a_crash(lines: list[str]) -> None:
    assert all(problem.render() for problem in checks_of("\n".join(lines)))
