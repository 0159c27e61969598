"""The slots of one search with their values: expressions over parameters evaluated, defaults filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rebut.errors import WorkflowError

from ..context import value_of
from .backup import BACKUPS, Backup
from .defaults import DEFAULTS, joint_of
from .selection import Rule, puct, rain, rest, spread, uct
from .tree import TreeNode
from .views import branch

if TYPE_CHECKING:
    from ..spec import SearchNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What one visit of a search node goes by."""

    select: str
    c: float
    unvisited: float
    keep: int
    follows: int | None
    iterations: int
    fresh: int | None
    wave: int
    depth: int
    votes: int
    swap: bool
    greedy: bool
    listed: bool
    widest: int
    merge: float | None
    threshold: float | None
    prior: str
    prior_temperature: float
    prior_mix: float
    backup: Backup
    share: float | None
    share_weight: float
    joint: str
    timeout: float | None
    rolls: int
    roll_tokens: int | None
    mix: float | None

    def rule(self, root: TreeNode, node: SearchNode, scope: Mapping[str, Any]) -> Rule:
        """The rule of selection as the tree stands."""
        if self.select == "uct":
            return lambda n: uct(n, self.c)
        if self.select == "puct":
            return lambda n: puct(n, self.c)
        if self.select == "rest":
            return lambda n: rest(n, self.c, self.unvisited)
        if self.select == "rain":
            low, high = spread(root)
            return lambda n: rain(n, low, high, self.c)
        assert node.priority is not None, "the checks refuse a search by priority without one"
        priority = node.priority
        return lambda n: _number(priority({**scope, "node": branch(n)}), f"priority of {node.name!r}")


def slots_of(node: SearchNode, scope: dict[str, Any], whole: Callable[..., int]) -> Slots:
    """The slots of a visit; `whole` reads a whole number of at least 1.

    Raises:
        WorkflowError: a value is not of the kind that is needed.
    """
    own, rollout = DEFAULTS[node.select], node.rollout

    def count(key: str, value: Any, default: int | None = None) -> int:
        chosen = default if value is None else value
        return 0 if chosen is None else whole(chosen, scope, what=f"{key} of {node.name!r}")

    def number(key: str, value: Any) -> float:
        return _number(value_of(value, scope), f"{key} of {node.name!r}")

    return Slots(
        select=node.select,
        c=own.c or 0.0 if node.c is None else number("c", node.c),
        unvisited=number("unvisited", node.unvisited),
        keep=count("keep", node.keep, own.keep),
        follows=None if node.keep is None else count("keep", node.keep),
        iterations=count("iterations", node.iterations, own.iterations),
        fresh=None if node.fresh is None else count("fresh", node.fresh),
        wave=count("wave", node.wave),
        depth=count("depth", node.depth),
        votes=count("votes", node.votes),
        swap=bool(value_of(node.swap, scope)),
        greedy=bool(value_of(node.greedy, scope)),
        listed=bool(value_of(node.listed, scope)),
        widest=count("widest", node.widest),
        merge=None if node.merge is None else number("merge", node.merge),
        threshold=None if node.threshold is None else number("threshold", node.threshold),
        prior=node.prior or own.prior,
        prior_temperature=number("prior_temperature", node.prior_temperature),
        prior_mix=number("prior_mix", node.prior_mix),
        backup=BACKUPS[node.backup or own.backup],
        share=None if node.share is None else number("share", node.share),
        share_weight=number("share_weight", node.share_weight),
        joint=joint_of(node.unit, node.until) if node.joint is None else node.joint,
        timeout=value_of(node.timeout, scope),
        rolls=0 if rollout is None else count("units", rollout.units),
        roll_tokens=(count("max_tokens", rollout.max_tokens) or None) if rollout else None,
        mix=None if rollout is None or rollout.mix is None else number("mix", rollout.mix),
    )  # fmt: skip


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise WorkflowError(f"{what} must be a number, it is {value!r}")
    return float(value)
