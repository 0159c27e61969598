"""What a node wants of a reply that its agent's role does not give, and labels that cannot be told apart."""

from __future__ import annotations

from typing import Any

from ...agents.labels import checked
from ..draft import Draft, Mode
from ..expressions import Expression
from ..sites import Sites
from ..spec import AskNode, SampleNode, Span
from .templates import asked_modes

_NEEDS = {"logprobs": "text", "certainty": "text", "layers": "label"}


def check(draft: Draft, sites: Sites) -> None:
    """Note wishes that mean nothing for what the role returns, and labels that do not work."""
    if draft.roles is None:
        return
    for node in draft.spec.nodes.values():
        if isinstance(node, AskNode | SampleNode):
            for agent, mode, span in asked_modes(draft, node):
                _wishes(draft, node, agent, mode)
                if str(mode.returns) == "label":
                    _labels(draft, sites, node, mode, span)


def _wishes(draft: Draft, node: AskNode | SampleNode, agent: str, mode: Mode) -> None:
    for key, needed in _NEEDS.items():
        if getattr(node, key, False) is not False and str(mode.returns) != needed:
            draft.problems.error(
                "returns",
                draft.key("nodes", node.name, key),
                f"{key!r} needs an agent that returns a {needed}, {agent!r} returns a {mode.returns}",
            )


def _labels(draft: Draft, sites: Sites, node: AskNode | SampleNode, mode: Mode, span: Span | None) -> None:
    agent = draft.spec.agents[node.agent]
    places: list[tuple[Any, Span | None]] = [
        (node.facts.get("labels"), draft.span("nodes", node.name, "with", "labels")),
        (agent.facts.get("labels"), draft.span("agents", node.agent, "labels")),
    ]
    if "labels" in sites.saved and "labels" not in node.facts:
        message = "the saved name 'labels' takes the place of the labels that are asked for"
        draft.problems.error("shadow", span, message, "save under another name")
    given = next(((labels, at) for labels, at in places if labels is not None), None)
    if given is None:
        if not getattr(mode, "labels", ()) and "labels" not in (*draft.spec.inputs, *sites.saved):
            note = "give them with `with: {labels: [yes, no]}`"
            draft.problems.error("unbound", span, f"the role of {node.agent!r} needs labels", note)
        return
    labels, at = given
    if not isinstance(labels, Expression):
        try:
            checked(labels)
        except ValueError as error:
            draft.problems.error("labels", at or span, str(error))
