"""``search``: a tree of partial solutions, grown and valued round by round until one is chosen.

All calls of a round end before anything is decided, so that a replay takes the same decisions.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from rebut.errors import WorkflowError
from rebut.records import Found, Sample, Twig

from ...agents.answers import extract
from ..context import RunContext, Scope
from ..search import levels
from ..search.backup import share
from ..search.defaults import LEVELS
from ..search.selection import best, descend, leading, most_visited
from ..search.slots import slots_of
from ..search.tree import Tree, TreeNode
from ..search.views import branch
from . import Work
from .common import demand, saved, whole
from .search_units import Searching, grow, weigh
from .search_values import Valuing

if TYPE_CHECKING:
    from ..spec import SearchNode

_SHOWN = 80
"""Characters of a unit that stand in a tree for viewers."""


def searching(node: SearchNode) -> Work:
    """The work of a `search` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        search = Searching(
            node=node,
            run=run,
            scope=scope,
            visit=visit,
            slots=slots_of(node, scope, whole),
            budget=run.limits(node.name, node.budget, scope),
            tree=Tree(_beginning(node, scope)),
        )
        return saved(node.save, await _Loop(search).run())

    return work


def _beginning(node: SearchNode, scope: Scope) -> str:
    value = "" if node.root is None else node.root(scope)
    text = getattr(value, "text", value)
    if not isinstance(text, str):
        kind = "None" if value is None else type(value).__name__
        raise WorkflowError(f"root of node {node.name!r} must be a text or a sample, it is {kind}")
    return text


class _Loop:
    """The rounds of one search."""

    def __init__(self, search: Searching) -> None:
        self.search, self.node, self.slots, self.tree = search, search.node, search.slots, search.tree
        self.valuing = Valuing(search)
        self.iterations = 0
        self.reason = "exhausted"
        self.frontier: list[TreeNode] = []

    async def run(self) -> Found:
        if not await self._good_from_the_start():
            await self._look()
        if self.search.spent:
            self.reason = "budget"
        return await self._found()

    async def _good_from_the_start(self) -> bool:
        """Value the response that is to be bettered; true where `stop` holds of it already."""
        root = self.tree.root
        if self.node.root is None or self.node.unit != "whole":
            return False
        await self.valuing.value([root])
        root.closed = False  # a beginning that nobody can value can be bettered all the same
        return root.value is not None and self._holds()

    async def _look(self) -> None:
        if self.slots.select in LEVELS:
            await self._by_levels()
        elif self.slots.select == "dfs":
            await self._in_depth()
        elif self.slots.select == "best":
            await self._best_first()
        elif self.node.commit is not None:
            await self._unit_by_unit()
        else:
            await self._walks(self.slots.iterations)

    # What the ways of searching share

    async def _grow(self, wanted: list[tuple[TreeNode, int]]) -> list[list[TreeNode]]:
        """Children of each node, valued."""
        born = await grow(self.search, wanted)
        await self.valuing.value([child for family in born for child in family])
        return born

    def _stopped(self) -> bool:
        """Whether `stop` ends the search, or the budget does."""
        return self.search.spent or self._holds()

    def _holds(self) -> bool:
        if self.node.stop is None:
            return False
        top = best(list(self.tree.root.below())[1:]) or (
            self.tree.root if self.tree.root.value is not None else None
        )
        child = leading(self.tree.root, self.node.commit or "value")
        if top is None or (child is None and "child" in self.node.stop.names):
            return False
        counts = {
            "iterations": self.iterations,
            "expanded": self.search.expanded,
            "evaluated": self.search.evaluated,
            "nodes": len(self.tree.nodes),
            "finished": len(self._leaves()),
        }
        bound = {**counts, "best": branch(top), "child": None if child is None else branch(child)}
        held = bool(self.node.stop({**self.search.scope, **bound}))
        if held:
            self.reason = "stopped"
        return held

    # Level by level

    async def _by_levels(self) -> None:
        slots, ahead = self.slots, [self.tree.root]
        for level in range(slots.depth):
            growing = [node for node in ahead if self.search.growable(node)]
            if not growing:
                self.reason = "finished" if ahead and all(node.done for node in ahead) else "exhausted"
                break
            self.iterations += 1
            self.reason = "depth"
            wanted = self._wanted(growing, level)
            before = [node for node in ahead if node.done]
            born = [child for family in await self._grow(wanted) for child in family]
            if slots.select == "beam":
                ahead = levels.beam([*before, *born], slots.keep, slots.threshold)
            else:
                dice = Random(self.search.run.seed_for(self.search.path(f"level{level}")))
                ahead = levels.resample([*before, *born], slots.keep, dice)
            self.frontier = ahead or self.frontier
            if self._stopped():
                break
            if ahead and all(node.done for node in ahead):
                self.reason = "finished"
                break

    def _wanted(self, growing: list[TreeNode], level: int) -> list[tuple[TreeNode, int]]:
        """How many children each node gets; a particle that was drawn twice gets twice as many."""
        width = self.search.width(level)
        if self.slots.select == "beam":
            return [(node, width) for node in growing]
        unique = list(dict.fromkeys(growing))
        first = self.slots.keep if level == 0 else 1
        return [(node, width * growing.count(node) * first) for node in unique]

    # Node by node

    async def _in_depth(self) -> None:
        stack = [self.tree.root]
        while stack and self.iterations < self.slots.iterations:
            node = stack.pop()
            if not self.search.growable(node):
                continue
            self.iterations += 1
            [born] = await self._grow([(node, self.search.width(node.depth))])
            ranked = levels.beam(born, self.slots.follows or len(born), self.slots.threshold)
            stack.extend(reversed(ranked))
            if self._stopped():
                return
        if any(self.search.growable(node) for node in stack):
            self.reason = "iterations"

    async def _best_first(self) -> None:
        while self.iterations < self.slots.iterations:
            picks = self._best_open(min(self.slots.wave, self.slots.iterations - self.iterations))
            if not picks:
                return
            self.iterations += len(picks)
            await self._grow([(node, self.search.width(node.depth)) for node in picks])
            if self._stopped():
                return
        self.reason = "iterations" if self._best_open(1) else "exhausted"

    def _best_open(self, count: int) -> list[TreeNode]:
        root = self.tree.root
        if not root.expansions:
            return [root]
        ahead = [n for n in self.tree.nodes if n is not root and not n.expansions and self.search.growable(n)]
        return levels.beam(ahead, count, self.slots.threshold)

    # Walks down from the root

    async def _unit_by_unit(self) -> None:
        assert self.node.commit is not None
        while True:
            root, fresh = self.tree.root, self.slots.fresh
            limit = self.slots.iterations if fresh is None else max(self.slots.iterations - root.real, fresh)
            await self._walks(limit)
            child = leading(self.tree.root, self.node.commit)
            if child is None:
                self.reason = "exhausted"
                return
            self.tree.commit(child)
            weigh(self.search, child)
            if child.done or child.depth >= self.slots.depth or self.search.spent:
                self.reason = "finished" if child.done else "depth"
                return

    async def _walks(self, limit: int) -> None:
        """Simulations from the root: select, grow, value, back up."""
        at_leaf = self.node.evaluate == "leaf"
        if at_leaf and not self.tree.root.expansions:
            await grow(self.search, [(self.tree.root, self.search.width(self.tree.root.depth))])
        done = 0
        self.reason = "iterations"
        while done < limit and not self.search.spent:
            picks = self._picks(min(self.slots.wave, limit - done))
            if not picks:
                self.reason = "exhausted"
                return
            done += len(picks)
            self.iterations += len(picks)
            await (self._value_leaves(picks) if at_leaf else self._value_children(picks))
            if self._stopped():
                return

    def _picks(self, count: int) -> list[TreeNode]:
        """Different nodes for one round; a visit under way counts as made, so that walks part."""
        picks: list[TreeNode] = []
        root = self.tree.root
        for _ in range(count):
            rule = self.slots.rule(root, self.node, self.search.scope)
            leaf = descend(root, rule, lambda node: not node.open or self._wider(node) > 0)
            if leaf in picks or leaf.closed or (leaf is root and root.expansions and not self._wider(root)):
                break
            picks.append(leaf)
            for node in leaf.path(root):
                node.visits += 1
        for leaf in picks:
            for node in leaf.path(root):
                node.visits -= 1
        return picks

    def _wider(self, node: TreeNode) -> int:
        """How many children a node lacks by `widen`."""
        if self.node.widen is None or not node.expansions or node.dry or not self.search.growable(node):
            return 0
        wanted = self.node.widen({**self.search.scope, "node": branch(node)})
        if isinstance(wanted, bool) or not isinstance(wanted, int | float) or wanted != wanted:
            raise WorkflowError(f"widen of node {self.node.name!r} must be a number, it is {wanted!r}")
        return max(int(min(wanted, self.slots.widest)) - len(node.children), 0)

    def _due(self, picks: list[TreeNode]) -> list[tuple[TreeNode, int]]:
        """The picks that are grown, and by how many."""
        due: list[tuple[TreeNode, int]] = []
        for node in filter(self.search.growable, picks):
            count = self._wider(node) if node.expansions else self.search.width(node.depth)
            if count:
                due.append((node, count))
        return due

    async def _value_children(self, picks: list[TreeNode]) -> None:
        due = self._due(picks)
        born = await self._grow(due)
        families = {node.id: family for (node, _), family in zip(due, born, strict=True)}
        for node in picks:
            for child in families.get(node.id, [node]):
                self._back_up(child)

    async def _value_leaves(self, picks: list[TreeNode]) -> None:
        """The leaf itself is valued, or the first child by which a node was widened."""
        due = self._due(picks)
        widened = {node.id for node in picks if node.children}
        born = await grow(self.search, due, closing=False)
        families = {node.id: family for (node, _), family in zip(due, born, strict=True)}
        leaves = [
            child
            for node in picks
            for child in (families.get(node.id, [])[:1] if node.id in widened else [node])
        ]
        await self.valuing.value(leaves)
        for leaf in leaves:
            self._back_up(leaf)

    def _back_up(self, leaf: TreeNode) -> None:
        if leaf.value is None or leaf is self.tree.root:
            return
        self.slots.backup(leaf, leaf.value, self.tree.root)
        if self.slots.share is not None:
            share(leaf, leaf.value, self.tree.root, self.slots.share, self.slots.share_weight)

    # What is given

    def _leaves(self) -> list[TreeNode]:
        """All complete solutions that were valued."""
        every = self.node.unit == "whole"
        return [
            n for n in self.tree.nodes
            if n.value is not None and (n.done or every)
        ]  # fmt: skip

    def _chosen(self) -> TreeNode | None:
        if self.node.commit is not None:
            return self.tree.root if self.tree.root.parent is not None else None
        if self.node.output == "visited":
            node = most_visited(self.tree.root)
            good = self.reason == "stopped" and node.value is not None  # a root that nothing was grown from
            return node if node.parent is not None or good else None
        leaves = self._leaves()
        if self.node.output == "vote" and leaves:
            return self._voted(leaves)
        if leaves:
            return best(leaves)
        return best(self.frontier) or best(self.tree.nodes[1:])

    def _voted(self, leaves: list[TreeNode]) -> TreeNode | None:
        from ...agents.voting import vote

        answers = [extract(leaf.text, self.search.run.kind) for leaf in leaves]
        weights = [max(leaf.value or 0.0, 0.0) for leaf in leaves]
        ballot = vote(answers, weights=weights, kind=self.search.run.kind, rule="weighted")
        return best(leaves) if ballot.winner is None else leaves[ballot.winner]

    async def _found(self) -> Found:
        search = self.search
        chosen = await search.run.think(self._chosen)
        if chosen is None:
            demand(
                search.run,
                self.node.name,
                0,
                1,
                max(len(search.errors), len(self.tree.nodes) - 1, 1),
                search.errors,
            )
            raise AssertionError("a search that found nothing misses its quorum")
        if search.abstained:
            text = f"{search.abstained} of {search.abstained + search.evaluated} nodes could not be valued"
            search.run.note(self.node.name, "abstained", text, {"abstained": search.abstained})
        return Found(
            best=self._sample(chosen),
            value=chosen.value,
            units=tuple(node.unit for node in chosen.path()[1:]),
            leaves=tuple(self._sample(leaf) for leaf in self._leaves()),
            depth=chosen.depth,
            nodes=len(self.tree.nodes),
            expanded=search.expanded,
            evaluated=search.evaluated,
            iterations=self.iterations,
            abstained=search.abstained,
            failed=len(search.errors),
            reason=self.reason,
            tree=tuple(self._twig(node) for node in self.tree.nodes),
        )

    def _sample(self, node: TreeNode) -> Sample:
        agent = self.search.run.agents[self.node.agent]
        return Sample(
            text=node.text,
            answer=extract(node.text, self.search.run.kind),
            agent=agent.name,
            model=agent.model,
            index=node.id,
            visit=self.search.visit,
            score=node.value,
            call=node.call,
        )

    def _twig(self, node: TreeNode) -> Twig:
        kept = node is not self.tree.nodes[0] and node in self.tree.root.path()
        state = "committed" if kept and self.node.commit else "done" if node.done else ""
        unit = node.unit if len(node.unit) <= _SHOWN else node.unit[: _SHOWN - 1] + "…"
        return Twig(
            id=node.id,
            parent=None if node.parent is None else node.parent.id,
            unit=unit,
            value=node.value,
            mean=node.mean,
            visits=node.visits,
            prior=node.prior,
            state=state or ("closed" if node.closed else "open"),
            call=node.call,
        )
