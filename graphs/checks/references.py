"""Agents, roles and modes that do not exist, or do not return what their node needs."""

from __future__ import annotations

from rebut.errors import WorkflowError, suggest

from ..draft import Draft
from ..sites import Sites
from ..source import Listing, Table
from ..spec import AskNode, NodeSpec, SampleNode, ScoreNode, SearchNode, Span

Use = tuple[str, str | None, Span | None, Span | None]
"""An agent, the mode in which it is asked, and the places of both."""


def check(draft: Draft, sites: Sites) -> None:
    """Note unknown agents, scorers, roles and modes, and roles that do not fit their node."""
    for node in draft.spec.nodes.values():
        _scorers(draft, node)
        for agent, mode, span, mode_span in uses(draft, node):
            if agent not in draft.spec.agents:
                hint = suggest(agent, list(draft.spec.agents))
                if agent:
                    draft.problems.error(
                        "unknown-agent",
                        span,
                        f"unknown agent: {agent!r}",
                        hint or "declare it under `agents`",
                    )
            elif draft.roles is not None:
                _mode(draft, node, agent, mode, span, mode_span)
    _roles(draft)


def uses(draft: Draft, node: NodeSpec) -> list[Use]:
    """The agents that a node asks."""
    if isinstance(node, AskNode | SampleNode):
        mode_span = draft.span("nodes", node.name, "mode")
        return [(node.agent, node.mode, draft.span("nodes", node.name, node.does), mode_span)]
    if isinstance(node, ScoreNode):
        listed = isinstance(draft.piece("nodes", node.name, "by"), Listing)
        path = [
            ("nodes", node.name, "by", i) if listed else ("nodes", node.name, "by")
            for i in range(len(node.by))
        ]
        return [(agent, None, draft.span(*at), None) for agent, at in zip(node.by, path, strict=True)]
    return _of_search(draft, node) if isinstance(node, SearchNode) else []


def _of_search(draft: Draft, node: SearchNode) -> list[Use]:
    """The agent that proposes, those that value, and the one that carries texts on."""
    at = ("nodes", node.name)
    found: list[Use] = [(node.agent, node.mode, draft.span(*at, "search"), draft.span(*at, "mode"))]
    by = draft.piece(*at, "by")
    for i, agent in enumerate(node.by):
        if isinstance(by, Table):
            found.append(
                (agent, node.modes.get(agent), draft.key(*at, "by", agent), draft.span(*at, "by", agent))
            )
        else:
            span = draft.span(*at, "by", i) if isinstance(by, Listing) else draft.span(*at, "by")
            found.append((agent, None, span, None))
    if node.rollout is not None and (node.rollout.agent or node.rollout.mode):
        span = draft.span(*at, "rollout", "agent") or draft.span(*at, "rollout", "mode")
        mode_span = draft.span(*at, "rollout", "mode")
        found.append((node.rollout.agent or node.agent, node.rollout.mode, span, mode_span))
    return found


def _scorers(draft: Draft, node: NodeSpec) -> None:
    if isinstance(node, ScoreNode):
        for scorer in node.when:
            if scorer not in node.by:
                span = draft.key("nodes", node.name, "when", scorer)
                hint = suggest(scorer, node.by)
                draft.problems.error("unknown-agent", span, f"{scorer!r} is no scorer of this node", hint)


def _roles(draft: Draft) -> None:
    if draft.roles is None:
        return
    known = list(draft.roles.names())
    for name, agent in draft.spec.agents.items():
        if agent.role and agent.role not in known:
            span = draft.span("agents", name, "role") or draft.span("agents", name)
            draft.problems.error(
                "unknown-role", span, f"unknown role: {agent.role!r}", suggest(agent.role, known)
            )


def _mode(
    draft: Draft, node: NodeSpec, agent: str, mode: str | None, span: Span | None, mode_span: Span | None
) -> None:
    role = draft.spec.agents[agent].role
    if draft.roles is None or role not in draft.roles.names():
        return
    try:
        returns = str(draft.roles.mode(role, mode).returns)
    except WorkflowError as error:
        draft.problems.error("unknown-mode", mode_span or span, str(error))
        return
    if isinstance(node, SearchNode):
        return  # what its agents return is a matter of `searches`
    wanted = {"sample": ("text", "sample"), "score": ("score", "step_scores")}.get(node.does)
    if wanted and returns not in wanted:
        draft.problems.error(
            "returns",
            span,
            f"a {node.does} node needs an agent that returns a {node.does}, {agent!r} returns a {returns}",
        )
