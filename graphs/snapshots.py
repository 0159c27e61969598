"""What a run keeps of its workflow, so that a later process can run the same: source, prompts, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..agents.roles import RoleBook
from ..models.budget import Limits
from .bare import bare
from .callees import tree
from .spec import AskNode, SampleNode, ScoreNode, SearchNode, WorkflowSpec
from .workflow import Workflow

if TYPE_CHECKING:
    from .runtime import Runtime


def snapshot_of(workflow: Workflow, models: Mapping[str, str], pins: Mapping[str, Any]) -> dict[str, Any]:
    """All that a later process needs to run the same workflow: source, prompts, settings."""
    from rebut import __version__

    return {
        "rebut": __version__,
        "name": workflow.name,
        "source": workflow.spec.source,
        "path": Path(workflow.spec.path).name,
        "callees": _callees(workflow.spec),
        "roles": workflow.roles.snapshot(uses_of(workflow)),
        "params": dict(workflow.params),
        "models": dict(models),
        "kind": workflow.kind,
        "budget": asdict(workflow.budget) if workflow.budget else None,
        "pins": dict(pins),
    }


def decisive(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What of a snapshot decides how a run goes: neither words for readers nor where the file was."""
    callees = {ref: decisive(one) for ref, one in snapshot.get("callees", {}).items()}
    kept = {key: value for key, value in snapshot.items() if key not in ("rebut", "path", "pins")}
    return {**kept, "source": bare(snapshot["source"]), "callees": callees}


def _callees(spec: WorkflowSpec) -> dict[str, Any]:
    """The files of all workflows that it may call: another one may be chosen where the run is forked."""
    return {
        ref: {"source": one.source, "path": Path(one.path).name, "callees": _callees(one)}
        for ref, one in spec.callees.items()
    }


def uses_of(workflow: Workflow) -> list[tuple[str, str]]:
    """The (role, mode) pairs whose prompts a workflow uses, or one that it calls."""
    return list(dict.fromkeys(use for spec in tree(workflow.spec) for use in _uses(spec)))


def _uses(spec: WorkflowSpec) -> list[tuple[str, str]]:
    uses: dict[tuple[str, str], None] = {}
    for node in spec.nodes.values():
        if isinstance(node, AskNode | SampleNode):
            uses[spec.agents[node.agent].role, node.mode or "default"] = None
        elif isinstance(node, ScoreNode):
            for scorer in node.by:
                uses[spec.agents[scorer].role, "default"] = None
        elif isinstance(node, SearchNode):
            for agent, mode in node.asks():
                uses[spec.agents[agent].role, mode or "default"] = None
    return list(uses)


def workflow_of(snapshot: Mapping[str, Any], runtime: Runtime) -> Workflow:
    """The workflow that a snapshot kept.

    Raises:
        WorkflowInvalid: this rebut does not read it any more.
    """
    from .loader import loads

    kept = snapshot.get("callees", {})  # runs of older versions called nothing
    read = loads(snapshot["source"], path=snapshot["path"], callees=kept)
    roles = _book(snapshot["roles"], read)
    spec = loads(snapshot["source"], path=snapshot["path"], roles=roles, callees=kept)
    budget = Limits(**snapshot["budget"]) if snapshot["budget"] else None
    return Workflow(
        spec, roles, params=snapshot["params"], models=snapshot["models"], kind=snapshot["kind"],
        budget=budget, runtime=runtime,
    )  # fmt: skip


def _book(kept: Mapping[str, str], spec: WorkflowSpec) -> RoleBook:
    """The prompts that a run kept; roles of agents that are never asked are there with nothing to say."""
    known = {key.partition("/")[0] for key in kept}
    asked = {role for one in tree(spec) for role, _ in _uses(one)}
    named = {agent.role for one in tree(spec) for agent in one.agents.values()}
    return RoleBook.from_snapshot({**kept, **{f"{role}/default": "" for role in named - known - asked}})
