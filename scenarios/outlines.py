"""What of a workflow's file the course of its runs is read with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..graphs.spec import AskNode, CallNode, NodeSpec, SampleNode, SetNode, VoteNode, WorkflowSpec


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a workflow's file a course is read with.

    Attributes:
        through: of a node, the names that it goes through one by one.
        swapped: pairs of nodes that show one judge the same pairs in either order.
        drawn: the node whose independent samples are all that is asked for, their number settled before;
            empty where agents are asked anything else.
        voices: names that are the seats of one exchange, each written by one agent of a role.
    """

    through: Mapping[str, tuple[str, ...]]
    swapped: tuple[tuple[str, str], ...]
    drawn: str = ""
    voices: tuple[tuple[str, ...], ...] = ()


def outline(spec: WorkflowSpec) -> Outline:
    """The outline of a workflow and of those that it may call."""
    through: dict[str, tuple[str, ...]] = {}
    for each in _family(spec):
        for node in each.nodes.values():
            if isinstance(node, AskNode | CallNode) and node.for_each:
                names = [expression.source.strip() for expression in node.for_each.values()]
                through.setdefault(node.name, tuple(name for name in names if name.isidentifier()))
    swapped = tuple(pair for each in _family(spec) for pair in _swapped(each))
    return Outline(through, swapped, _drawn(spec), _voices(spec))


def _voices(spec: WorkflowSpec) -> tuple[tuple[str, ...], ...]:
    """Names that one `ask` node each writes, each with an agent of its own, by the agents' role."""
    writers = Counter(name for node in spec.nodes.values() for name in _saves(node))
    asks = [node for node in spec.nodes.values() if isinstance(node, AskNode)]
    asked = Counter(node.agent for node in asks)
    roles: dict[tuple[str, str | None], list[str]] = {}
    for node in asks:
        alone = node.save is not None and not node.save.append and writers[node.save.name] == 1
        if node.save is not None and alone and node.for_each is None and asked[node.agent] == 1:
            roles.setdefault((spec.agents[node.agent].role, node.mode), []).append(node.save.name)
    return tuple(tuple(names) for names in roles.values() if len(names) > 1)


def _saves(node: NodeSpec) -> list[str]:
    if isinstance(node, SetNode):
        return [save.name for save, _ in node.values]
    return [node.save.name] if node.save is not None else []


def _drawn(spec: WorkflowSpec) -> str:
    asking = [node for node in spec.nodes.values() if not isinstance(node, VoteNode | SetNode)]
    alone = len(asking) == 1 and isinstance(asking[0], SampleNode) and asking[0].stop is None
    return asking[0].name if alone else ""


def _family(spec: WorkflowSpec) -> Iterable[WorkflowSpec]:
    yield spec
    for callee in spec.callees.values():
        yield from _family(callee)


def _swapped(spec: WorkflowSpec) -> list[tuple[str, str]]:
    """Nodes of one agent and mode that differ in that two lists are given in each other's place."""
    asks = [
        node for node in spec.nodes.values() if isinstance(node, AskNode) and len(node.for_each or {}) == 2
    ]
    found: list[tuple[str, str]] = []
    for i, one in enumerate(asks):
        for other in asks[i + 1 :]:
            mine, its = dict(one.for_each or {}), dict(other.for_each or {})
            crossed = list(mine) == list(its) and list(mine.values()) == list(its.values())[::-1]
            if (
                crossed
                and (one.agent, one.mode) == (other.agent, other.mode)
                and len(set(mine.values())) == 2
            ):
                found.append((one.name, other.name))
    return found
