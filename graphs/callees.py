"""Workflows that a workflow calls: which they can be, and reading them before the file itself is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from rebut.errors import RebutError

from .diagnostics import WorkflowInvalid
from .draft import Draft
from .expressions import Expression
from .spec import CallNode, Param, WorkflowSpec

DEEPEST = 8
"""Workflows within each other, at most."""

MOST = 256
"""Values of the parameters that name a workflow, all combined, at most."""

_WRONG = "has mistakes"

Read = Callable[[str], WorkflowSpec]
"""Gives a workflow by what a file calls it; WorkflowError or InputError where that cannot be."""


def call_nodes(spec: WorkflowSpec) -> tuple[CallNode, ...]:
    """The nodes that call workflows."""
    return tuple(node for node in spec.nodes.values() if isinstance(node, CallNode))


def naming(node: CallNode) -> frozenset[str]:
    """The parameters on which it depends which workflow a node calls."""
    if not isinstance(node.target, Expression):
        return frozenset()
    return frozenset(path[1] for path in node.target.paths if path[0] == "params" and len(path) > 1)


def targets(node: CallNode, params: Mapping[str, Param]) -> tuple[Any, ...] | None:
    """Everything that a node may call; None where the file alone does not tell."""
    if not isinstance(node.target, Expression):
        return (node.target,)
    names = sorted(naming(node))
    domains = [_domain(params.get(name)) for name in names]
    whole = any(path[0] != "params" or len(path) < 2 for path in node.target.paths)
    if whole or not all(domains) or _size(domains) > MOST:
        return None
    try:
        found = [node.target({"params": dict(zip(names, v, strict=True))}) for v in product(*domains)]
    except RebutError:
        return None
    return tuple(dict.fromkeys(found)) if all(isinstance(ref, str) for ref in found) else None


def _domain(param: Param | None) -> Sequence[Any]:
    """The values that a parameter can have; none where they cannot be listed."""
    if param is None:
        return ()
    return param.choices or ((True, False) if isinstance(param.default, bool) else ())


def _size(domains: Sequence[Sequence[Any]]) -> int:
    size = 1
    for domain in domains:
        size *= len(domain)
    return size


def resolve(draft: Draft, read: Read) -> None:
    """Read every workflow that the draft may call, and note those that cannot be."""
    found: dict[str, WorkflowSpec] = {}
    failed: set[str] = set()
    for node in call_nodes(draft.spec):
        refs = targets(node, draft.spec.params)
        if refs is None:
            note = "a name, a file, or an expression over parameters that have choices"
            message = "which workflow is called cannot be known before a run"
            draft.problems.error("callee", _place(draft, node), message, note)
        for ref in refs or ():
            if ref and ref not in found and ref not in failed:
                spec = _read(draft, node, ref, read)
                if spec is None:
                    failed.add(ref)
                else:
                    found[ref] = spec
    if found:
        draft.spec = replace(draft.spec, callees=found)


def _place(draft: Draft, node: CallNode) -> Any:
    return draft.span("nodes", node.name, "call") or node.span


def _read(draft: Draft, node: CallNode, ref: str, read: Read) -> WorkflowSpec | None:
    try:
        return read(ref)
    except WorkflowInvalid as error:
        wrong = [problem for problem in error.diagnostics if problem.severity == "error"]
        first = wrong[0] if wrong else error.diagnostics[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        deeper = first.code == "callee" and first.message.endswith(_WRONG)
        where = first.note if deeper else f"{first.place}: {first.message}{more}"
        draft.problems.error("callee", _place(draft, node), f"workflow {ref!r} {_WRONG}", where)
    except RebutError as error:
        draft.problems.error("callee", _place(draft, node), str(error))
    return None


def tree(spec: WorkflowSpec) -> Iterator[WorkflowSpec]:
    """The workflow, those that it may call, those that they may call, and so on."""
    yield spec
    for callee in spec.callees.values():
        yield from tree(callee)


def voices_of(spec: WorkflowSpec) -> tuple[str, ...]:
    """What a model can be given for: agents, roles and seats (of one agent alone ``agent.seat``), and
    the agents and seats of called workflows as ``node.agent``."""
    roles = (agent.role for one in tree(spec) for agent in one.agents.values())
    return tuple(dict.fromkeys([*spec.agents, *roles, *_named(spec)]))


def _named(spec: WorkflowSpec) -> Iterator[str]:
    """Agents, seats, and those of called workflows."""
    seats = [(name, seat) for name, agent in spec.agents.items() for seat in agent.seats]
    yield from (*spec.agents, *(seat for _, seat in seats), *(f"{name}.{seat}" for name, seat in seats))
    yield from _dotted(spec)


def _dotted(spec: WorkflowSpec) -> Iterator[str]:
    for node in call_nodes(spec):
        for ref in targets(node, spec.params) or ():
            if ref in spec.callees:
                callee = spec.callees[ref]
                yield from (f"{node.name}.{name}" for name in _named(callee))
