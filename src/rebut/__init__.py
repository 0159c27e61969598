"""rebut: declarative workflows in which language-model agents solve, review, refine, debate and judge.

>>> import rebut
>>> workflow = rebut.load("self-consistency", params={"samples": 8})
>>> workflow.name
'self-consistency'

`await workflow.run(question)` gives a `Result`; `workflow.stream(question)` its events; `workflow.graph()`
the LangGraph graph. Names are loaded when first used, so that importing rebut costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rebut.agents.pictures import picture as picture
    from rebut.errors import RebutError as RebutError
    from rebut.events import Event as Event
    from rebut.graphs.diagnostics import WorkflowInvalid as WorkflowInvalid
    from rebut.graphs.plan import Plan as Plan
    from rebut.graphs.result import Result as Result
    from rebut.graphs.run import Run as Run
    from rebut.graphs.runtime import Runtime as Runtime
    from rebut.graphs.workflow import Workflow as Workflow
    from rebut.graphs.workflow import load as load
    from rebut.graphs.workflow import loads as loads
    from rebut.models.budget import Limits as Limits
    from rebut.scenarios.runner import measure as measure
    from rebut.settings import Settings as Settings

_HOMES = {
    "Event": "rebut.events",
    "Limits": "rebut.models.budget",
    "Plan": "rebut.graphs.plan",
    "RebutError": "rebut.errors",
    "Result": "rebut.graphs.result",
    "Run": "rebut.graphs.run",
    "Runtime": "rebut.graphs.runtime",
    "Settings": "rebut.settings",
    "Workflow": "rebut.graphs.workflow",
    "WorkflowInvalid": "rebut.graphs.diagnostics",
    "load": "rebut.graphs.workflow",
    "loads": "rebut.graphs.workflow",
    "measure": "rebut.scenarios.runner",
    "picture": "rebut.agents.pictures",
}

__all__ = [
    "Event",
    "Limits",
    "Plan",
    "RebutError",
    "Result",
    "Run",
    "Runtime",
    "Settings",
    "Workflow",
    "WorkflowInvalid",
    "__version__",
    "load",
    "loads",
    "measure",
    "picture",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rebut' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
