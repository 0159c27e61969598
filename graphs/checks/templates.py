"""Prompts that need names which nobody binds, and facts which no prompt uses."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from rebut.errors import WorkflowError, suggest

from ..draft import Draft, Mode
from ..keys import AGENT
from ..sites import Sites
from ..spec import AskNode, NodeSpec, SampleNode, ScoreNode, SearchNode, Span
from . import reads
from .references import uses

ALWAYS = frozenset(
    {"params", "visits", "kind", "agent", "visit", "index", "question", "answer_format", "reply_format"}
)
"""Names that every prompt is given by the run."""

GROWN = frozenset({"partial", "steps", "depth", "reason", "tried", "width"})
"""Names that a search binds for every prompt of its agents."""
VALUED = frozenset({"item", "swapped", "vote"})
"""Names that it binds beside these for its evaluators."""


def check(draft: Draft, sites: Sites) -> None:
    """Note missing and superfluous facts; without roles only keys that look like a slip of the pen."""
    if draft.roles is None:
        _slips(draft)
        return
    for node in draft.spec.nodes.values():
        for agent, mode, span in asked_modes(draft, node):
            _needs(draft, sites, node, agent, mode, span)
    _superfluous(draft)


def asked_modes(draft: Draft, node: NodeSpec) -> Iterator[tuple[str, Mode, Span | None]]:
    """Each agent that a node asks, with its mode, where both exist."""
    for agent, mode, span, _ in uses(draft, node):
        found = _mode_of(draft, agent, mode)
        if found is not None:
            yield agent, found, span


def _mode_of(draft: Draft, agent: str, mode: str | None) -> Mode | None:
    spec = draft.spec.agents.get(agent)
    if draft.roles is None or spec is None:
        return None
    try:
        return draft.roles.mode(spec.role, mode)
    except WorkflowError:
        return None


def _bound(draft: Draft, node: NodeSpec, agent: str) -> set[str]:
    bound = {*ALWAYS, *draft.spec.inputs, *draft.spec.agents[agent].facts}
    if isinstance(node, AskNode | SampleNode):
        bound |= node.facts.keys()
    if isinstance(node, AskNode):
        bound |= (node.for_each or {}).keys()
    if isinstance(node, SearchNode):
        bound |= node.facts.keys() | GROWN | (VALUED if agent in node.by else frozenset())
    return bound | ({"item"} if isinstance(node, ScoreNode) else set())


def _needs(draft: Draft, sites: Sites, node: NodeSpec, agent: str, mode: Mode, span: Span | None) -> None:
    missing = mode.needs - _bound(draft, node, agent) - reads.lists(draft)
    role = draft.spec.agents[agent].role
    for name in sorted(missing - sites.saved.keys()):
        keys = sorted(_bound(draft, node, agent) - ALWAYS | sites.saved.keys())
        hint = suggest(name, keys) if get_close_matches(name, keys) else ""
        note = f"give it with `with: {{{name}: ...}}`, or save it before{hint}"
        draft.problems.error("unbound", span, f"the prompt of role {role!r} needs {name!r}", note)
    saved = missing & sites.saved.keys()
    for world, written in reads.states(draft) if saved else ():
        for name in sorted(saved - written.before.get(node.name, saved)):
            note = reads.witness(draft, world, node.name, name)
            message = f"the prompt of role {role!r} needs {name!r}, which may not have been written"
            draft.problems.error("unwritten", span, message, note)
            saved -= {name}


def _superfluous(draft: Draft) -> None:
    fixed = [key.name for key in AGENT.keys]
    for name, agent in draft.spec.agents.items():
        modes = [
            mode for node in draft.spec.nodes.values() for a, mode, _ in asked_modes(draft, node) if a == name
        ]
        if not modes:
            continue
        used = frozenset().union(*(mode.needs | wants(mode) for mode in modes))
        for fact in agent.facts:
            if fact not in used | ALWAYS:
                hint = suggest(fact, [*fixed, *sorted(used)])
                message = f"unknown key {fact!r} in agent: no prompt of {agent.role!r} used here names it"
                draft.problems.error("unknown-key", draft.key("agents", name, fact), message, hint)
    for node in draft.spec.nodes.values():
        if isinstance(node, AskNode | SampleNode | SearchNode):
            _superfluous_with(draft, node)


def _superfluous_with(draft: Draft, node: AskNode | SampleNode | SearchNode) -> None:
    mode = _mode_of(draft, node.agent, node.mode)
    if mode is None:
        return
    used = mode.needs | wants(mode)
    for fact in node.facts:
        if fact not in used | ALWAYS:
            role = draft.spec.agents[node.agent].role
            message = f"unknown fact {fact!r}: the prompt of role {role!r} does not name it"
            span = draft.key("nodes", node.name, "with", fact)
            draft.problems.error("unknown-key", span, message, suggest(fact, sorted(used)))


def wants(mode: Mode) -> frozenset[str]:
    """Names that a prompt uses where they are given."""
    found: frozenset[str] = getattr(mode, "wants", frozenset())
    return found


def _slips(draft: Draft) -> None:
    fixed = [key.name for key in AGENT.keys]
    for name, agent in draft.spec.agents.items():
        for fact in agent.facts:
            close = get_close_matches(fact, fixed, n=1, cutoff=0.8)
            if close:
                span = draft.key("agents", name, fact)
                draft.problems.warn(
                    "unknown-key",
                    span,
                    f"key {fact!r} is taken for a fact of the prompt",
                    f"did you mean {close[0]!r}?",
                )
