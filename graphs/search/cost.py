"""How much a search can ask for at most, from its slots alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..expressions import Expression
from .defaults import DEFAULTS, LEVELS, WALKS

if TYPE_CHECKING:
    from ..spec import SearchNode

_CONSTANT = frozenset({"params", "kind", "depth"})
_MOST = 10**9


class Unbounded(Exception):
    """A slot hangs on what only a run can tell; the text is its key."""


@dataclass(frozen=True, slots=True)
class SearchCost:
    """Upper bounds for one visit.

    Attributes:
        proposed: completions asked of the proposing agent for children.
        rolled: completions that carry texts on.
        valued: texts that are valued; each is put to every evaluator `asks` times.
        asks: votes, twice where options are swapped.
        rounds: proposals one after another; `rolls` and `values` are the same behind each of them.
    """

    proposed: int
    rolled: int
    valued: int
    asks: int
    rounds: int
    rolls: int
    values: int


def cost_of(node: SearchNode, scope: Mapping[str, Any]) -> SearchCost:
    """The bounds of a search under these parameters.

    Raises:
        Unbounded: a slot hangs on what only a run can tell.
    """
    return _Reckoning(node, scope).cost()


class _Reckoning:
    def __init__(self, node: SearchNode, scope: Mapping[str, Any]) -> None:
        self.node, self.scope = node, scope
        self.depth = self.number("depth", node.depth)
        own = DEFAULTS[node.select]
        self.keep = self.number("keep", node.keep, own.keep)
        self.iterations = self.number("iterations", node.iterations, own.iterations)
        widths = [self.number("width", node.width, depth=depth) for depth in range(min(self.depth, 4096))]
        self.widths = widths or [0]

    def number(self, key: str, value: Any, default: int | None = 0, *, depth: int | None = None) -> int:
        if value is None:
            return default or 0
        if not isinstance(value, Expression):
            return int(value)
        if not value.names <= _CONSTANT:
            raise Unbounded(key)
        found = value({**self.scope, "depth": depth or 0})
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise Unbounded(key)
        return max(int(found), 0)

    def cost(self) -> SearchCost:
        node = self.node
        growths, children, rounds = self._levels() if node.select in LEVELS else self._walks()
        proposed = self._proposed(growths, children)
        valued = self._leaves() if node.evaluate == "leaf" else children
        root = int(node.root is not None and node.unit == "whole")
        texts, rolled, rolls = self._rollouts(valued, growths)
        asks = self.number("votes", node.votes) * (2 if node.swap is not False else 1)
        values = int(bool(node.by)) + int(bool(node.by) and bool(rolls) and self._mixes())
        if max(proposed, rolled, texts) > _MOST:
            raise Unbounded("iterations" if node.select not in LEVELS else "keep")
        return SearchCost(
            proposed=proposed,
            rolled=rolled,
            valued=texts + root,
            asks=asks,
            rounds=rounds,
            rolls=rolls,
            values=values,
        )

    def _mixes(self) -> bool:
        return self.node.rollout is not None and self.node.rollout.mix is not None

    def _levels(self) -> tuple[int, int, int]:
        """Growths, children and levels of a search that goes level by level."""
        growths = children = 0
        ahead = 1
        for width in self.widths:
            if self.node.select == "particles":
                growths, children = growths + min(ahead, self.keep), children + self.keep * width
                ahead = self.keep
            else:
                growths, children = growths + ahead, children + ahead * width
                ahead = min(self.keep, ahead * width)
        return growths, children, self.depth

    def _walks(self) -> tuple[int, int, int]:
        """Growths, children and rounds of a search that goes node by node."""
        node = self.node
        most = max([*self.widths, self.number("widest", node.widest)])
        each, times = self.iterations, 1
        if node.commit is not None:
            each, times = max(each, self.number("fresh", node.fresh)), self.depth
        first = times if node.evaluate == "leaf" else 0  # a root is grown before its first walk
        growths = each * times + first
        if node.select not in WALKS:
            growths = min(growths, self._all_nodes(growths))
        return growths, growths * most, growths

    def _leaves(self) -> int:
        return self._walks()[0]

    def _all_nodes(self, most: int) -> int:
        """Inner nodes of the whole tree, as far as they are fewer than `most`."""
        total = level = 1
        for width in self.widths[:-1]:
            level *= min(width, self.keep) if self.keep else width
            total += level
            if total > most:
                return most
        return total

    def _proposed(self, growths: int, children: int) -> int:
        if self.node.listed is True:
            return growths
        return children + (growths if self.node.alternatives is not False else 0)

    def _rollouts(self, valued: int, growths: int) -> tuple[int, int, int]:
        """Texts that are valued, completions that carry them on, and how many of these in a row."""
        rollout = self.node.rollout
        if rollout is None:
            return valued, 0, 0
        units = self.number("units", rollout.units)
        of = growths if rollout.of == "best" else valued
        texts = valued + (of * units if rollout.mix is not None else 0)
        return texts, of * units, units
