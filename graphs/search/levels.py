"""Searches that go level by level: which nodes of a level are grown from next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from .tree import TreeNode


def beam(nodes: Sequence[TreeNode], keep: int, threshold: float | None = None) -> list[TreeNode]:
    """The `keep` nodes of highest value (ties: the earlier one), those below the threshold left out."""
    valued = [n for n in nodes if not n.closed and n.value is not None]
    if threshold is not None:
        valued = [n for n in valued if n.value is not None and n.value >= threshold]
    return sorted(valued, key=lambda n: (-(n.value or 0.0), n.id))[:keep]


def resample(nodes: Sequence[TreeNode], keep: int, dice: Random) -> list[TreeNode]:
    """`keep` nodes drawn with replacement in proportion to their values (below 0 counts as 0; systematic).

    All values 0 count as equal. Particle filtering over solutions: Puri et al. 2025, arXiv:2502.01618.
    """
    alive = [n for n in nodes if not n.closed and n.value is not None]
    weights = [max(n.value or 0.0, 0.0) for n in alive]
    total = math.fsum(weights)
    if not alive:
        return []
    if total <= 0 or not math.isfinite(total):
        weights, total = [1.0] * len(alive), float(len(alive))
    step = total / keep
    at = dice.random() * step
    drawn: list[TreeNode] = []
    reached, index = weights[0], 0
    for k in range(keep):
        while reached < at + k * step and index < len(alive) - 1:
            index += 1
            reached += weights[index]
        drawn.append(alive[index])
    return drawn
