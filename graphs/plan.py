"""What a run can cost at most, before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rebut.errors import SettingsError, WorkflowError

from .abilities import hold
from .analysis import loop_bounds
from .expressions import Expression
from .partial import decided, known, live_edges
from .ranges import ranges
from .search.cost import SearchCost, Unbounded, cost_of
from .sizes import Sizes, bounds, items_of, number_of, size_of
from .spec import START, AskNode, CallNode, Fork, NodeSpec, SampleNode, ScoreNode, SearchNode, WorkflowSpec
from .walks import Live, Walks

if TYPE_CHECKING:
    from .workflow import Workflow

REASKS = 1
"""How often an agent is asked again when its reply does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One node's part: at most `visits` visits of `calls` calls each (`typical` without a re-ask)."""

    node: str
    does: str
    agents: tuple[str, ...]
    models: tuple[str, ...]
    visits: int
    calls: int
    typical: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A bound on a run.

    Attributes:
        calls: completions asked for, at most; re-asks of replies that do not fit are counted.
        calls_typical: the same without re-asks.
        path: calls one after another on the critical path, at most.
        tokens: about how many tokens that is at most: completions at their limits, prompts estimated.
        usd: what these tokens cost; None where a price is not known.
        nodes: each node's part.
        notes: what the bound rests on.
    """

    calls: int
    calls_typical: int
    path: int
    tokens: int
    usd: float | None
    nodes: tuple[NodePlan, ...]
    notes: tuple[str, ...]


def plan(workflow: Workflow) -> Plan:
    """Bound a run of the workflow under its parameters.

    That a run would be refused, as a model cannot do what a node wants of it, is a note: the bound holds for
    whichever model is chosen then.

    Raises:
        WorkflowError: a fan-out's size cannot be bounded (give the node an `at_most`).
    """
    found = _Planner(workflow).plan()
    return replace(found, notes=(*_refusal(workflow), *found.notes))


def _refusal(workflow: Workflow) -> list[str]:
    from rebut.settings import Settings

    from ..models.gateway import Gateway

    runtime = workflow.runtime
    settings = runtime.settings if runtime is not None else Settings.load()
    gateway = runtime.gateway if runtime is not None else Gateway(settings)
    workflow = workflow.bound(settings.models, settings.model)
    agents = workflow.agents(settings.models, settings.model)
    try:
        hold(workflow, agents, gateway.capabilities)
    except SettingsError as error:
        return [f"a run is refused: {error}"]
    return []


class _Planner:
    """Bounds one workflow; `inputs` are the sizes of those of its inputs that are lists."""

    def __init__(self, workflow: Workflow, inputs: Sizes | None = None) -> None:
        self.workflow = workflow
        self.spec: WorkflowSpec = workflow.spec
        self.scope: Mapping[str, Any] = workflow.agents_params
        live = live_edges(self.spec, self.scope)
        bounded, shared = _times(self.spec, self.scope, live)
        self.walks = Walks(live, bounded, shared)
        self.visits = {name: self.walks.visits(name) for name in self.spec.nodes}
        self._called = workflow.called({}, "")
        self._within: dict[tuple[str, tuple[tuple[str, int | None], ...]], tuple[_Planner, ...]] = {}
        self.sizes: Sizes = bounds(self.spec, self.scope, self.visits, inputs, self._kept)
        self.items = {name: self._items(node) for name, node in self.spec.nodes.items() if self.visits[name]}
        self.below = {name: self._below(name) for name in self._called if self.visits[name]}

    def plan(self) -> Plan:
        worst = {name: self._calls(self.spec.nodes[name], reasks=True) for name in self.items}
        typical = {name: self._calls(self.spec.nodes[name], reasks=False) for name in self.items}
        path = {name: self._path(self.spec.nodes[name]) for name in self.items}
        calls = int(self.walks.costliest(lambda name: worst.get(name, 0)))
        tokens, usd, notes = self._spend(worst)
        rows = tuple(self._row(name, worst[name], typical[name]) for name in self.items if worst[name])
        limit = self.workflow.budget
        if limit is not None and limit.calls is not None and limit.calls < calls:
            notes.append(f"the budget ends it after {limit.calls:g} calls")
        return Plan(
            calls=calls,
            calls_typical=int(self.walks.costliest(lambda name: typical.get(name, 0))),
            path=int(self.walks.costliest(lambda name: path.get(name, 0), side_by_side=True)),
            tokens=tokens,
            usd=usd,
            nodes=rows,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _planners(self, node: CallNode, sizes: Sizes) -> tuple[_Planner, ...]:
        """Planners of the workflow that a node calls, for all values that its parameters may have."""
        callee = self._called[node.name]
        lists = tuple((name, self._input(node, name, sizes)) for name in callee.spec.inputs)
        if (node.name, lists) not in self._within:
            try:
                found = ranges(node, callee.spec, self.scope)
            except WorkflowError as error:
                raise WorkflowError(f"{self._place(node)}: {error}") from None
            planners = tuple(_Planner(callee.with_(params=params), dict(lists)) for params in found)
            self._within[node.name, lists] = planners
        return self._within[node.name, lists]

    def _kept(self, node: CallNode, sizes: Sizes) -> dict[str, int | None]:
        planners = self._planners(node, sizes)
        found = {f"kept {name}": [p.sizes.get(name) for p in planners] for name in node.keep}
        found["kept answer"] = [size_of(p.spec.answer, p.sizes, p.scope) for p in planners]
        return {
            name: None if None in some else max((s for s in some if s), default=0)
            for name, some in found.items()
        }

    def _input(self, node: CallNode, name: str, sizes: Sizes) -> int | None:
        """How many items a list has that is given as an input."""
        if name not in node.inputs:
            return sizes.get(name)
        value = node.inputs[name]
        if isinstance(value, Expression):
            return size_of(value, sizes, self.scope)
        return len(value) if isinstance(value, list | tuple) else 1

    def _below(self, name: str) -> Plan:
        """The bound of one call of the workflow that a node calls, whatever its parameters are then."""
        node = self.spec.nodes[name]
        assert isinstance(node, CallNode)
        plans = [planner.plan() for planner in self._planners(node, self.sizes)]
        prices = [plan.usd for plan in plans if plan.usd is not None]
        return replace(
            plans[0],
            calls=max(plan.calls for plan in plans),
            calls_typical=max(plan.calls_typical for plan in plans),
            path=max(plan.path for plan in plans),
            tokens=max(plan.tokens for plan in plans),
            usd=max(prices) if len(prices) == len(plans) else None,
            notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
        )

    def _place(self, node: NodeSpec) -> str:
        return f"{self.spec.path or self.spec.name}:{node.span.line}"

    def _items(self, node: NodeSpec) -> int:
        if not isinstance(node, AskNode | SampleNode | ScoreNode | CallNode):
            return 0
        found = items_of(node, self.sizes, self.scope)
        if found is None:
            what = "n" if isinstance(node, SampleNode) else "the number of items"
            raise WorkflowError(
                f"{self._place(node)}: {what} of node {node.name!r} cannot "
                f"be bounded before the run (let it depend on params alone, or give the node an at_most)"
            )
        return found

    def _calls(self, node: NodeSpec, *, reasks: bool) -> int:
        count = self.items[node.name]
        if isinstance(node, ScoreNode):
            calls = sum(
                count * self._each(scorer, None, reasks)
                for scorer in node.by
                if scorer not in node.when or decided(node.when[scorer], self.scope) is not False
            )
        elif isinstance(node, SearchNode):
            cost = self._search(node)
            asked = sum(self._each(agent, node.modes.get(agent), reasks) for agent in node.by)
            calls = cost.proposed + cost.rolled + cost.valued * cost.asks * asked
        elif isinstance(node, AskNode | SampleNode):
            calls = count * self._each(node.agent, node.mode, reasks)
        elif isinstance(node, CallNode):
            below = self.below[node.name]
            stated = self._called[node.name].spec.budget
            limit = None if stated is None else number_of(stated.calls, self._called[node.name].agents_params)
            each = below.calls if reasks else below.calls_typical
            calls = count * (each if limit is None else min(each, limit))
        else:
            return 0
        if node.budget is not None:
            limit = number_of(node.budget.calls, self.scope)
            calls = calls if limit is None else min(calls, limit)
        return calls

    def _each(self, agent: str, mode: str | None, reasks: bool) -> int:
        role_mode = self.workflow.roles.mode(self.spec.agents[agent].role, mode)
        again = role_mode.returns != "text" or role_mode.answer_required
        return 1 + (REASKS if reasks and again else 0)

    def _search(self, node: SearchNode) -> SearchCost:
        try:
            return cost_of(node, self.scope)
        except Unbounded as slot:
            raise WorkflowError(
                f"{self._place(node)}: {slot} of node {node.name!r} "
                f"cannot be bounded before the run (it may depend on params and depth, and not be too large)"
            ) from None

    def _path(self, node: NodeSpec) -> int:
        if isinstance(node, SearchNode):
            cost = self._search(node)
            each = max((self._each(agent, node.modes.get(agent), True) for agent in node.by), default=0)
            again = 2 if node.alternatives is not False else 1
            root = each if node.root is not None and node.unit == "whole" else 0
            return root + cost.rounds * (again + cost.rolls + cost.values * each)
        if isinstance(node, CallNode) and self.items[node.name]:
            return self.below[node.name].path
        if not isinstance(node, AskNode | SampleNode | ScoreNode) or not self.items[node.name]:
            return 0
        if isinstance(node, ScoreNode):
            return max((self._each(scorer, None, True) for scorer in node.by), default=0)
        each = self._each(node.agent, node.mode, True)
        if isinstance(node, SampleNode) and node.stop is not None:
            wave = number_of(node.wave, self.scope) or 1
            return each * math.ceil(self.items[node.name] / wave)
        return each

    def _row(self, name: str, calls: int, typical: int) -> NodePlan:
        node = self.spec.nodes[name]
        does: str = node.does
        bound, agents = self.workflow.agents({}, ""), _agents_of(node)
        models = [voice.model for agent in agents for voice in bound[agent].voices]
        if isinstance(node, CallNode):
            does, called = f"call {self._called[name].name}", self._called[name].voices({}, "")
            agents, models = tuple(called), list(called.values())
        return NodePlan(
            node=name,
            does=does,
            agents=agents,
            models=tuple(dict.fromkeys(models)),
            visits=self.visits[name],
            calls=calls,
            typical=typical,
        )

    def _spend(self, worst: Mapping[str, int]) -> tuple[int, float | None, list[str]]:
        from .spend import Spend

        spend = Spend(self.workflow, self.sizes, self.below, self.items)
        tokens = int(self.walks.costliest(lambda name: worst.get(name, 0) * spend.tokens(name)))
        usd = spend.usd(self.walks, worst)
        notes = [
            "transport retries are not counted: a request that the server refuses is not paid for",
            *spend.notes,
        ]
        return tokens, usd, notes


def _agents_of(node: NodeSpec) -> tuple[str, ...]:
    if isinstance(node, ScoreNode):
        return node.by
    if isinstance(node, SearchNode):
        return tuple(dict.fromkeys(agent for agent, _ in node.asks()))
    return (node.agent,) if isinstance(node, AskNode | SampleNode) else ()


def _reachable(live: Live, node: str, *, without: str) -> bool:
    """Whether a walk from the start can come to `node` without a visit of `without` before."""
    todo, seen = [START], {without}
    while todo:
        name = todo.pop()
        if name == node:
            return True
        if name in seen:
            continue
        seen.add(name)
        edges = live.get(name, ())
        todo.extend(edges.to if isinstance(edges, Fork) else (edge.to for _, edge in edges))
    return False


def _times(
    spec: WorkflowSpec, scope: Mapping[str, Any], live: Live
) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], str]]:
    """How often each bounded edge can be taken, and by which node's visits it is bounded."""
    times: dict[tuple[str, int], int] = {}
    shared: dict[tuple[str, int], str] = {}
    for edge, bound in loop_bounds(spec).items():
        limit = known(bound.bound, scope)
        if limit is None:
            raise WorkflowError(
                f"the bound {bound.bound.source!r} of the loop at node {edge[0]!r} is no number"
            )
        seen = int(bound.node == edge[0] or not _reachable(live, edge[0], without=bound.node))
        most = math.ceil(limit) if bound.strict else math.floor(limit) + 1
        times[edge] = max(most - seen, 0)
        shared[edge] = bound.node
    return times, shared
