"""No text makes `parse` raise anything but its own error, and no expression reaches what is private."""

from __future__ import annotations

import ast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rebut.errors import WorkflowError
from rebut.graphs.expressions import FUNCTIONS, Expression, ExpressionInvalid, parse
from rebut.records import Sample, Verdict

SCOPE = {
    "verdict": Verdict(decided=True, answer="4"),
    "chains": [Sample(text="a", answer="4"), Sample(text="b")],
    "params": {"n": 3, "name": "x"},
    "numbers": [1, 2.5, -3],
    "nothing": None,
}
TEXT = """
answer text __class__ _x mro model_dump n x y ( ) [ ] { } , . : + - * ** / // % < >= == != = ~ |
and or not in is if else for lambda await None True 1 2.5 1e308 99999999 'a' '%s' f'{x}' := # ü ０
"""
WORDS = [*FUNCTIONS, *SCOPE, *TEXT.split(), "\n", "\\", "\x00"]


def evaluated(source: str) -> None:
    try:
        expression = parse(source)
    except ExpressionInvalid as error:
        assert 0 <= error.offset < error.end <= max(len(source), 1)
        return
    harmless(expression)
    try:
        expression(SCOPE)
    except WorkflowError as error:
        assert len(str(error)) < 20_000


def harmless(expression: Expression) -> None:
    for node in ast.walk(expression.tree):
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
        if isinstance(node, ast.Name):
            assert not node.id.startswith("_")
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
@example("((((" * 60)
@example("-" * 1999)
@example("[" * 199)
@example("\\\n")
@example("'" * 3)
@example("0x")
@example("1_000_")
@example("1if 1else 2")
@example("\t\f x")
def test_any_text_is_read_or_refused(source: str) -> None:
    evaluated(source)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from([" ", ""]))
def test_any_words_are_read_or_refused(words: list[str], between: str) -> None:
    evaluated(between.join(words))


LEAVES = st.sampled_from(
    ["verdict", "chains", "params", "numbers", "nothing", "1", "0", "'a'", "2.5", "None", "[]"]
)
SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", ">=", "==", "in", "and", "or"])
FIELDS = st.sampled_from(["answer", "text", "n", "decided", "model_copy", "keys"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, SIGNS, inner),
        st.builds("{}.{}".format, inner, FIELDS),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}({})".format, st.sampled_from(sorted(FUNCTIONS)), inner),
        st.builds("{}({}, {})".format, st.sampled_from(sorted(FUNCTIONS)), inner, inner),
        st.builds("[x for x in {} if {}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("not {}".format, inner),
    )


@settings(max_examples=600, deadline=None)
@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_any_expression_evaluates_or_fails_as_a_workflow_error(source: str) -> None:
    evaluated(source)
