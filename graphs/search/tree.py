"""A tree of partial solutions: what each node holds, and the ways through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class TreeNode:
    """A partial solution.

    Attributes:
        id: its place in the order of making; 0 is the first root.
        unit: what it adds to its parent's text; `text` is the whole so far.
        logprob: natural-log probability of the unit; None where the back end told none.
        prior: its weight among its siblings, for rules of selection that use one.
        value: its own valuation; None before it is valued, and where its evaluators abstained.
        mean: what backup made of the values below it, itself included (Q).
        visits: how often a value was backed up through it, with shares from siblings (n).
        real: the same without such shares.
        reason: the evaluator's words, where it gave any.
        ended: whether the model had no more to say.
        done: whether the solution is complete, so that nothing is grown from it.
        closed: whether it is out of the search: a call failed, or nobody could value it.
        expansions: how often children were asked for; `dry` whether the last time gave none.
        call: path of the model call that wrote the unit.
    """

    id: int
    parent: TreeNode | None
    unit: str
    text: str
    depth: int = 0
    logprob: float | None = None
    prior: float = 1.0
    value: float | None = None
    mean: float = 0.0
    visits: float = 0.0
    real: int = 0
    reason: str = ""
    answer: str | None = None
    ended: bool = False
    done: bool = False
    closed: bool = False
    expansions: int = 0
    dry: bool = False
    call: str = ""
    children: list[TreeNode] = field(default_factory=list)

    @property
    def open(self) -> list[TreeNode]:
        """The children that are still in the search."""
        return [child for child in self.children if not child.closed]

    def path(self, root: TreeNode | None = None) -> list[TreeNode]:
        """The nodes from `root` (the first one if None) down to this one, both included."""
        found: list[TreeNode] = []
        node: TreeNode | None = self
        while node is not None:
            found.append(node)
            node = None if node is root else node.parent
        return found[::-1]

    def below(self) -> Iterator[TreeNode]:
        """This node and all that grew from it, parents before children."""
        todo: list[TreeNode] = [self]
        while todo:
            node = todo.pop()
            yield node
            todo.extend(reversed(node.children))

    @property
    def path_logprob(self) -> float | None:
        """The log-probability of all units from the first root; None where one is not known."""
        known = [node.logprob for node in self.path()[1:]]
        return None if None in known else sum(lp for lp in known if lp is not None)


class Tree:
    """All nodes of one search; `root` moves down when a unit is committed."""

    def __init__(self, text: str = "") -> None:
        self.nodes: list[TreeNode] = [TreeNode(0, None, "", text)]
        self.root = self.nodes[0]

    def add(self, parent: TreeNode, unit: str, text: str) -> TreeNode:
        """Grow a child."""
        node = TreeNode(len(self.nodes), parent, unit, text, parent.depth + 1)
        self.nodes.append(node)
        parent.children.append(node)
        return node

    def close(self, node: TreeNode) -> None:
        """Take a node out of the search, and every ancestor of whose children none is left."""
        node.closed = True
        parent = node.parent
        while parent is not None and parent.expansions and not parent.done and not parent.open:
            parent.closed = True
            parent = parent.parent

    def commit(self, child: TreeNode) -> None:
        """Make a child the root; its subtree is kept, its siblings are left behind."""
        assert child.parent is self.root, "a committed node is a child of the root"
        self.root = child
