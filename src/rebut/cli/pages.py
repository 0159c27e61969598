"""A workflow's page of documentation in Markdown, made from its file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebut.errors import RebutError

from .library import calls_told, planned, told_param

if TYPE_CHECKING:
    from ..graphs.plan import Plan
    from ..graphs.spec import AgentSpec, Param
    from ..graphs.workflow import Workflow


def page(workflow: Workflow) -> str:
    """What it does, when to use it, its parameters and agents, what it costs, its graph and its source."""
    spec = workflow.spec
    parts = [f"# {spec.name}", *filter(None, (spec.title and f"**{spec.title}.**", spec.about.strip()))]
    parts += [f"Source: {spec.cite}."] if spec.cite else []
    parts.append(_command(workflow))
    if spec.params:
        rows = [(f"`{name}`", _cell(told_param(param))) for name, param in spec.params.items()]
        parts += ["## Parameters", table(("parameter", "default, range, meaning"), rows)]
    if spec.agents:
        parts += ["## Agents", *_agents(spec.agents)]
    parts += ["## Cost", *_cost(workflow)]
    parts += ["## Graph", f"```mermaid\n{workflow.draw('mermaid')}\n```"]
    parts += ["## File", f"```yaml\n{workflow.spec.source.strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _agents(agents: Mapping[str, AgentSpec]) -> Iterator[str]:
    rows = [(f"`{name}`", f"`{a.role}`", _cell(a.model or ""), _code(a.seats)) for name, a in agents.items()]
    seated = any(agent.seats for agent in agents.values())
    headings = ("agent", "role", "model", "seats")
    yield table(headings if seated else headings[:3], [row if seated else row[:3] for row in rows])
    if seated:
        yield "Seats speak in turn where they are given models of their own, such as `-m a=MODEL`."


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def index(workflows: Iterable[Workflow]) -> str:
    """The list of all pages."""
    rows = []
    for workflow in workflows:
        plan = planned(workflow)
        calls = f"{plan.calls_typical} ({plan.calls})" if plan else "?"
        name = workflow.spec.name
        rows.append((f"[{name}]({name}.md)", _cell(workflow.spec.title), calls, _cell(workflow.spec.cite)))
    about = (
        "Made from the files of the library. `calls`: typically, and at most, with the default parameters."
    )
    return f"# Workflows\n\n{about}\n\n{table(('workflow', 'what it does', 'calls', 'source'), rows)}\n"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("  ", " ") for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _command(workflow: Workflow) -> str:
    first, others = workflow.spec.inputs[:1], workflow.spec.inputs[1:]
    given = "".join([' "..."' for _ in first] + [f" --input {name}=..." for name in others])
    return f"```console\n$ rebut run {_typed(workflow)}{given}\n```"


def _typed(workflow: Workflow) -> str:
    """The workflow as it has to be typed: its name if it is of the library, else its file."""
    from ..graphs.loader import LIBRARY

    path = Path(workflow.spec.path)
    if path.parent == LIBRARY or workflow.spec.path in ("", "<string>"):
        return workflow.spec.name
    bare = path.parent == Path() and not path.suffix  # without a folder it would be a name of the library
    return shlex.quote(f".{os.sep}{path}" if bare else str(path))


def _cost(workflow: Workflow) -> Iterator[str]:
    plan = planned(workflow)
    yield f"Calls: {calls_told(plan)}."
    if plan is None:
        return
    rows = [
        (f"`{n.node}`", " ".join([n.does, ", ".join(n.agents)]), str(n.visits), str(n.typical), str(n.calls))
        for n in plan.nodes
    ]
    yield table(("node", "what it calls", "visits at most", "calls a visit", "with re-asks"), rows)
    if grown := list(_growth(workflow, plan)):
        yield "How calls grow, one parameter changed at a time:"
        yield table(("parameters", "typically", "at most"), grown)


def _growth(workflow: Workflow, plan: Plan) -> Iterator[tuple[str, str, str]]:
    for name, param in workflow.spec.params.items():
        for value in _others(param):
            try:
                changed = workflow.plan({name: value})
            except RebutError:
                continue
            if (changed.calls, changed.calls_typical) != (plan.calls, plan.calls_typical):
                yield _cell(f"`{name}={_shown(value)}`"), str(changed.calls_typical), str(changed.calls)


def _others(param: Param) -> list[object]:
    """Values beside the default that show what a parameter costs."""
    if isinstance(param.default, bool):
        return [not param.default]
    if param.choices:
        return [choice for choice in param.choices if choice != param.default]
    if isinstance(param.default, int) and param.default > 0:
        return (
            [param.default * 2] if param.max is None or param.default * 2 <= param.max else [int(param.max)]
        )
    return []


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
