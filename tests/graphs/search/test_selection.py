"""The rules of selection, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from rebut.graphs.search import selection
from rebut.graphs.search.tree import Tree, TreeNode


def family(*children: tuple[float, float], visits: float) -> tuple[Tree, list[TreeNode]]:
    """A root with so many visits and children with these means and visits."""
    tree = Tree()
    tree.root.visits = visits
    born = [tree.add(tree.root, f"u{i}", f"u{i}") for i in range(len(children))]
    for node, (mean, seen) in zip(born, children, strict=True):
        node.mean, node.visits = mean, seen
    return tree, born


def test_uct_is_mean_and_root_of_ln_over_visits() -> None:
    _, [node] = family((0.5, 4), visits=10)
    assert selection.uct(node, 1.0) == pytest.approx(0.5 + math.sqrt(math.log(10) / 4))
    assert selection.uct(node, 0.0) == 0.5


def test_rest_has_two_under_the_root_and_adds_to_the_value_of_the_unvisited() -> None:
    _, [node, new] = family((0.5, 4), (0.0, 0), visits=10)
    new.value = 0.3
    assert selection.rest(node, 0.7) == pytest.approx(0.5 + 0.7 * math.sqrt(2 * math.log(10) / 4))
    assert selection.rest(new, 0.7, 1.0) == pytest.approx(1.3)


def test_puct_weighs_its_exploration_with_the_visits_above() -> None:
    _, [node] = family((0.25, 3), visits=16)
    node.prior = 0.5
    weight = 1.25 + math.log((16 + 19652 + 1) / 19652)
    assert selection.puct(node, 1.25) == pytest.approx(0.25 + 0.5 * weight * 4 / 4)


def test_rain_normalises_means_over_the_tree() -> None:
    tree, [low, high, new] = family((-1.0, 2), (1.0, 1), (0.0, 0), visits=9)
    for node in (low, high, new):
        node.prior = 0.5
    span = selection.spread(tree.root)
    assert span == (-1.0, 1.0)
    assert selection.rain(low, *span) == pytest.approx(0.0 + 2 * 0.5 * 3 / 3)
    assert selection.rain(high, *span) == pytest.approx(2 / (2 + 1e-5) + 2 * 0.5 * 3 / 2)
    assert selection.rain(new, *span) == pytest.approx(2 * 0.5 * 3 / 1)


def test_equal_means_do_not_divide_by_zero() -> None:
    tree, [node] = family((0.7, 2), visits=4)
    assert selection.rain(node, *selection.spread(tree.root)) == pytest.approx(2 * 2 / 3)


def test_uct_prefers_the_unvisited_and_ties_go_to_the_prior_then_the_first() -> None:
    tree, [seen, one, two] = family((1.0, 5), (0.0, 0), (0.0, 0), visits=5)
    rule = lambda node: selection.uct(node, 1.41)  # noqa: E731
    assert selection.best_child(tree.root, rule) is one
    two.prior = 2.0
    assert selection.best_child(tree.root, rule) is two
    two.closed = one.closed = True
    assert selection.best_child(tree.root, rule) is seen


def test_a_walk_ends_at_a_leaf_or_where_it_is_stopped() -> None:
    tree, [left, right] = family((0.2, 1), (0.9, 1), visits=2)
    deep = tree.add(right, "x", "x")
    rule = lambda node: selection.uct(node, 0.0)  # noqa: E731
    assert selection.descend(tree.root, rule, lambda node: not node.open) is deep
    assert selection.descend(tree.root, rule, lambda node: node is right) is right
    assert left.children == []


def test_the_most_visited_child_leads_and_its_mean_decides_a_tie() -> None:
    tree, [one, two, three] = family((0.1, 3), (0.9, 3), (1.0, 1), visits=7)
    assert selection.leading(tree.root, "visits") is two
    assert selection.leading(tree.root, "mean") is three
    one.value = 5.0
    assert selection.leading(tree.root, "value") is one
    assert selection.most_visited(tree.root) is two


def test_nobody_leads_before_a_visit() -> None:
    tree, _ = family((0.0, 0), (0.0, 0), visits=0)
    assert selection.leading(tree.root, "visits") is None
    assert selection.best(tree.nodes) is None


def test_closing_the_last_child_closes_its_parent() -> None:
    tree, [one, two] = family((0.0, 0), (0.0, 0), visits=0)
    tree.root.expansions = 1
    tree.close(one)
    assert not tree.root.closed
    tree.close(two)
    assert tree.root.closed
