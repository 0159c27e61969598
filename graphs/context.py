"""What a run carries from node to node beside its state: agents, session, budget, parameters, watchers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rebut.errors import BudgetSpent
from rebut.events import Event, Noted

from ..agents.agent import Agent
from ..agents.answers.maths import Slow, promptly
from ..models.budget import Budget, Limits
from ..models.session import Session
from .expressions import Expression
from .spec import BudgetSpec, Value, WorkflowSpec
from .turns import Stirring, Turns

if TYPE_CHECKING:
    from .nested import Passage
    from .workflow import Workflow

Scope = dict[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class RunContext:
    """One run, as its nodes see it, or a workflow that is called within one.

    `state` mirrors what has been written so far, for the fallback. `called` holds the workflows that nodes
    call, by node. `prefix` stands before the names of nodes and the paths of calls (``inner/1.``), empty in
    the run itself.
    """

    run: str
    spec: WorkflowSpec
    inputs: Mapping[str, Any]
    params: Mapping[str, Any]
    agents: Mapping[str, Agent]
    session: Session
    budget: Stirring
    kind: str
    seed: int
    emit: Callable[[Event], None] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    notes: list[Noted] = field(default_factory=list)
    spent: BudgetSpent | None = None
    called: Mapping[str, Workflow] = field(default_factory=dict)
    prefix: str = ""
    passage: Passage | None = None

    def at(self, node: str) -> str:
        """A node's name as the whole run knows it."""
        return self.prefix + node

    def visiting(self) -> AbstractContextManager[None]:
        """A node being at work."""
        return nullcontext() if self.passage is None else self.passage.node()

    def scope(self, state: Mapping[str, Any]) -> Scope:
        """Everything that expressions and prompts may name."""
        return {**self.inputs, **state, "params": self.params, "kind": self.kind}

    def note(self, node: str, what: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """Tell whoever reads the result, the events or the store."""
        noted = Noted(node=self.at(node), what=what, text=text, data=dict(data or {}))
        self.notes.append(noted)
        if self.emit is not None:
            self.emit(noted)

    def limits(self, node: str, budget: BudgetSpec | None, scope: Scope) -> Budget:
        """The budget of a node: its own limits within the run's."""
        if budget is None:
            return self.budget
        limits = limits_of(budget, scope)
        return Stirring(limits, parent=self.budget, scope=f"node {self.at(node)}")

    def clock(self) -> float:
        """Seconds since the run began, as far as the journal knows."""
        return self.session.clock

    async def think(self, deed: Callable[[], T]) -> T:
        """Do something that may compare formulas, which takes seconds: that leaves the loop to others.

        Whether it does is a matter of the formulas alone, and what else the run does meanwhile is the same
        however long it takes, so that replays keep step.
        """
        try:
            return promptly(deed)
        except Slow:
            pass
        journal = self.session.journal
        return await (journal.think(deed) if isinstance(journal, Turns) else asyncio.to_thread(deed))

    def seed_for(self, path: str, *, shared: bool = False) -> int:
        """A seed in [0, 2**31) for one call: the same in every replay, different for every path.

        A `shared` one is the same in other runs, too.
        """
        digest = hashlib.blake2b(f"{'' if shared else self.seed}/{path}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") & 0x7FFFFFFF


def value_of(value: Value, scope: Scope) -> Any:
    """A literal as it is, an expression evaluated."""
    return value(scope) if isinstance(value, Expression) else value


def facts_of(facts: Mapping[str, Value], scope: Scope) -> dict[str, Any]:
    """Facts for a prompt, with their expressions evaluated."""
    return {name: value_of(value, scope) for name, value in facts.items()}


def limits_of(budget: BudgetSpec, scope: Scope) -> Limits:
    """The limits that a file states, evaluated."""
    return Limits(
        calls=value_of(budget.calls, scope),
        tokens=value_of(budget.tokens, scope),
        usd=value_of(budget.usd, scope),
        seconds=value_of(budget.seconds, scope),
    )
