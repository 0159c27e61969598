"""The costliest walk through a workflow's graph, and how often each node is visited on any walk.

The edges that a `visits` condition bounds are taken out; what is left has no cycle. A walk is then a chain
of pieces, each from the start or from the target of a bounded edge to the source of the next one, the last
to the end. With L the costliest piece to such a source and F the costliest to the end, a walk costs at most
``L(start) + sum over bounded edges of times * L(target) + max(F(target) - L(target))``, or F(start).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from .spec import END, START, EdgeSpec, Fork

Live = Mapping[str, tuple[tuple[int, EdgeSpec], ...] | Fork]
Cost = Callable[[str], float]
NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Back:
    """Bounded edges that share one allowance: out of `source` to `targets`, at most `times` in all."""

    source: str
    targets: tuple[str, ...]
    times: int


@dataclass(slots=True)
class Walks:
    """The walks of one graph under fixed parameters. `bounded` holds (source, place) of bounded edges."""

    live: Live
    bounded: Mapping[tuple[str, int], int]
    shared: Mapping[tuple[str, int], str] = field(default_factory=dict)
    _inner: dict[str, Walks] = field(default_factory=dict)

    def backs(self) -> list[Back]:
        """The bounded edges, grouped by source and by the node whose visits bound them."""
        groups: dict[tuple[str, str], tuple[list[str], int]] = {}
        for source, edges in self.live.items():
            if isinstance(edges, Fork):
                continue
            for place, edge in edges:
                times = self.bounded.get((source, place))
                if times is None:
                    continue
                key = (source, self.shared.get((source, place), str(place)))
                names, most = groups.setdefault(key, ([], 0))
                names.append(edge.to)
                groups[key] = (names, max(most, times))
        return [Back(source, tuple(names), times) for (source, _), (names, times) in groups.items()]

    def costliest(self, cost: Cost, *, side_by_side: bool = False) -> float:
        """The cost of the costliest walk; `side_by_side` takes a fork's costliest branch, not the sum."""
        to_end = self._pieces(cost, frozenset({END}), side_by_side)
        backs = [back for back in self.backs() if back.times > 0]
        best = to_end(START)
        if not backs:
            return max(best, 0)
        to_back = self._pieces(cost, frozenset(back.source for back in backs), side_by_side)
        reach = to_back(START)
        if reach == NEVER:
            return max(best, 0)
        total, gains = reach, [0.0]
        for back in backs:
            longest = max(0.0, *(to_back(target) for target in back.targets))
            total += back.times * longest
            gains.append(max(to_end(target) - longest for target in back.targets))
        if any(isinstance(edges, Fork) for edges in self.live.values()):
            # each branch may end its last loop its own way
            return max(best, total, 0) + sum(max(gain, 0) for gain in gains)
        return max(best, total + max(gains), 0)

    def visits(self, node: str) -> int:
        """How often a node can be visited."""
        return int(self.costliest(lambda name: 1.0 if name == node else 0.0))

    def _pieces(self, cost: Cost, stops: frozenset[str], side_by_side: bool) -> Callable[[str], float]:
        """The costliest way from a node to one of `stops`, over unbounded edges; NEVER if there is none.

        A stop's own cost counts. Passing a stop without stopping there is allowed.
        """
        join = max if side_by_side else lambda *parts: sum(parts)

        @cache
        def from_(node: str) -> float:
            if node == END:
                return 0.0 if END in stops else NEVER
            own = 0.0 if node == START else cost(node)
            ahead = NEVER
            edges = self.live.get(node, ())
            if isinstance(edges, Fork):
                ahead = self._fork(edges, cost, from_, stops, join)
            else:
                for place, edge in edges:
                    if (node, place) not in self.bounded:
                        ahead = max(ahead, from_(edge.to))
            if node in stops:
                ahead = max(ahead, 0.0)
            return own + ahead

        return from_

    def _fork(
        self,
        fork: Fork,
        cost: Cost,
        from_: Callable[[str], float],
        stops: frozenset[str],
        join: Callable[..., float],
    ) -> float:
        """All branches up to where they meet, and on from there; loops of a branch are counted by `backs`."""
        inner = self._until(fork.join)
        to_join = inner._pieces(cost, frozenset({END}), join is max)
        to_stop = inner._pieces(cost, stops, join is max)
        branches = [max(to_join(b), 0.0) for b in fork.to]
        within = [to_stop(b) for b in fork.to]
        onward = from_(fork.join)
        whole = join(*branches) + onward if onward != NEVER else NEVER
        # a piece may also end at a stop within a branch; the other branches are then paid for as well
        stopped = max(within, default=NEVER)
        return max(whole, join(*branches) if stopped != NEVER else NEVER)

    def _until(self, join: str) -> Walks:
        """The walks of the same graph with the join as its end."""
        if join == END:
            return self
        if join not in self._inner:
            self._inner[join] = Walks(self._cut(join), self.bounded, self.shared)
        return self._inner[join]

    def _cut(self, join: str) -> Live:
        cut: dict[str, tuple[tuple[int, EdgeSpec], ...] | Fork] = {}
        for source, edges in self.live.items():
            if isinstance(edges, Fork):
                cut[source] = edges
            else:
                cut[source] = tuple(
                    (place, EdgeSpec(to=END, when=e.when, span=e.span) if e.to == join else e)
                    for place, e in edges
                )
        cut[join] = ()
        return cut
