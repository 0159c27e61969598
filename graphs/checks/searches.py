"""Slots of a search that mean nothing together."""

from __future__ import annotations

from rebut.errors import WorkflowError

from ..draft import Draft
from ..search.defaults import USED_BY
from ..sites import Sites
from ..source import Scalar
from ..spec import SearchNode

_NUMBERS = ("score", "step_scores", "critique")
"""What an evaluator may return whose worth is plain."""


def check(draft: Draft, sites: Sites) -> None:
    """Note what is missing in a search, and what has no meaning beside its other slots."""
    for node in draft.spec.nodes.values():
        if isinstance(node, SearchNode):
            _selection(draft, node)
            _units(draft, node)
            _values(draft, node)
            _output(draft, node)


def _has(draft: Draft, node: SearchNode, key: str) -> bool:
    return draft.piece("nodes", node.name, key) is not None


def _refuse(draft: Draft, node: SearchNode, key: str, message: str, note: str = "") -> None:
    draft.problems.error("search", draft.key("nodes", node.name, key) or node.span, message, note)


def _selection(draft: Draft, node: SearchNode) -> None:
    said = draft.piece("nodes", node.name, "select")
    if said is not None and not (isinstance(said, Scalar) and said.value == node.select):
        return  # a rule that could not be read
    for key, rules in USED_BY.items():
        if _has(draft, node, key) and node.select not in rules:
            rule = f"select: {node.select}{'' if said else ', the default'}"
            _refuse(draft, node, key, f"{key!r} means nothing with {rule}", f"a key of {', '.join(rules)}")
    if node.select == "priority" and node.priority is None and not _has(draft, node, "priority"):
        _refuse(draft, node, "select", "select: priority needs the key 'priority'", "an expression over node")


def _units(draft: Draft, node: SearchNode) -> None:
    for key, unit in (("alternatives", "continue"), ("listed", "step")):
        if _has(draft, node, key) and node.unit != unit:
            _refuse(draft, node, key, f"{key!r} needs unit: {unit}, this is unit: {node.unit}")
    if node.listed is not False:
        for key in ("greedy", "prior"):
            if _has(draft, node, key) and getattr(node, key) not in ("none", "uniform"):
                _refuse(draft, node, key, f"{key!r} means nothing where one reply lists the units")
    if node.unit == "whole":
        for key in ("commit", "joint", "rollout"):
            if _has(draft, node, key):
                _refuse(draft, node, key, f"{key!r} means nothing where a unit is a whole response")


def _values(draft: Draft, node: SearchNode) -> None:
    if not _has(draft, node, "by") and not _has(draft, node, "value"):
        note = "name agents with `by`, or write `value: node.logprob` or the like"
        _refuse(draft, node, "search", "nothing says what a node is worth", note)
    rollout = node.rollout
    if rollout is not None and rollout.of == "best" and (rollout.mix is None or node.evaluate == "leaf"):
        _refuse(
            draft, node, "rollout", "of: best needs 'mix', and children that are valued", "see `evaluate`"
        )
    if _has(draft, node, "worth"):
        return
    for agent in node.by:
        returns = _returns(draft, agent, node.modes.get(agent))
        if returns is not None and returns not in _NUMBERS:
            message = f"an evaluator needs a score or a critique, {agent!r} returns a {returns}"
            _refuse(draft, node, "by", message, "say with `worth` what a reply counts")


def _returns(draft: Draft, agent: str, mode: str | None) -> str | None:
    spec = draft.spec.agents.get(agent)
    if spec is None or draft.roles is None or spec.role not in draft.roles.names():
        return None
    try:
        return str(draft.roles.mode(spec.role, mode).returns)
    except WorkflowError:
        return None


def _output(draft: Draft, node: SearchNode) -> None:
    if node.commit is not None and _has(draft, node, "output"):
        _refuse(draft, node, "output", "'output' means nothing with 'commit': what was committed is given")
    if node.output == "visited" and node.select not in USED_BY["commit"]:
        rules = ", ".join(USED_BY["commit"])
        _refuse(
            draft,
            node,
            "output",
            f"output: visited means nothing with select: {node.select}",
            f"{rules} count visits",
        )
