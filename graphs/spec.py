"""A workflow as data: what a file says once it has been read and checked. Frozen; no behaviour.

`loader` makes it from YAML, `compile` turns it into a LangGraph graph, `plan` bounds its cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .expressions import Expression

Value = Any | Expression
"""A literal from the file, or an expression (written with a leading ``=`` where a literal could stand)."""

END = "end"
START = "start"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file: line and column count from 1; `end` is the column behind the last character."""

    line: int
    column: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A parameter of a workflow; its type is the type of its default."""

    default: Any
    min: float | None = None
    max: float | None = None
    choices: tuple[Any, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """An agent: a role (prompts and what it returns), a model, sampling settings, and facts for its prompts.

    `temperature`, `top_p`, `max_tokens` are None where the role's own default holds. `seats` are names under
    which each may have a model of its own (None: the agent's): a node's calls are dealt to them in turn.
    """

    name: str
    role: str
    model: str | None = None
    temperature: Value = None
    top_p: Value = None
    max_tokens: Value = None
    facts: Mapping[str, Value] = field(default_factory=dict)
    seats: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Save:
    """Where a node's result goes: `name`, appended to the list there when `append` (written ``name+``)."""

    name: str
    append: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSpec:
    """Limits of one node or workflow; None is no limit. Values may be expressions over `params`."""

    calls: Value = None
    tokens: Value = None
    usd: Value = None
    seconds: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBase:
    """What every node has."""

    name: str
    span: Span
    budget: BudgetSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNode(NodeBase):
    """``ask``: one call of an agent, or with `for_each` one call per item, side by side.

    `for_each` maps a variable to a collection; several collections are walked in step and must be equally
    long. In prompts, in `facts`, `prefill` and `max_tokens` the variables, and `index` (from 0), are then
    bound. An item that is None is passed over: its result is None. The result is a record, or with
    `for_each` a list with a record or None (abstained, failed) per item. `quorum` is how many must stand.

    `prefill` is text that the reply begins with, as if the agent had written it; `max_tokens` and `until`
    (texts at which the reply ends) go before what agent and role say. `logprobs` asks for token
    probabilities, `certainty` for how far each token's distribution is from uniform, `layers` for what
    every layer of the network makes of the labels. `reuse` takes the reply, where it fitted, that another
    run of the store was given to the same request, and lets others take this one. Of an agent with seats,
    `seat` says which one is asked, counted from 0; by default that of the call's `index`.
    """

    does: Literal["ask"] = "ask"
    agent: str
    mode: str | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)
    for_each: Mapping[str, Expression] | None = None
    at_most: Value = None
    quorum: Value = 1
    timeout: Value = None
    prefill: Value = None
    max_tokens: Value = None
    until: tuple[Value, ...] = ()
    logprobs: Value = False
    certainty: Value = False
    layers: Value = False
    seat: Value = None
    reuse: Value = False
    save: Save | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleNode(NodeBase):
    """``sample``: `n` completions of one prompt; the result is the list of samples that stand.

    Of an agent with seats, they are drawn from one after the other, and over again.

    `stop` is looked at after each sample, with `samples` (so far) and `remaining` bound; once true, what is
    in flight is cancelled. With `stop`, at most `wave` are in flight. `timeout` is seconds for each.
    `prefill`, `max_tokens`, `until`, `logprobs` and `certainty` are as those of an `AskNode`.
    """

    does: Literal["sample"] = "sample"
    agent: str
    n: Value = 1
    mode: str | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)
    stop: Expression | None = None
    wave: Value = 4
    quorum: Value = 1
    timeout: Value = None
    prefill: Value = None
    max_tokens: Value = None
    until: tuple[Value, ...] = ()
    logprobs: Value = False
    certainty: Value = False
    save: Save | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreNode(NodeBase):
    """``score``: grades samples with each scorer in `by` (agents that return a Score), side by side.

    The result is the items with `scores` filled and, by `total`, `score`: an expression in which each
    scorer's name is its Score (or None) and `item` the sample. Scores already there are kept.
    `when` may leave scorers out: it maps a scorer to a condition.
    """

    does: Literal["score"] = "score"
    items: Expression
    by: tuple[str, ...]
    when: Mapping[str, Expression] = field(default_factory=dict)
    total: Expression | None = None
    at_most: Value = None
    timeout: Value = None
    save: Save | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteNode(NodeBase):
    """``vote``: a vote over the answers of `items`; pure, no call. `weights` is an expression over `item`.

    `power` is that of the ranks under the rule ``borda``, `threshold` the part of the voters that a
    ``supermajority`` needs, None for the rule's own.

    With `ballots` it is an election (:mod:`rebut.agents.ballots`): the items are candidates, and the voters'
    lists of numbers are counted. `item` in `weights` is then the ballot.
    """

    does: Literal["vote"] = "vote"
    items: Expression
    ballots: Expression | None = None
    weights: Expression | None = None
    rule: Value = "majority"
    tie: Value = "first"
    power: Value = None
    threshold: Value = None
    quorum: Value = 1
    save: Save | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNode(NodeBase):
    """``set``: names bound to expressions, in order; each may read the ones before. Pure, no call."""

    does: Literal["set"] = "set"
    values: tuple[tuple[Save, Expression], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSpec:
    """How a node's text is carried on before it is valued.

    `units` of at most `max_tokens`, each up to one of the texts in `until`, written by `agent` (the search's
    own if None). Only the text at the end is valued; with `mix` the node's own text and that after each unit
    are, and its value is ``(1 - mix) * own + mix * highest``. `of` says whose: of ``all`` that are valued, or
    of the ``best`` child of an expansion alone (with `mix`).
    """

    agent: str | None = None
    mode: str | None = None
    units: Value = 1
    max_tokens: Value = None
    until: tuple[str, ...] = ()
    mix: Value = None
    of: str = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchNode(NodeBase):
    """``search``: a tree of partial solutions, grown by an agent unit by unit; the result is a Found.

    The slots are those in which tree methods differ: what a unit is (`unit`, `until`, `max_tokens`,
    `joint`), how many children a node gets (`width`, `greedy`, `alternatives`, `listed`, `widen`, `merge`),
    what they are worth (`by`, `votes`, `swap`, `worth`, `value`, `rollout`, `evaluate`), which is looked at
    next (`select`, `c`, `prior`, `priority`, `keep`, `threshold`), what it tells of those above it (`backup`,
    `share`), when it ends (`iterations`, `depth`, `stop`, `done`) and what it gives (`commit`, `output`).
    None stands for the default of the rule of selection.
    """

    does: Literal["search"] = "search"
    agent: str
    mode: str | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)
    root: Expression | None = None
    unit: str = "step"
    joint: str | None = None
    until: tuple[str, ...] = ()
    max_tokens: Value = None
    width: Value = 3
    greedy: Value = False
    alternatives: Value = False
    listed: Value = False
    widen: Expression | None = None
    widest: Value = None
    merge: Value = None
    by: tuple[str, ...] = ()
    modes: Mapping[str, str] = field(default_factory=dict)
    votes: Value = 1
    swap: Value = False
    worth: Expression | None = None
    value: Expression | None = None
    rollout: RolloutSpec | None = None
    evaluate: str = "children"
    select: str = "beam"
    c: Value = None
    unvisited: Value = 1.0
    priority: Expression | None = None
    prior: str | None = None
    prior_temperature: Value = 1.0
    prior_mix: Value = 0.0
    keep: Value = None
    threshold: Value = None
    backup: str | None = None
    share: Value = None
    share_weight: Value = 0.2
    iterations: Value = None
    fresh: Value = None
    wave: Value = 1
    depth: Value = 8
    commit: str | None = None
    stop: Expression | None = None
    done: Expression | None = None
    output: str | None = None
    timeout: Value = None
    save: Save | None = None

    def asks(self) -> tuple[tuple[str, str | None], ...]:
        """Every agent that it asks, with the mode."""
        rollout = self.rollout
        rolled = ((rollout.agent or self.agent, rollout.mode),) if rollout else ()
        if rollout and not rollout.agent and not rollout.mode:
            rolled = ((self.agent, self.mode),)
        return ((self.agent, self.mode), *((name, self.modes.get(name)) for name in self.by), *rolled)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNode(NodeBase):
    """``call``: another workflow, run to its answer; with `for_each` once per item, side by side.

    `target` is its name in the library or its file (from the folder of this one), or an expression over
    parameters that have choices: which one is called is known before the run. `inputs` are its inputs, those
    left out are the caller's of the same names; `params` its parameters. `agents` maps an agent of it
    (``*``: each of them) to one of the caller's, whose model it takes. The result is a Called, or with
    `for_each` a list with a Called or None (failed) per item; `quorum` is how many must stand. `keep` names
    what it saved that the record is to hold.
    """

    does: Literal["call"] = "call"
    target: Value
    inputs: Mapping[str, Value] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    for_each: Mapping[str, Expression] | None = None
    at_most: Value = None
    quorum: Value = 1
    keep: tuple[str, ...] = ()
    save: Save | None = None


NodeSpec = AskNode | SampleNode | ScoreNode | VoteNode | SearchNode | CallNode | SetNode


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSpec:
    """A conditional edge: taken when `when` holds (None: always) and no earlier one of its list did."""

    to: str
    when: Expression | None = None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Unconditional edges to several nodes that run side by side; they meet again at `join`."""

    to: tuple[str, ...]
    join: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSpec:
    """A whole workflow. `edges` maps a node (or ``start``) to its conditional edges, or to a fork; `callees`
    holds every workflow that a node may call, by what the file calls it."""

    name: str
    title: str = ""
    about: str = ""
    cite: str = ""
    kind: str = "auto"
    inputs: tuple[str, ...] = ("question",)
    params: Mapping[str, Param] = field(default_factory=dict)
    agents: Mapping[str, AgentSpec] = field(default_factory=dict)
    nodes: Mapping[str, NodeSpec] = field(default_factory=dict)
    edges: Mapping[str, tuple[EdgeSpec, ...] | Fork] = field(default_factory=dict)
    answer: Expression
    fallback: Expression | None = None
    budget: BudgetSpec | None = None
    callees: Mapping[str, WorkflowSpec] = field(default_factory=dict)
    source: str = ""
    path: str = ""
