"""Calls of other workflows: inputs, parameters, agents and results that they do not have, or do not get."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from rebut.errors import InputError, suggest

from ..analysis import saves
from ..callees import call_nodes, naming, targets
from ..draft import Draft
from ..expressions import Expression
from ..expressions.names import free_paths
from ..params import resolve_params
from ..sites import Sites, place
from ..spec import CallNode, WorkflowSpec


def check(draft: Draft, sites: Sites) -> None:
    """Note what does not fit between a node and any of the workflows that it may call."""
    for node in call_nodes(draft.spec):
        refs = targets(node, draft.spec.params) or ()
        _agents(draft, node, [draft.spec.callees[ref] for ref in refs if ref in draft.spec.callees])
        for ref in refs:
            if ref in draft.spec.callees:
                _inputs(draft, node, draft.spec.callees[ref])
                _params(draft, node, draft.spec.callees[ref])
                _keep(draft, node, draft.spec.callees[ref])
    _kept(draft, sites)


def _inputs(draft: Draft, node: CallNode, callee: WorkflowSpec) -> None:
    for name in node.inputs:
        if name not in callee.inputs:
            span = draft.key("nodes", node.name, "inputs", name)
            message = f"workflow {callee.name!r} has no input {name!r}"
            draft.problems.error("unknown-input", span, message, suggest(name, callee.inputs))
    for name in callee.inputs:
        if name not in node.inputs and name not in draft.spec.inputs:
            span = draft.span("nodes", node.name, "call") or node.span
            message = f"workflow {callee.name!r} needs the input {name!r}"
            draft.problems.error("missing-input", span, message, f"write `inputs: {{{name}: =...}}`")


def _params(draft: Draft, node: CallNode, callee: WorkflowSpec) -> None:
    fixed = _fixed(callee)
    for name, value in node.params.items():
        key = draft.key("nodes", node.name, "params", name)
        span = draft.span("nodes", node.name, "params", name)
        if name not in callee.params:
            message = f"workflow {callee.name!r} has no parameter {name!r}"
            draft.problems.error("unknown-param", key, message, suggest(name, list(callee.params)))
        elif isinstance(value, Expression):
            if name in fixed and not value.names <= {"params"}:
                message = (
                    f"{name!r} says which workflow {callee.name!r} calls: it has to be known before a run"
                )
                draft.problems.error("callee", span, message, "params are known here")
        else:
            try:
                resolve_params(callee, {name: value})
            except InputError as error:
                draft.problems.error("bounds", span, str(error))


def _fixed(spec: WorkflowSpec) -> frozenset[str]:
    """The parameters that say which workflows are called, by this one or by those that it calls."""
    found: set[str] = set()
    for node in call_nodes(spec):
        found |= naming(node)
        for ref in targets(node, spec.params) or ():
            below = _fixed(spec.callees[ref]) if ref in spec.callees else frozenset()
            for name in below & node.params.keys():
                value = node.params[name]
                paths = value.paths if isinstance(value, Expression) else ()
                found |= {path[1] for path in paths if path[0] == "params" and len(path) > 1}
    return frozenset(found)


def _agents(draft: Draft, node: CallNode, callees: Sequence[WorkflowSpec]) -> None:
    possible = list(dict.fromkeys(name for callee in callees for name in callee.agents))
    scalar = "*" in node.agents
    for theirs, ours in node.agents.items():
        at = ("nodes", node.name, "agents") if scalar else ("nodes", node.name, "agents", theirs)
        if callees and not scalar and theirs not in possible:
            names = " or ".join(repr(callee.name) for callee in callees)
            message = f"workflow {names} has no agent {theirs!r}"
            draft.problems.error("unknown-agent", draft.key(*at), message, suggest(theirs, possible))
        if ours not in draft.spec.agents:
            hint = suggest(ours, list(draft.spec.agents)) or "declare it under `agents`"
            draft.problems.error("unknown-agent", draft.span(*at), f"unknown agent: {ours!r}", hint)


def _keep(draft: Draft, node: CallNode, callee: WorkflowSpec) -> None:
    saved = {name for one in callee.nodes.values() for name, _ in saves(one)}
    for i, name in enumerate(node.keep):
        if name not in saved:
            at = ("nodes", node.name, "keep")
            message = f"workflow {callee.name!r} saves nothing as {name!r}"
            span = draft.span(*at, i) or draft.span(*at)
            draft.problems.error("unknown-name", span, message, suggest(name, sorted(saved)))


def _kept(draft: Draft, sites: Sites) -> None:
    """Names read out of a result's `kept` that its node does not keep."""
    kept = _kept_by_name(draft.spec)
    for site in sites.all:
        for path, node in free_paths(site.expression.tree):
            if len(path) > 2 and path[1] == "kept" and path[0] in kept and path[2] not in kept[path[0]]:
                names = sorted(kept[path[0]])
                note = suggest(path[2], names) or f"write `keep: [{path[2]}]` at the node that calls"
                span = place(draft, site, _third(node))
                draft.problems.error("unknown-name", span, f"{path[0]!r} keeps no {path[2]!r}", note)


def _kept_by_name(spec: WorkflowSpec) -> Mapping[str, set[str]]:
    """For each name that only calls write: what their results keep."""
    kept: dict[str, set[str]] = {}
    others = {name for n in spec.nodes.values() if not isinstance(n, CallNode) for name, _ in saves(n)}
    for node in call_nodes(spec):
        if node.save is not None and node.save.name not in others:
            kept.setdefault(node.save.name, set()).update(node.keep)
    return kept


def _third(node: ast.expr) -> ast.expr:
    """The part of ``a.kept.b.c`` that ends with the third name."""
    chain = [node]
    while isinstance(chain[-1], ast.Attribute):
        chain.append(chain[-1].value)
    return chain[-3] if len(chain) >= 3 else node
