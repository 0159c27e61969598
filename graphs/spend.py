"""Tokens and money of a plan: completions at their limits, prompts estimated from what they quote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rebut.errors import SettingsError, WorkflowError

from .context import value_of
from .sizes import Sizes, number_of
from .spec import AskNode, NodeSpec, SampleNode, ScoreNode, SearchNode, SetNode
from .walks import Walks

if TYPE_CHECKING:
    from ..agents.agent import Agent
    from ..models.gateway import Gateway
    from .plan import Plan
    from .workflow import Workflow

UNLIMITED = 1024
"""Tokens assumed for a completion that nothing limits."""

BYTES_PER_TOKEN = 3.0


class Spend:
    """Estimates for the nodes of one workflow; `below` are plans of what its nodes call, `items` says how
    many items a visit of each node works on at most."""

    def __init__(
        self, workflow: Workflow, sizes: Sizes, below: Mapping[str, Plan], items: Mapping[str, int]
    ) -> None:
        self._below = below
        self._items = items
        self._workflow = workflow
        self._sizes = sizes
        self._agents = workflow.agents({}, _default_model(workflow))
        self._gateway = _gateway(workflow)
        self._replies = {name: self._reply(agent) for name, agent in self._agents.items()}
        self._length = self._lengths()
        self.notes: list[str] = []
        if any(self._limit(agent, None) is None for agent in self._agents):
            self.notes.append(f"a completion without max_tokens is taken for {UNLIMITED} tokens")
        self.notes += [note for plan in below.values() for note in plan.notes]

    def tokens(self, node: str) -> float:
        """Tokens of one call of the node."""
        if node in self._below:
            return self._below[node].tokens / max(self._below[node].calls, 1)
        return sum(self._parts(node))

    def usd(self, walks: Walks, calls: Mapping[str, int]) -> float | None:
        """US dollars of the costliest walk, None when a price is not known."""
        used = {agent for name in calls for agent in _agents(self._workflow.spec.nodes[name])}
        prices = {v.model: self._price(v.model) for agent in used for v in self._agents[agent].voices}
        unknown = sorted(model for model, price in prices.items() if price is None)
        if unknown:
            self.notes.append(f"no price known for {', '.join(unknown)}")
        if unknown or any(calls.get(node) and plan.usd is None for node, plan in self._below.items()):
            return None

        def cost(node: str) -> float:
            if not calls.get(node):
                return 0.0
            if node in self._below:
                return calls[node] * (self._below[node].usd or 0.0) / max(self._below[node].calls, 1)
            prompt, completion = self._parts(node)
            each = {m: prompt * p[0] + completion * p[1] for m, p in prices.items() if p is not None}
            return calls[node] * self._dearest(self._workflow.spec.nodes[node], each)

        return walks.costliest(cost)

    def _dearest(self, node: NodeSpec, costs: Mapping[str, float]) -> float:
        """What a call of the node costs at most, on average over those of a visit; `costs` by model."""
        voices = [[costs[voice.model] for voice in self._agents[agent].voices] for agent in _agents(node)]
        count = self._items.get(node.name, 0)
        dealt = isinstance(node, AskNode | SampleNode) and getattr(node, "seat", None) is None
        if not dealt or node.budget is not None or not count:
            return max(cost for costs in voices for cost in costs)
        [seats] = voices
        rounds, rest = divmod(count, len(seats))
        return (rounds * sum(seats) + sum(seats[:rest])) / count

    def _price(self, model: str) -> tuple[float, float] | None:
        return self._gateway.price(model)

    def _parts(self, node: str) -> tuple[float, float]:
        """Prompt and completion tokens of one call."""
        spec = self._workflow.spec.nodes[node]
        if isinstance(spec, SearchNode):
            return self._searched(spec)
        prompt = completion = 0.0
        for agent in _agents(spec):
            mode = self._workflow.roles.mode(
                self._workflow.spec.agents[agent].role, getattr(spec, "mode", None)
            )
            quoted = sum(self._length.get(self._source(spec, name), 0.0) for name in mode.needs | mode.wants)
            static = len(mode.template.source) / BYTES_PER_TOKEN + 100
            prompt = max(prompt, static + quoted)
            completion = max(completion, float(self._most(spec, agent)))
        if getattr(spec, "prefill", None) is not None:
            prompt += completion  # about as long as what it was begun with
        return prompt, completion

    def _most(self, node: NodeSpec, agent: str) -> int:
        """Tokens of one completion, at most."""
        own = number_of(getattr(node, "max_tokens", None), self._workflow.agents_params)
        own = self._held(agent, own) if own else self._limit(agent, getattr(node, "mode", None))
        return own or UNLIMITED

    def _searched(self, spec: SearchNode) -> tuple[float, float]:
        """Of the costliest call of a search: its prompt holds the longest text that can be begun."""
        prompt = completion = 0.0
        scope = dict(self._workflow.agents_params)
        whole = self._unit(spec) * (1 if spec.unit == "whole" else number_of(spec.depth, scope) or 1)
        for agent, named in spec.asks():
            mode = self._workflow.roles.mode(self._workflow.spec.agents[agent].role, named)
            quoted = sum(self._length.get(name, 0.0) for name in mode.needs | mode.wants)
            prompt = max(prompt, len(mode.template.source) / BYTES_PER_TOKEN + 100 + quoted + whole)
            limit = self._unit(spec) if agent == spec.agent else self._limit(agent, named) or UNLIMITED
            completion = max(completion, float(limit))
        return prompt, completion

    def _unit(self, spec: SearchNode) -> int:
        """Tokens of the longest unit."""
        scope = dict(self._workflow.agents_params)
        if spec.max_tokens is None:
            return self._limit(spec.agent, spec.mode) or UNLIMITED
        depths = range(min(number_of(spec.depth, scope) or 1, 64))
        own = int(max(value_of(spec.max_tokens, {**scope, "depth": depth}) for depth in depths))
        return self._held(spec.agent, own) or own

    @staticmethod
    def _source(spec: NodeSpec, name: str) -> str:
        if isinstance(spec, AskNode) and spec.for_each and name in spec.for_each:
            return f"{name} of {next(iter(spec.for_each[name].names), name)}"
        return name

    def _limit(self, agent: str, mode: str | None) -> int | None:
        spec = self._workflow.spec.agents[agent]
        own = value_of(spec.max_tokens, dict(self._workflow.agents_params))
        if own is not None:
            return self._held(agent, int(own))
        try:
            return self._held(agent, self._workflow.roles.mode(spec.role, mode).max_tokens)
        except WorkflowError:
            return self._held(agent, None)

    def _held(self, agent: str, asked: int | None) -> int | None:
        """The limit of a completion for which `asked` tokens are allowed, with that of the agent's models."""
        most = self._replies[agent]
        return min(most, asked or most) if most else asked

    def _reply(self, agent: Agent) -> int:
        """What the back ends of an agent's models hold every completion to; 0 where one of them does not."""
        most = 0
        for model in {voice.model for voice in agent.voices}:
            try:
                limit = self._gateway.capabilities(model).reply
            except SettingsError:  # is said where the model is asked
                limit = 0
            if not limit:
                return 0
            most = max(most, limit)
        return most

    def _lengths(self) -> dict[str, float]:
        """About how many tokens a prompt that quotes a saved name takes for it."""
        lengths: dict[str, float] = {}
        for node in self._workflow.spec.nodes.values():
            if isinstance(node, SetNode) or getattr(node, "save", None) is None:
                continue
            agents = _agents(node)
            if not agents or isinstance(node, ScoreNode | SearchNode):
                continue
            one = float(max(self._most(node, agent) for agent in agents))
            name = node.save.name if node.save else ""
            lengths[name] = max(lengths.get(name, 0.0), one * (self._sizes.get(name) or 1))
            lengths[f"item of {name}"] = one
        return lengths


def _agents(node: NodeSpec) -> tuple[str, ...]:
    if isinstance(node, ScoreNode):
        return node.by
    if isinstance(node, SearchNode):
        return tuple(dict.fromkeys(agent for agent, _ in node.asks()))
    return (node.agent,) if isinstance(node, AskNode | SampleNode) else ()


def _gateway(workflow: Workflow) -> Gateway:
    from rebut.settings import Settings

    from ..models.gateway import Gateway

    return workflow.runtime.gateway if workflow.runtime is not None else Gateway(Settings.load())


def _default_model(workflow: Workflow) -> str:
    from rebut.settings import Settings

    return (workflow.runtime.settings if workflow.runtime else Settings.load()).model
