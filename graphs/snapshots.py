"""What a run keeps of its workflow, so that a later process can run the same: source, prompts, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..agents.roles import RoleBook
from ..models.budget import Limits
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
        "roles": workflow.roles.snapshot(uses_of(workflow)),
        "params": dict(workflow.params),
        "models": dict(models),
        "kind": workflow.kind,
        "budget": asdict(workflow.budget) if workflow.budget else None,
        "pins": dict(pins),
    }


def uses_of(workflow: Workflow) -> list[tuple[str, str]]:
    """The (role, mode) pairs whose prompts a workflow uses."""
    from .spec import AskNode, SampleNode, ScoreNode, SearchNode

    uses: dict[tuple[str, str], None] = {}
    for node in workflow.spec.nodes.values():
        if isinstance(node, AskNode | SampleNode):
            uses[workflow.spec.agents[node.agent].role, node.mode or "default"] = None
        elif isinstance(node, ScoreNode):
            for scorer in node.by:
                uses[workflow.spec.agents[scorer].role, "default"] = None
        elif isinstance(node, SearchNode):
            for agent, mode in node.asks():
                uses[workflow.spec.agents[agent].role, mode or "default"] = None
    return list(uses)


def workflow_of(snapshot: Mapping[str, Any], runtime: Runtime) -> Workflow:
    """The workflow that a snapshot kept.

    Raises:
        WorkflowInvalid: this rebut does not read it any more.
    """
    from .loader import loads

    roles = RoleBook.from_snapshot(dict(snapshot["roles"]))
    spec = loads(snapshot["source"], path=snapshot["path"], roles=roles)
    budget = Limits(**snapshot["budget"]) if snapshot["budget"] else None
    return Workflow(
        spec, roles, params=snapshot["params"], models=snapshot["models"], kind=snapshot["kind"],
        budget=budget, runtime=runtime,
    )  # fmt: skip
