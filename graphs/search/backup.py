"""What the value of a node tells of those above it."""

from __future__ import annotations

import math
from collections.abc import Callable

from .similarity import similarity
from .tree import TreeNode

Backup = Callable[[TreeNode, float, TreeNode], None]


def _mean(leaf: TreeNode, value: float, root: TreeNode) -> None:
    """Running mean of all values from here and below."""
    for node in leaf.path(root):
        _count(node)
        node.mean += (value - node.mean) / node.visits


def _max(leaf: TreeNode, value: float, root: TreeNode) -> None:
    """The highest value from here and below."""
    for node in leaf.path(root):
        _count(node)
        node.mean = value if node.real == 1 else max(node.mean, value)


def _children(leaf: TreeNode, value: float, root: TreeNode) -> None:
    """Of a leaf its own value, of others the mean of the children's, weighted with their visits."""
    for node in reversed(leaf.path(root)):
        _count(node)
        seen = [child for child in node.children if child.visits]
        if node is leaf or not seen:
            node.mean = value if node is leaf else node.mean
        else:
            node.mean = math.fsum(c.visits * c.mean for c in seen) / math.fsum(c.visits for c in seen)


def _none(leaf: TreeNode, value: float, root: TreeNode) -> None:
    """Each node keeps its own value; visits are counted."""
    for node in leaf.path(root):
        _count(node)
    leaf.mean = value


def _count(node: TreeNode) -> None:
    node.visits += 1
    node.real += 1


BACKUPS: dict[str, Backup] = {"none": _none, "mean": _mean, "max": _max, "children": _children}


def share(leaf: TreeNode, value: float, root: TreeNode, above: float, weight: float) -> None:
    """Let near twins learn from each other: siblings of the nodes from `leaf` up to below `root`.

    One that is at least `above` similar gets ``weight * similarity`` of a visit with this value (RAIN,
    arXiv:2309.07124, with 0.95 and 0.2, where the similarity is that of sentence embeddings).
    """
    for node in leaf.path(root)[1:]:
        assert node.parent is not None
        for twin in node.parent.open:
            if twin is node or (alike := similarity(node.unit, twin.unit)) < above:
                continue
            part = weight * alike
            twin.visits += part
            twin.mean += (value - twin.mean) * part / twin.visits
