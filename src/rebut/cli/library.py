"""``rebut list``, ``describe``, ``plan`` and ``draw``: what workflows there are, and what they would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from . import inputs, options, output

if TYPE_CHECKING:
    from ..graphs.plan import NodePlan, Plan
    from ..graphs.spec import AgentSpec, Param, WorkflowSpec
    from ..graphs.workflow import Workflow


@click.command("list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the workflows of the library. CALLS is their worst case.

    \b
    rebut list
    """
    import rebut

    from ..graphs.loader import names

    found = [(workflow, planned(workflow)) for workflow in map(rebut.load, names())]
    if as_json:
        output.say_json([_listed(workflow.spec, plan) for workflow, plan in found])
        return
    output.say_table(("NAME", "CALLS", "WHAT IT DOES"), [_row(w.spec, plan) for w, plan in found])


def _row(spec: WorkflowSpec, plan: Plan | None) -> tuple[str, str, str]:
    cite = f" [{spec.cite}]" if spec.cite else ""
    return spec.name, f"<={plan.calls}" if plan else "?", spec.title + cite


def _listed(spec: WorkflowSpec, plan: Plan | None) -> dict[str, Any]:
    calls = plan.calls if plan else None
    return {"name": spec.name, "title": spec.title, "cite": spec.cite, "calls": calls}


@click.command()
@click.argument("workflow")
@click.option("--markdown", is_flag=True, help="As a page of documentation, with its graph and its file.")
@options.as_json
def describe(workflow: str, markdown: bool, as_json: bool) -> None:
    """Tell a workflow's parameters, agents, source and cost.

    \b
    rebut describe debate
    rebut describe mine.yaml --markdown > mine.md
    """
    import rebut

    loaded = rebut.load(workflow)
    if markdown:
        from .pages import page

        output.say(page(loaded).rstrip("\n"))
        return
    if as_json:
        output.say_json(described(loaded))
        return
    title = f": {loaded.spec.title}" if loaded.spec.title else ""
    output.say(loaded.name + title, style={"bold": True})
    for line in _description(loaded):
        output.say(line)


def described(workflow: Workflow) -> dict[str, Any]:
    """The workflow as JSON types."""
    spec, plan = workflow.spec, planned(workflow)
    return {
        "name": spec.name,
        "title": spec.title,
        "about": spec.about,
        "cite": spec.cite,
        "kind": spec.kind,
        "inputs": list(spec.inputs),
        "params": {name: asdict(param) for name, param in spec.params.items()},
        "agents": {
            name: {"role": a.role, "model": a.model} | ({"seats": dict(a.seats)} if a.seats else {})
            for name, a in spec.agents.items()
        },
        "calls": plan.calls if plan else None,
        "calls_typical": plan.calls_typical if plan else None,
    }


def _description(workflow: Workflow) -> Iterator[str]:
    spec, plan = workflow.spec, planned(workflow)
    yield from ("", spec.about.strip()) if spec.about.strip() else ()
    yield from ("", f"source  {spec.cite}") if spec.cite else ("",)
    yield f"inputs  {', '.join(spec.inputs) or 'none'}"
    yield f"calls   {calls_told(plan)}"
    if spec.params:
        yield from ("", "parameters (-p NAME=VALUE)")
        yield from _aligned([(name, told_param(param)) for name, param in spec.params.items()])
    below = _below(workflow)
    if spec.agents or below:
        yield from ("", "agents (-m NAME=MODEL)")
        told = {name: _agent_told(agent) for name, agent in spec.agents.items()}
        yield from _aligned([*told.items(), *below])


def _agent_told(agent: AgentSpec) -> str:
    model = f", model {agent.model}" if agent.model else ""
    return agent.role + model + (f", seats {', '.join(agent.seats)}" if agent.seats else "")


def _below(workflow: Workflow) -> list[tuple[str, str]]:
    """The agents of workflows that it calls, as models are given for them."""
    called = workflow.called({}, "").items()
    return [
        (f"{node}.{name}", f"{agent.role}, of {callee.name}")
        for node, callee in called
        for name, agent in callee.spec.agents.items()
    ]


def calls_told(plan: Plan | None) -> str:
    """The bound on the calls, in words."""
    if plan is None:
        return "as many as the question asks for"
    return f"at most {plan.calls}, typically {plan.calls_typical}, {plan.path} one after another"


def told_param(param: Param) -> str:
    """A parameter's default, bounds and help on one line."""
    default = "none" if param.default is None else str(param.default)
    facts = [default]
    if param.min is not None or param.max is not None:
        low = "" if param.min is None else f"{param.min:g}"
        facts.append(f"({low}..{'' if param.max is None else f'{param.max:g}'})")
    if param.choices:
        facts.append(f"({' | '.join(map(str, param.choices))})")
    return " ".join([*facts, param.help]).strip()


def _aligned(rows: list[tuple[str, str]]) -> Iterator[str]:
    wide = max(len(name) for name, _ in rows)
    return (f"  {name:<{wide}}  {told}".rstrip() for name, told in rows)


@click.command()
@click.argument("workflow")
@options.param
@click.option("-m", "--model", "models", multiple=True, metavar="[ROLE=]MODEL", help="Price these models.")
@options.as_json
def plan(workflow: str, params: tuple[str, ...], models: tuple[str, ...], as_json: bool) -> None:
    """Bound calls, tokens and money before anything is spent.

    \b
    rebut plan debate -p rounds=5
    """
    import rebut

    loaded = rebut.load(workflow, models=inputs.models_of(models))
    bound = loaded.plan(inputs.params_of(params))
    if as_json:
        output.say_json(asdict(bound))
        return
    say_plan(bound)


def say_plan(plan: Plan) -> None:
    """The plan as a table, its sum, and its notes."""
    from ..view.text import many, money, short

    if plan.nodes:
        headings = ("NODE", "VISITS", "CALLS EACH", "TYPICALLY", "MODEL", "DOES")
        output.say_table(headings, [_plan_row(row) for row in plan.nodes])
        output.say()
    output.say(f"at most {many(plan.calls, 'call')}, {short(plan.tokens)} tokens, {money(plan.usd)}")
    output.say(f"typically {many(plan.calls_typical, 'call')}; {plan.path} one after another")
    for note in plan.notes:
        output.say(f"note: {note}")


def _plan_row(row: NodePlan) -> tuple[str, ...]:
    return (
        row.node,
        f"<={row.visits}",
        f"<={row.calls}",
        str(row.typical),
        ", ".join(dict.fromkeys(model or "default" for model in row.models)) or "default",
        " ".join([row.does, ", ".join(row.agents)]),
    )


def planned(workflow: Workflow) -> Plan | None:
    """The workflow's plan, or None when its calls depend on what will be asked."""
    from rebut.errors import WorkflowError

    try:
        return workflow.plan()
    except WorkflowError:
        return None


@click.command()
@click.argument("workflow")
@click.option("--format", "form", default="text", show_default=True, metavar="text|mermaid")
def draw(workflow: str, form: str) -> None:
    """Draw a workflow's graph.

    \b
    rebut draw debate --format mermaid > debate.mmd
    """
    import rebut

    output.say(rebut.load(workflow).draw(form))
