"""What expressions of a search node may read: one node of the tree, and where the search stands."""

from __future__ import annotations

import math

from rebut.records import Record

from .tree import TreeNode

COUNTS = ("iterations", "expanded", "evaluated", "nodes", "finished")
"""What `stop` may read beside `best` and `child`: how far a search has come."""


class Branch(Record):
    """A node of the tree, for `done`, `value`, `widen`, `priority` and `stop`, and for prompts.

    Attributes:
        depth: units from the start.
        text: the whole text so far; `unit` what was added last.
        value: its own valuation; `mean` what backup made of those below it; `visits` how often.
        prior: its weight among its siblings.
        probability: of the unit; `logprob` of all units from the start; None where not known.
        answer: the answer that the text states, or None.
        ended: whether the model had no more to say; `done` whether the solution is complete.
        children: how many it has, `unvisited` of them without a visit; `best` is the highest mean of the
            others, `gap` the furthest of a mean from the average; both None while no child was visited.
        above: visits of the parent.
        reason: what its evaluator said of it, where it gave words.
    """

    depth: int
    text: str
    unit: str
    value: float | None
    mean: float
    visits: float
    prior: float
    probability: float | None
    logprob: float | None
    answer: str | None
    ended: bool
    done: bool
    children: int
    unvisited: int
    best: float | None
    gap: float | None
    above: float
    reason: str


def branch(node: TreeNode) -> Branch:
    """The view of a node."""
    means = [child.mean for child in node.children if child.visits]
    middle = math.fsum(means) / len(means) if means else 0.0
    return Branch(
        depth=node.depth,
        text=node.text,
        unit=node.unit,
        value=node.value,
        mean=node.mean,
        visits=node.visits,
        prior=node.prior,
        probability=None if node.logprob is None else math.exp(min(node.logprob, 0.0)),
        logprob=node.path_logprob,
        answer=node.answer,
        ended=node.ended,
        done=node.done,
        children=len(node.children),
        unvisited=len(node.children) - len(means),
        best=max(means, default=None),
        gap=max((abs(m - middle) for m in means), default=None),
        above=node.parent.visits if node.parent is not None else node.visits,
        reason=node.reason,
    )
