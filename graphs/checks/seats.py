"""Seats of agents: names that mean something else, and places where only one of them could speak."""

from __future__ import annotations

from ..callees import call_nodes
from ..draft import Draft
from ..sites import Sites
from ..spec import AskNode, SearchNode
from .references import uses


def check(draft: Draft, sites: Sites) -> None:
    """Note seats that cannot be told from agents or roles, and nodes in which they could not take turns."""
    spec = draft.spec
    roles = {agent.role for agent in spec.agents.values()}
    for name, agent in spec.agents.items():
        for place, seat in enumerate(agent.seats):
            what = "an agent" if seat in spec.agents else "a role" if seat in roles else ""
            if what:
                at = ("agents", name, "seats")
                span = draft.key(*at, seat) or draft.span(*at, place)
                note = "a model given for that name would be meant for both; choose another one"
                draft.problems.error("seat", span, f"seat {seat!r} has the name of {what}", note)
    seated = {name for name, agent in spec.agents.items() if agent.seats}
    for node in spec.nodes.values():
        if isinstance(node, AskNode):
            _asked(draft, node, seated)
        elif isinstance(node, SearchNode):
            for name, _, span, _ in uses(draft, node):
                if name in seated:
                    message = f"a search speaks with one voice, {name!r} has seats"
                    draft.problems.error("seat", span, message, "declare an agent without seats for it")
    _called(draft, seated)


def _asked(draft: Draft, node: AskNode, seated: set[str]) -> None:
    if node.seat is not None and node.agent in draft.spec.agents and node.agent not in seated:
        span = draft.key("nodes", node.name, "seat")
        note = f"write `seats: [...]` at the agent {node.agent!r}"
        draft.problems.error("seat", span, f"'seat' means nothing: {node.agent!r} has no seats", note)
    if node.seat is None and node.agent in seated and node.for_each is None:
        message = f"only the first seat of {node.agent!r} is asked here"
        note = "say with `seat` whose turn it is, or call several with `for_each`"
        draft.problems.warn("seat", draft.span("nodes", node.name, "ask"), message, note)


def _called(draft: Draft, seated: set[str]) -> None:
    for node in call_nodes(draft.spec):
        scalar = "*" in node.agents
        for theirs, ours in node.agents.items():
            if ours in seated:
                span = draft.span("nodes", node.name, "agents", *(() if scalar else (theirs,)))
                message = f"a workflow is called with one model for each agent, {ours!r} has seats"
                draft.problems.error("seat", span, message, "hand down an agent without seats")
        if node.name in seated:
            message = f"a node that calls cannot be named like the agent {node.name!r}, which has seats"
            note = f"'{node.name}.x' would mean a seat of the one and an agent of the other"
            draft.problems.error("seat", draft.key("nodes", node.name), message, note)
