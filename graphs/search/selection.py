"""Which node of a tree is looked at next: the rules of the papers, letter by letter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .tree import TreeNode

Rule = Callable[[TreeNode], float]
"""The worth of a node among its siblings; the highest is followed."""

_GUARD = 1e-5
"""Keeps RAIN's normalised mean finite while all means are equal."""


def uct(node: TreeNode, c: float) -> float:
    """Q + c sqrt(ln N / n), N the parent's visits; infinite for a node without a visit.

    Kocsis and Szepesvari 2006; AlphaLLM (arXiv:2404.12253) takes c = 1, SWE-Search (2410.20285) 1.41.
    """
    if node.visits == 0:
        return math.inf
    return node.mean + c * math.sqrt(_ln(_above(node)) / node.visits)


def rest(node: TreeNode, c: float, unvisited: float = 1.0) -> float:
    """V + c sqrt(2 ln N / n); for a node without a visit V + `unvisited` (ReST-MCTS*, arXiv:2406.03816)."""
    if node.visits == 0:
        return (node.value or 0.0) + unvisited
    return node.mean + c * math.sqrt(2 * _ln(_above(node)) / node.visits)


def puct(node: TreeNode, c: float, base: float = 19652.0) -> float:
    """Q + P (c + ln((N + base + 1) / base)) sqrt(N) / (1 + n) (AlphaZero; Silver et al. 2018).

    With P = 1 this is the rule of arXiv:2502.07191.
    """
    above = _above(node)
    weight = c + math.log((above + base + 1) / base)
    return node.mean + node.prior * weight * math.sqrt(above) / (1 + node.visits)


def rain(node: TreeNode, low: float, high: float, c: float = 2.0) -> float:
    """q_hat + c P sqrt(N) / (1 + n) (RAIN, arXiv:2309.07124), with q_hat = (q - low) / (high - low + 1e-5).

    q_hat is 0 for a node without a visit; `low` and `high` are the means of the tree.
    """
    q_hat = (node.mean - low) / (high - low + _GUARD) if node.visits else 0.0
    return q_hat + c * node.prior * math.sqrt(_above(node)) / (1 + node.visits)


def spread(root: TreeNode) -> tuple[float, float]:
    """The lowest and highest mean of the visited nodes below the root; 0 and 0 where there are none."""
    means = [node.mean for node in root.below() if node is not root and node.visits]
    return (min(means), max(means)) if means else (0.0, 0.0)


def _above(node: TreeNode) -> float:
    return node.parent.visits if node.parent is not None else node.visits


def _ln(visits: float) -> float:
    return math.log(max(visits, 1.0))


def best_child(node: TreeNode, rule: Rule) -> TreeNode | None:
    """The open child of highest worth; ties go to the higher prior, then to the earlier one."""
    return max(node.open, key=lambda child: (rule(child), child.prior, -child.id), default=None)


def descend(root: TreeNode, rule: Rule, stops: Callable[[TreeNode], bool]) -> TreeNode:
    """The node at which a walk down from the root by the rule ends: a leaf, or the first that `stops` it."""
    node = root
    while not stops(node):
        child = best_child(node, rule)
        if child is None:
            break
        node = child
    return node


def leading(root: TreeNode, by: str) -> TreeNode | None:
    """The child of the root that would be committed, among those that have a value or a visit.

    ``visits``: the most visited (ties: higher mean); ``mean`` and ``value``: the highest one.
    """
    seen = [child for child in root.open if child.visits or child.value is not None]
    keys: dict[str, Callable[[TreeNode], tuple[float, float, int]]] = {
        "visits": lambda n: (n.visits, n.mean, -n.id),
        "mean": lambda n: (n.mean if n.visits else -math.inf, n.visits, -n.id),
        "value": lambda n: (-math.inf if n.value is None else n.value, n.mean, -n.id),
    }
    return max(seen, key=keys[by], default=None)


def best(nodes: Sequence[TreeNode]) -> TreeNode | None:
    """The node of highest value, the earliest of several; None where none has a value."""
    valued = [node for node in nodes if node.value is not None]
    return max(valued, key=lambda n: (n.value or 0.0, -n.id), default=None)


def most_visited(root: TreeNode) -> TreeNode:
    """Where a walk along the most visited children ends."""
    node = root
    while (child := leading(node, "visits")) is not None and child.visits:
        node = child
    return node
