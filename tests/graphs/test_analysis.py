"""Bounds of loops, joins, worlds, and what is surely written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rebut.agents.roles import RoleBook
from rebut.graphs.analysis import free_cycles, join_of, loop_bounds, surely_written, way
from rebut.graphs.expressions import parse
from rebut.graphs.guards import bounds, worlds
from rebut.graphs.loader import checks_of, load, loads
from rebut.graphs.spec import EdgeSpec, Fork, Span, WorkflowSpec

HERE = Span(1, 1, 2)


def edges(*conditions: str | None) -> tuple[EdgeSpec, ...]:
    return tuple(EdgeSpec(to="x", when=parse(c) if c else None, span=HERE) for c in conditions)


def found(*conditions: str | None) -> list[tuple[str, str, bool]]:
    """Bounds of the last edge of a list."""
    given = edges(*conditions)
    return [(b.node, b.bound.source, b.strict) for b in bounds(given, len(given) - 1)]


@pytest.mark.parametrize(
    ("conditions", "bound"),
    [
        (("visits.a < 3",), ("a", "3", True)),
        (("visits.a <= params.n",), ("a", "params.n", False)),
        (("params.n > visits.a",), ("a", "params.n", True)),
        (("3 >= visits.a",), ("a", "3", False)),
        (("visits.a == 1",), ("a", "1", False)),
        (("not visits.a >= 3",), ("a", "3", True)),
        (("done or visits.a >= 3", None), ("a", "3", True)),
        (("visits.a > 3", None), ("a", "3", False)),
        (("x and visits.a < 3 and y",), ("a", "3", True)),
        (("not (x or visits.a >= 3)",), ("a", "3", True)),
        (("0 < visits.a < 5",), ("a", "5", True)),
        (("visits.a + 1 < params.n",), ("a", "params.n - 1", True)),
        (("visits.a - 1 <= 2",), ("a", "2 + 1", False)),
        (("visits.a < 2 or visits.a < params.n",), ("a", "max(2, params.n)", True)),
        (("visits.a < len(params.xs)",), ("a", "len(params.xs)", True)),
        (("visits.a != 3", None), ("a", "3", False)),
    ],
)
def test_a_bound_is_seen_through_and_or_and_not(
    conditions: tuple[str | None, ...], bound: tuple[str, str, bool]
) -> None:
    assert bound in found(*conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        ("visits.a > 3",),
        ("visits.a < 3", None),
        ("visits.a < 3 or x",),
        ("x and visits.a >= 3", None),
        ("visits.a < len(drafts)",),
        ("visits.a < visits.b",),
        ("not (visits.a < 3)",),
        ("visits.a * 2 < 3",),
        ("(0 < visits.a < 5) == False",),
        ("0 < visits.a < 5", None),
    ],
)
def test_what_is_no_bound_is_not_taken_for_one(conditions: tuple[str | None, ...]) -> None:
    assert found(*conditions) == []


def flow(text: str, params: str = "") -> WorkflowSpec:
    names = dict.fromkeys(word for line in text.split("\n") for word in [line.split(":")[0].strip()] if word)
    nodes = "\n".join(f"  {n}: {{set: {{{n}_out: '1'}}}}" for n in names if n not in ("start", ""))
    return loads(f"name: flow\n{params}\nnodes:\n{nodes}\nedges:\n{text}\nanswer: '1'\n")


def test_nested_loops_are_bounded_one_after_the_other() -> None:
    spec = flow(
        "  start: a\n  a: b\n  b: [{when: visits.b < 9, to: b}, {when: visits.a < 3, to: a}, {to: end}]"
    )
    assert {key: b.node for key, b in loop_bounds(spec).items()} == {("b", 0): "b", ("b", 1): "a"}
    assert free_cycles(spec) == []


def test_a_guard_on_an_edge_that_is_on_no_cycle_is_no_bound_of_a_loop() -> None:
    spec = flow("  start: a\n  a: [{when: visits.a < 3, to: b}, {to: end}]\n  b: end")
    assert loop_bounds(spec) == {}


def test_a_loop_around_the_counted_node_is_not_bounded() -> None:
    text = (
        "name: flow\nnodes:\n  a: {set: {x: '1'}}\n  b: {set: {y: '1'}}\n  c: {set: {z: '1'}}\n"
        "edges:\n  start: a\n  a: b\n  b: c\n"
        "  c: [{when: visits.a < 3, to: b}, {to: end}]\nanswer: '1'\n"
    )
    assert [p.code for p in checks_of(text)] == ["loop"]


def test_conditions_that_exclude_each_other_make_no_loop() -> None:
    text = (
        "name: flow\nparams: {{first: {{default: a, choices: [a, b]}}}}\n"
        "nodes:\n  a: {{set: {{x: '1'}}}}\n  b: {{set: {{y: '1'}}}}\nedges:\n"
        "  start: [{{when: params.first == 'a', to: a}}, {{to: b}}]\n"
        "  a: [{{when: params.first == 'a', to: b}}, {{to: end}}]\n"
        "  b: [{{when: params.first == '{}', to: a}}, {{to: end}}]\nanswer: '1'\n"
    )
    assert checks_of(text.format("b")) == []
    assert [p.code for p in checks_of(text.format("a"))] == ["loop"]


def test_worlds_are_the_values_of_the_parameters_that_conditions_read() -> None:
    spec = flow(
        "  start: [{when: params.on, to: a}, {when: params.level > 2, to: b}, {to: end}]\n"
        "  a: [{when: params.mode == 'x', to: b}, {when: not params.level > 2, to: b}, {to: end}]\n  b: end",
        "params: {on: true, level: 1, mode: {default: x, choices: [x, y, z]}, other: 5}",
    )
    assert len(worlds(spec)) == 2 * 3 * 2


def test_many_conditions_do_not_make_many_worlds() -> None:
    listed = ", ".join(f"{{when: params.p{i} > {i}, to: a}}" for i in range(40))
    spec = flow(
        f"  start: [{listed}, {{to: a}}]\n  a: end",
        "params: {" + ", ".join(f"p{i}: 1" for i in range(40)) + "}",
    )
    assert len(worlds(spec)) <= 128


def test_both_branches_have_written_where_they_meet() -> None:
    spec = flow("  start: [a, b]\n  a: c\n  b: [{when: visits.b < 2, to: b}, {to: c}]\n  c: end")
    assert spec.edges["start"] == Fork(to=("a", "b"), join="c")
    written = surely_written(spec, worlds(spec)[0])
    assert written.before["c"] >= {"a_out", "b_out", "question"}
    assert "b_out" not in written.before["a"] and "a_out" not in written.before["b"]


def test_only_what_every_way_writes_is_surely_written() -> None:
    spec = flow("  start: a\n  a: [{when: visits.a < 2, to: b}, {to: c}]\n  b: c\n  c: end")
    written = surely_written(spec, worlds(spec)[0])
    assert written.before["c"] == {"question", "a_out"}
    assert written.after["c"] == {"question", "a_out", "c_out"}


def test_the_join_is_the_nearest_node_that_all_ways_pass() -> None:
    graph = {"f": ("a", "b"), "a": ("x", "y"), "b": ("y",), "x": ("y",), "y": ("z",), "z": ("end",)}
    assert join_of(graph, "f") == "y"
    assert join_of({"f": ("a", "b"), "a": ("end",), "b": ("end",)}, "f") == "end"
    assert join_of({"f": ("a", "b"), "a": ("a",), "b": ("a",)}, "f") is None


def test_a_way_is_a_shortest_one() -> None:
    graph = {"a": ("b", "c"), "b": ("d",), "c": ("b",), "d": ("a",)}
    assert way(graph, "a", "d") == ["a", "b", "d"]
    assert way(graph, "a", "a") == ["a", "b", "d", "a"]
    assert way(graph, "a", "d", lambda name: name != "b") is None


def test_forks_of_uneven_branches_among_loops_come_to_an_end() -> None:
    """A file on which the walk over what is written once went round for ever."""
    path = Path(__file__).parent / "real" / "forks_of_uneven_branches_among_loops.yaml"
    assert load(path, roles=RoleBook()).nodes
