"""A workflow as users hold it: loaded, checked, and ready to be run, planned, drawn or put in a graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebut.errors import InputError, suggest
from rebut.events import Event

from ..agents.agent import Agent
from ..agents.answers import KINDS
from ..agents.roles import RoleBook
from ..models.budget import Limits
from .callees import call_nodes, voices_of
from .expressions import Expression
from .params import resolve_params
from .result import Result
from .spec import AgentSpec, CallNode, WorkflowSpec

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from .abilities import Want
    from .plan import Plan
    from .run import Run
    from .runtime import Runtime


class Workflow:
    """A checked workflow with its prompts, and the parameters, models and budget it is to run with.

    Immutable: `with_` gives a changed one.
    """

    def __init__(
        self,
        spec: WorkflowSpec,
        roles: RoleBook,
        *,
        params: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | str | None = None,
        kind: str | None = None,
        budget: Limits | str | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self.spec = spec
        self.roles = roles
        self.params = resolve_params(spec, params or {})
        self.models = {"*": models} if isinstance(models, str) else dict(models or {})
        self.kind = _kind(kind or spec.kind)
        self.budget = Limits.parse(budget) if isinstance(budget, str) else budget
        self.runtime = runtime
        self._agents: dict[Any, dict[str, Agent]] = {}
        self._graphs: dict[int, CompiledStateGraph[Any, Any, Any, Any]] = {}
        _check_models(spec, self.models)

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.spec.name

    def with_(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | str | None = None,
        kind: str | None = None,
        budget: Limits | str | None = None,
        runtime: Runtime | None = None,
    ) -> Workflow:
        """The same workflow with other settings; what is not given stays.

        Raises:
            InputError: a parameter, model key or kind does not fit.
        """
        if not params and not models and kind is None and budget is None and runtime in (None, self.runtime):
            return self
        named = {"*": models} if isinstance(models, str) else dict(models or {})
        changed = Workflow(
            self.spec,
            self.roles,
            params={**self.params, **(params or {})},
            models={**self.models, **named},
            kind=kind or self.kind,
            budget=budget if budget is not None else self.budget,
            runtime=runtime or self.runtime,
        )
        changed._graphs = self._graphs
        return changed

    @property
    def compiled(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The LangGraph graph that a runtime drives, compiled once for all that `with_` gives."""
        from .compile import build

        graph = self._graphs.get(id(self.spec))
        if graph is None:
            graph = self._graphs[id(self.spec)] = build(self.spec)
        return graph

    @cached_property
    def agents_params(self) -> Mapping[str, Any]:
        """The scope in which an agent's settings and facts are evaluated."""
        return {"params": self.params, "kind": self.kind}

    @cached_property
    def wants(self) -> tuple[Want, ...]:
        """What its nodes want of their models beyond words: a matter of the parameters, not of a run."""
        from .abilities import wants

        return wants(self.spec, self.agents_params, self.roles)

    def agents(self, models: Mapping[str, str], default: str) -> dict[str, Agent]:
        """The workflow's agents, each bound to its model.

        A model is looked up by the agent's name, then its role, then ``*``; then what the file says; then
        the settings' model for the role (`models` here), then `default`. That of a seat is looked up by
        ``agent.seat`` and by its name before. Seats that all have one model are no seats.
        """
        key = (tuple(models.items()), default)
        if key not in self._agents:
            specs = self.spec.agents.items()
            self._agents[key] = {name: self._bound(spec, models, default) for name, spec in specs}
        return self._agents[key]

    def _bound(self, spec: AgentSpec, models: Mapping[str, str], default: str) -> Agent:
        from .context import facts_of, value_of

        scope = dict(self.agents_params)
        seats = {
            seat: _given(self.models, spec, seat) or stated or spec.model or models.get(spec.role) or default
            for seat, stated in spec.seats.items()
        }
        one = _given(self.models, spec) or spec.model or models.get(spec.role) or default
        agent = Agent(
            name=spec.name,
            role=self.roles.role(spec.role),
            model=next(iter(seats.values()), one),
            temperature=value_of(spec.temperature, scope),
            top_p=value_of(spec.top_p, scope),
            max_tokens=value_of(spec.max_tokens, scope),
            facts=facts_of(spec.facts, scope),
        )
        if len(set(seats.values())) < 2:
            return agent
        return replace(agent, seats=tuple(replace(agent, name=s, model=m) for s, m in seats.items()))

    def called(self, models: Mapping[str, str], default: str) -> dict[str, Workflow]:
        """The workflows that its nodes call, by node, with the models that come to their agents, and with
        those parameters that are known before a run; `models` and `default` as in `agents`.

        A callee's model is looked up under ``node.agent``; then it is that of the agent whose model the node
        hands down; then it is looked up as for an agent of this workflow.
        """
        if not self.spec.callees:
            return {}
        own = self.own_voices(models, default)
        return {node.name: self._callee(node, self.models, own) for node in call_nodes(self.spec)}

    def _callee(self, node: CallNode, models: Mapping[str, str], own: Mapping[str, str]) -> Workflow:
        from .context import value_of
        from .partial import known

        spec = self.spec.callees[value_of(node.target, dict(self.agents_params))]
        given = {
            name: known(value, self.agents_params) if isinstance(value, Expression) else value
            for name, value in node.params.items()
        }
        callee = Workflow(
            spec,
            self.roles,
            params={name: value for name, value in given.items() if value is not None},
            models=_handed_down(node, spec, models, own),
            kind=self.kind if spec.kind == "auto" else spec.kind,
            runtime=self.runtime,
        )
        callee._graphs = self._graphs
        return callee

    def bound(self, models: Mapping[str, str], default: str) -> Workflow:
        """The same workflow, every agent of it and of those that it calls having its model."""
        return self.with_(models=self.voices(models, default)) if self.spec.callees else self

    def voices(self, models: Mapping[str, str], default: str) -> dict[str, str]:
        """The model of every agent; those of seats are named ``agent.seat``, and those of the workflows that
        it calls ``node.agent``."""
        bound = self.own_voices(models, default)
        for node, callee in self.called(models, default).items():
            bound |= {f"{node}.{name}": model for name, model in callee.voices(models, default).items()}
        return bound

    def own_voices(self, models: Mapping[str, str], default: str) -> dict[str, str]:
        """The model of every agent, and of every seat (``agent.seat``) of those whose seats differ."""
        agents = self.agents(models, default)
        bound = {name: agent.model for name, agent in agents.items()}
        return bound | {f"{n}.{seat.name}": seat.model for n, agent in agents.items() for seat in agent.seats}

    def models_by_agent(self, models: Mapping[str, str] | str | None) -> dict[str, str]:
        """Models given for all (``*``), roles or agents, as a table by agent of those that they change.

        Raises:
            InputError: there is no such agent or role.
        """
        named = {"*": models} if isinstance(models, str) else dict(models or {})
        _check_models(self.spec, named)
        found = {name: _given(named, spec) for name, spec in self.spec.agents.items()}
        for name, spec in self.spec.agents.items():
            found |= {f"{name}.{seat}": _given(named, spec, seat) for seat in spec.seats}
        known = {name: model for name, model in found.items() if model}
        for node in call_nodes(self.spec):
            callee = self._callee(node, {}, {})
            below = callee.models_by_agent(_handed_down(node, callee.spec, named, known))
            known |= {f"{node.name}.{name}": model for name, model in below.items()}
        return known

    async def run(
        self,
        question: str | None = None,
        /,
        *,
        inputs: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | str | None = None,
        budget: Limits | str | None = None,
        seed: int | None = None,
        **others: Any,
    ) -> Result:
        """Run to the answer.

        Args:
            question: the first input; other inputs by name, as keywords or in `inputs`.
            inputs: inputs by name, also those whose names are taken here, such as ``seed``.
            params: parameters that differ from the workflow's.
            models: a model for all agents, or by agent's or role's name.
            budget: limits, such as ``"calls=10,usd=0.5"``.
            seed: makes the seeds of all samples, and so the run, reproducible where the back end is.

        Raises:
            RebutError: the run failed; `error.run` names it, and it can be resumed.
        """
        workflow = self.with_(params=params, models=models, budget=budget)
        runtime = workflow.runtime_or_default()
        return await runtime.begin(
            workflow, workflow.inputs(question, _joined(inputs, others)), seed=seed, watch=False
        ).execute()

    def start(
        self,
        question: str | None = None,
        /,
        *,
        inputs: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | str | None = None,
        budget: Limits | str | None = None,
        seed: int | None = None,
        **others: Any,
    ) -> Run:
        """Start a run in the running event loop, to be watched: iterate over it for its events, await
        `result()` for its result, `cancel()` to stop it. Arguments as in `run`."""
        workflow = self.with_(params=params, models=models, budget=budget)
        given = workflow.inputs(question, _joined(inputs, others))
        run = workflow.runtime_or_default().begin(workflow, given, seed=seed)
        run.start()
        return run

    async def stream(self, question: str | None = None, /, **options: Any) -> AsyncGenerator[Event, None]:
        """The events of a run as they happen; the last is `RunFinished`. Arguments as in `run`.

        Raises:
            RebutError: the run failed, after its last event.
        """
        run = self.start(question, **options)
        try:
            async for event in run:
                yield event
            await run.result()
        finally:
            await run.aclose()

    def run_sync(self, question: str | None = None, /, **options: Any) -> Result:
        """`run` for code that has no event loop.

        Raises:
            RuntimeError: there is a running loop in this thread; await `run` instead.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.run(question, **options))
        raise RuntimeError(
            "there is a running event loop here: write `await workflow.run(...)` instead of run_sync"
        )

    def graph(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The workflow as a LangGraph graph of its own, to be invoked, drawn, or put as a node in another.

        Its state holds the inputs (`question`), every saved name, and at the end `answer`.
        """
        from .compile import build
        from .hosted import RunHost

        return build(self.spec, RunHost(self))

    def plan(self, params: Mapping[str, Any] | None = None) -> Plan:
        """Worst-case calls, tokens, money and critical path, before anything is spent."""
        from .plan import plan

        return plan(self.with_(params=params))

    def draw(self, form: str = "mermaid") -> str:
        """The graph as Mermaid source, or as text.

        Raises:
            InputError: `form` is not one of ``mermaid`` and ``text``.
        """
        from .draw import draw

        return draw(self.spec, form)

    def inputs(self, question: Any, named: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a run, all of them present.

        Raises:
            InputError: one is missing, empty, unknown or given twice.
        """
        wanted = self.spec.inputs
        given = dict(named)
        if question is not None:
            if wanted and wanted[0] in given:
                raise InputError(f"input {wanted[0]!r} is given twice")
            if not wanted:
                raise InputError(f"workflow {self.name!r} takes no input")
            given[wanted[0]] = question
        for name in given:
            if name not in wanted:
                raise InputError(
                    f"workflow {self.name!r} has no input or option {name!r}{suggest(name, wanted)}"
                )
        for name in wanted:
            if name not in given:
                raise InputError(
                    f"input {name!r} is missing (workflow {self.name!r} needs: {', '.join(wanted)})"
                )
            if isinstance(given[name], str) and not given[name].strip():
                raise InputError(f"input {name!r} is empty")
        return given

    def runtime_or_default(self) -> Runtime:
        """Its own runtime, or the default one of the running event loop."""
        if self.runtime is not None:
            return self.runtime
        from .runtime import default_runtime

        return default_runtime()


def load(
    ref: str | Path,
    *,
    params: Mapping[str, Any] | None = None,
    models: Mapping[str, str] | str | None = None,
    kind: str | None = None,
    budget: Limits | str | None = None,
    roles: Sequence[str | Path] = (),
    runtime: Runtime | None = None,
) -> Workflow:
    """Load a workflow by its name in the library or by its file.

    Args:
        ref: a library name such as ``debate``, or the path of a YAML file.
        params: parameters that differ from the file's defaults.
        models: one model string for all agents, or a mapping from agent's or role's name.
        kind: the kind of answer: auto, number, math, choice, yesno, text, code, json.
        budget: limits, such as ``"calls=10,usd=0.5"``.
        roles: folders with roles that go before the package's; a folder ``roles`` beside the file, and the
            settings' folders, are looked in as well.
        runtime: where it runs; by default one for the running event loop, with the default store.

    Raises:
        WorkflowInvalid: the file has mistakes; all are listed with line and column.
        InputError: no such workflow, or a parameter does not fit.
    """
    from rebut.settings import Settings

    from .loader import find
    from .loader import load as load_spec

    path = find(ref)
    folders = [Path(folder) for folder in roles]
    beside = path.parent / "roles"
    if beside.is_dir():
        folders.append(beside)
    folders += [Path(folder) for folder in (runtime.settings if runtime else Settings.load()).roles]
    book = RoleBook(folders)
    spec = load_spec(ref, roles=book)
    return Workflow(spec, book, params=params, models=models, kind=kind, budget=budget, runtime=runtime)


def loads(
    text: str,
    *,
    path: str = "<string>",
    roles: Sequence[str | Path] = (),
    **options: Any,
) -> Workflow:
    """Load a workflow from YAML text; options as in `load`.

    Raises:
        WorkflowInvalid: the text has mistakes.
    """
    from .loader import loads as loads_spec

    book = RoleBook([Path(folder) for folder in roles])
    return Workflow(loads_spec(text, path=path, roles=book), book, **options)


def _joined(inputs: Mapping[str, Any] | None, others: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs given as a mapping and those given as keywords.

    Raises:
        InputError: `inputs` is no mapping, or one is given both ways.
    """
    given: Any = {} if inputs is None else inputs
    if not isinstance(given, Mapping):
        raise InputError(f"inputs is a mapping of inputs by name, found {type(given).__name__}")
    for name in given:
        if name in others:
            raise InputError(f"input {name!r} is given twice")
    return {**given, **others}


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise InputError(f"unknown kind of answer: {kind!r}{suggest(kind, KINDS)}")
    return kind


def _check_models(spec: WorkflowSpec, models: Mapping[str, str]) -> None:
    for key in models:
        if key != "*" and key not in (possible := voices_of(spec)):
            raise InputError(
                f"workflow {spec.name!r} has no agent or role {key!r}{suggest(key, list(possible))}"
            )


def _given(models: Mapping[str, str], agent: AgentSpec, seat: str = "") -> str | None:
    """The model that is given for an agent, or for one of its seats."""
    alone = models.get(f"{agent.name}.{seat}") or models.get(seat) if seat else None
    return alone or models.get(agent.name) or models.get(agent.role) or models.get("*")


def _handed_down(
    node: CallNode, callee: WorkflowSpec, models: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    """The models of a called workflow, given those named for its caller, and those of the caller's agents."""
    below = voices_of(callee)
    given = {key: model for key, model in models.items() if key == "*" or key in below}
    if "*" in node.agents:
        given = {"*": own[node.agents["*"]]} if node.agents["*"] in own else {}
    for theirs, ours in node.agents.items():
        if theirs in callee.agents and ours in own:
            given[theirs] = own[ours]
    start = f"{node.name}."
    here = {key.removeprefix(start): model for key, model in models.items() if key.startswith(start)}
    return given | {key: model for key, model in here.items() if key in below}
