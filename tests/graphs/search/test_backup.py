"""Backup: hand-worked trees, and laws that hold for any tree."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.graphs.search.backup import BACKUPS, share
from rebut.graphs.search.selection import descend, uct
from rebut.graphs.search.similarity import similarity
from rebut.graphs.search.tree import Tree, TreeNode


def test_the_mean_of_two_branches_meets_at_the_root() -> None:
    tree = Tree()
    a, b = tree.add(tree.root, "a", "a"), tree.add(tree.root, "b", "b")
    for leaf, value in ((a, 1.0), (b, 0.0), (a, 0.5)):
        BACKUPS["mean"](leaf, value, tree.root)
    assert (a.mean, a.visits, b.mean, b.visits) == (0.75, 2, 0.0, 1)
    assert tree.root.mean == pytest.approx(0.5)
    assert tree.root.visits == 3


def test_the_maximum_stays() -> None:
    tree = Tree()
    a = tree.add(tree.root, "a", "a")
    b = tree.add(a, "b", "ab")
    for leaf, value in ((b, -1.0), (a, -3.0)):
        BACKUPS["max"](leaf, value, tree.root)
    assert (tree.root.mean, a.mean, b.mean) == (-1.0, -1.0, -1.0)


def test_a_parent_is_the_mean_of_its_children_by_their_visits() -> None:
    tree = Tree()
    a, b = tree.add(tree.root, "a", "a"), tree.add(tree.root, "b", "b")
    for leaf, value in ((a, 0.9), (b, 0.3), (b, 0.3)):
        BACKUPS["children"](leaf, value, tree.root)
    assert tree.root.mean == pytest.approx((0.9 + 2 * 0.3) / 3)


def test_without_backup_only_visits_are_counted() -> None:
    tree = Tree()
    a = tree.add(tree.root, "a", "a")
    BACKUPS["none"](a, 0.4, tree.root)
    assert (a.mean, tree.root.mean, tree.root.visits) == (0.4, 0.0, 1)


def test_nothing_is_told_above_the_root_that_was_committed() -> None:
    tree = Tree()
    a = tree.add(tree.root, "a", "a")
    b = tree.add(a, "b", "ab")
    tree.commit(a)
    BACKUPS["mean"](b, 1.0, tree.root)
    assert (a.visits, tree.nodes[0].visits) == (1, 0)


def test_twins_share_a_part_of_a_visit() -> None:
    tree = Tree()
    one, twin, other = (
        tree.add(tree.root, unit, unit) for unit in ("I am so glad", "i am so glad", "Go away")
    )
    BACKUPS["mean"](one, 1.0, tree.root)
    share(one, 1.0, tree.root, 0.95, 0.2)
    assert twin.visits == pytest.approx(0.2)
    assert (twin.mean, twin.real) == (1.0, 0)
    assert other.visits == 0
    share(one, -1.0, tree.root, 0.95, 0.2)
    assert twin.mean == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [("", "", 1.0), ("a", "", 0.0), ("a b", "a c", 0.5), ("A b.", "a B.", 1.0), (" ", "  ", 0.0)],
)
def test_likeness_is_of_words(a: str, b: str, alike: float) -> None:
    assert similarity(a, b) == alike == similarity(b, a)


def simulated(seed: int, rounds: int) -> tuple[Tree, dict[int, list[float]]]:
    """A tree grown by UCT over random values, and the values that were backed up at each node."""
    dice, tree = Random(seed), Tree()
    told: dict[int, list[float]] = {}
    for _ in range(rounds):
        leaf = descend(tree.root, lambda n: uct(n, 1.0), lambda n: not n.open)
        for _ in range(dice.randint(1, 3)):
            child = tree.add(leaf, "u", "u")
            value = dice.uniform(-1, 1)
            told[child.id] = [value]
            BACKUPS["mean"](child, value, tree.root)
    return tree, told


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_visits_are_conserved_and_means_are_averages(seed: int, rounds: int) -> None:
    tree, told = simulated(seed, rounds)
    for node in tree.nodes:
        below = [value for n in node.below() for value in told.get(n.id, [])]
        assert node.visits == node.real == len(below)
        assert node.visits == len(told.get(node.id, [])) + sum(c.visits for c in node.children)
        assert node.mean == pytest.approx(math.fsum(below) / len(below))


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_uct_leaves_no_sibling_unvisited(seed: int, rounds: int) -> None:
    tree, _ = simulated(seed, rounds)
    grown = [node for node in tree.nodes if node.children]

    def unseen(node: TreeNode) -> bool:
        return any(not child.visits for child in node.children)

    assert not any(unseen(node) for node in grown)
