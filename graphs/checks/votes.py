"""Voting rules that need weights or ballots and have none, and rules that do not count what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..draft import Draft
from ..expressions import Expression
from ..keys import ELECTIONS, RULES
from ..sites import Sites
from ..spec import VoteNode

BALLOTS = "add for example `ballots: '[b.ranking for b in ballots]'`"
WEIGHTS = "add for example `weights: item.score`"
WEIGHING = {"rule": ("weighted", "borda"), "tie": ("weight",)}
"""What makes use of weights where there are no ballots, by key."""


def check(draft: Draft, sites: Sites) -> None:
    """Note rules, tie rules and keys that do not fit ballots or lack some, and weights, missing or idle."""
    for name, node in draft.spec.nodes.items():
        if not isinstance(node, VoteNode):
            continue
        if draft.piece("nodes", name, "ballots") is None:
            _without_ballots(draft, name, node)
            _idle_weights(draft, sites, name, node)
        else:
            _with_ballots(draft, name, node)


def _without_ballots(draft: Draft, name: str, node: VoteNode) -> None:
    unweighted = draft.piece("nodes", name, "weights") is None
    for key, needing in WEIGHING.items():
        value = getattr(node, key)
        if isinstance(value, str) and value in needing and unweighted:
            _wrong(draft, name, key, "needs-key", f"{key} {value!r} needs weights", WEIGHTS)
    for rule in _possible(draft, node.rule):
        if rule in ELECTIONS and rule not in RULES:
            _wrong(draft, name, "rule", "needs-key", f"rule {rule!r} needs ballots", BALLOTS)


def _idle_weights(draft: Draft, sites: Sites, name: str, node: VoteNode) -> None:
    """Warn of weights that neither decide nor break a tie, where nobody asks for the winning voter either."""
    if node.weights is None or any("winner" in path for site in sites.all for path in site.expression.paths):
        return
    for key, weighing in WEIGHING.items():
        possible = list(_possible(draft, getattr(node, key)))
        if not possible or any(value in weighing for value in possible):
            return
    rule = next(_possible(draft, node.rule))
    note = "they count under the rules weighted and borda, and under `tie: weight`"
    message = f"rule {rule!r} makes no use of weights"
    draft.problems.warn("unused", draft.key("nodes", name, "weights"), message, note)


def _with_ballots(draft: Draft, name: str, node: VoteNode) -> None:
    possible = f"possible with ballots: {', '.join(ELECTIONS)}"
    for rule in _possible(draft, node.rule):
        if isinstance(rule, str) and rule not in ELECTIONS:
            _wrong(draft, name, "rule", "election", f"rule {rule!r} counts no ballots", possible)
    for tie in _possible(draft, node.tie):
        if tie == "weight":
            note = "possible with ballots: first, last, none"
            _wrong(draft, name, "tie", "election", "tie 'weight' breaks no tie of candidates", note)
    for key in ("power", "threshold"):
        if draft.piece("nodes", name, key) is not None:
            span = draft.key("nodes", name, key)
            draft.problems.error("election", span, f"{key!r} means nothing to ballots", "leave it out")


def _possible(draft: Draft, value: Any) -> Iterator[Any]:
    """The values that a key may have, as far as the file tells: its own, or the choices of its parameter."""
    if not isinstance(value, Expression):
        yield value
        return
    name = value.source.strip().removeprefix("params.")
    param = draft.spec.params.get(name) if value.source.strip() == f"params.{name}" else None
    yield from (param.choices or () if param else ())


def _wrong(draft: Draft, name: str, key: str, code: str, message: str, note: str) -> None:
    draft.problems.error(code, draft.span("nodes", name, key), message, note)
