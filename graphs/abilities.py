"""What a workflow wants of its models beyond words, held against what their back ends can, before a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..agents.terms import demand
from .expressions import Expression
from .partial import known, live_edges
from .spec import END, START, AskNode, Fork, NodeSpec, SampleNode, Value, WorkflowSpec

if TYPE_CHECKING:
    from ..agents.agent import Agent
    from ..agents.roles import RoleBook
    from ..models.wire import Capabilities
    from .workflow import Workflow

Want = tuple[AskNode | SampleNode, tuple[str, ...]]
_KEYS = ("prefill", "certainty", "layers")


def hold(
    workflow: Workflow, agents: Mapping[str, Agent], capabilities: Callable[[str], Capabilities]
) -> None:
    """Hold the models to what the nodes want under these parameters, as far as it can be known.

    What hangs on the run itself is looked at when the agent is asked. A label's probability has a fallback
    (the written label), and is not demanded. The agents of workflows that it calls must have their models
    (`Workflow.bound`).

    Raises:
        SettingsError: a model cannot do what a node wants of it; the text names which can.
    """
    for node, wanted in workflow.wants:
        for voice in agents[node.agent].voices:
            place = f"node {node.name!r}, agent {voice.name!r}"
            demand(capabilities(voice.model), wanted, voice.model, place)
    called = workflow.called({}, "")
    for reached in _reached(workflow.spec, workflow.agents_params) if called else ():
        if reached.name in called:
            callee = called[reached.name]
            hold(callee, callee.agents({}, ""), capabilities)


def wants(spec: WorkflowSpec, scope: Mapping[str, Any], roles: RoleBook) -> tuple[Want, ...]:
    """The nodes that want something of their models beyond words, and what, under these parameters."""
    asking = [node for node in _reached(spec, scope) if isinstance(node, AskNode | SampleNode)]
    found = [(node, (*_seen(spec, node, roles), *_wanted(node, scope))) for node in asking]
    return tuple((node, wanted) for node, wanted in found if wanted)


def _seen(spec: WorkflowSpec, node: AskNode | SampleNode, roles: RoleBook) -> Iterator[str]:
    if roles.mode(spec.agents[node.agent].role, node.mode).sees:
        yield "images"


def _wanted(node: AskNode | SampleNode, scope: Mapping[str, Any]) -> Iterator[str]:
    for key in _KEYS:
        value: Value = getattr(node, key, None)
        if isinstance(value, Expression):
            # What a text will be is not known before the run, but that one is meant to be continued is.
            value = (key == "prefill") if not value.names <= {"params", "kind"} else known(value, scope)
        if value:
            yield key


def _reached(spec: WorkflowSpec, scope: Mapping[str, Any]) -> list[NodeSpec]:
    """The nodes to which a way leads under these parameters, in the order of the file."""
    live = live_edges(spec, scope)
    todo, seen = [START], {END}
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            edges = live.get(name, ())
            todo.extend(edges.to if isinstance(edges, Fork) else (edge.to for _, edge in edges))
    return [node for name, node in spec.nodes.items() if name in seen]
