"""Agents, parameters and quorums that nothing uses, and results that nobody keeps: warnings."""

from __future__ import annotations

from ..draft import Draft
from ..sites import Sites
from ..spec import AskNode, CallNode, SetNode
from .references import uses


def check(draft: Draft, sites: Sites) -> None:
    """Warn of what could be left out; not in a file with errors, which may be why something is unused."""
    if draft.problems.errors:
        return
    asked = {agent for node in draft.spec.nodes.values() for agent, *_ in uses(draft, node)}
    for node in draft.spec.nodes.values():
        asked |= set(node.agents.values()) if isinstance(node, CallNode) else set()
    for name in draft.spec.agents:
        if name not in asked and draft.spec.nodes:
            draft.problems.warn("unused", draft.key("agents", name), f"agent {name!r} is never asked")
    _params(draft, sites)
    for name, node in draft.spec.nodes.items():
        if not isinstance(node, SetNode) and draft.piece("nodes", name, "save") is None:
            draft.problems.warn(
                "unused", node.span, f"the result of node {name!r} is not kept", "add `save: name`"
            )
        _quorum(draft, name, node)


def _quorum(draft: Draft, name: str, node: object) -> None:
    """Warn where a single call has one: whoever abstains then does not end the run."""
    quorum = draft.key("nodes", name, "quorum")
    if isinstance(node, AskNode) and node.for_each is None and node.quorum != 0 and quorum is not None:
        note = "an agent that abstains leaves None, a call that fails ends the run; `sample` has a quorum"
        draft.problems.warn("unused", quorum, "'quorum' means nothing without 'for_each'", note)


def _params(draft: Draft, sites: Sites) -> None:
    paths = {path for site in sites.all for path in site.expression.paths}
    whole = ("params",) in paths or _in_prompts(draft)
    for name in draft.spec.params:
        if not whole and not any(path[:2] == ("params", name) for path in paths):
            draft.problems.warn("unused", draft.key("params", name), f"parameter {name!r} is never read")


def _in_prompts(draft: Draft) -> bool:
    """Whether a prompt may read parameters; that cannot be known without the roles."""
    from .templates import asked_modes

    if draft.roles is None:
        return False
    modes = [mode for node in draft.spec.nodes.values() for _, mode, _ in asked_modes(draft, node)]
    templates = [getattr(mode, "template", None) for mode in modes]
    return any("params" in getattr(template, "needs", ()) for template in templates)
