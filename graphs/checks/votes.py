"""Voting rules that need weights and have none."""

from __future__ import annotations

from ..draft import Draft
from ..sites import Sites
from ..spec import VoteNode


def check(draft: Draft, sites: Sites) -> None:
    """Note rules and tie rules that cannot do without weights."""
    for name, node in draft.spec.nodes.items():
        if not isinstance(node, VoteNode) or draft.piece("nodes", name, "weights") is not None:
            continue
        for key, value, needing in (
            ("rule", node.rule, ("weighted", "borda")),
            ("tie", node.tie, ("weight",)),
        ):
            if isinstance(value, str) and value in needing:
                span = draft.span("nodes", name, key)
                note = "add for example `weights: item.score`"
                draft.problems.error("needs-key", span, f"{key} {value!r} needs weights", note)
