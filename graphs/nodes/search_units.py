"""The growing of a search tree: an agent is asked for units, and what it says becomes children."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rebut.errors import BudgetSpent

from ...agents.answers import extract
from ...agents.answers.surface import visible
from ...agents.continuing import Piece, add_to
from ...agents.quoting import defused
from ...models.budget import Budget
from ..context import RunContext, Scope, value_of
from ..fanout import FanOut
from ..search.prior import priors
from ..search.similarity import similarity
from ..search.slots import Slots
from ..search.tree import Tree, TreeNode
from ..search.views import branch
from .common import EXPECTED, failed, prompt_facts, whole

if TYPE_CHECKING:
    from ..spec import SearchNode

_MARK = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):])\s+")
"""A bullet or number before an item of a list."""


@dataclass(slots=True)
class Searching:
    """One visit of a search node: what it works with, and what went wrong so far."""

    node: SearchNode
    run: RunContext
    scope: Scope
    visit: int
    slots: Slots
    budget: Budget
    tree: Tree
    errors: list[Exception] = field(default_factory=list)
    spent: bool = False
    expanded: int = 0
    evaluated: int = 0
    abstained: int = 0
    unlikely: bool = False

    def path(self, tail: str) -> str:
        """The path of a call of this visit."""
        return f"{self.run.at(self.node.name)}/{self.visit}:{tail}"

    def facts(self, text: str, at: TreeNode, **more: Any) -> dict[str, Any]:
        """What a prompt may name; `text` is the solution so far, `at` the node that it stands at, `tried`
        what was grown from it before."""
        steps, tried = [node.unit for node in at.path()[1:]], [branch(child) for child in at.children]
        bound = {
            "partial": text,
            "steps": steps,
            "depth": at.depth,
            "reason": at.reason,
            "tried": tried,
            **more,
        }
        return prompt_facts(self.run, {**self.scope, "index": 0, **bound}, self.node.facts, self.visit) | more

    def fail(self, label: str, error: Exception) -> None:
        """Take note of a call that failed."""
        self.errors.append(error)
        self.spent = self.spent or isinstance(error, BudgetSpent)
        failed(self.run, self.node.name, label, error)

    async def all_of(self, jobs: Sequence[Callable[[], Awaitable[Any]]], labels: Sequence[str]) -> list[Any]:
        """The results of jobs side by side, None for one that failed; nothing is decided before all end."""
        results: list[Any] = [None] * len(jobs)

        def settled(job: int, outcome: Any) -> bool:
            if isinstance(outcome, Exception):
                self.fail(labels[job], outcome)
            else:
                results[job] = outcome
            return False

        await FanOut(jobs, settled, expected=EXPECTED).run()
        return results

    def answer(self, text: str) -> str | None:
        """The answer of a text; of an unfinished one only an answer that it states."""
        return extract(text, self.run.kind, strict=self.node.unit != "whole")

    def width(self, depth: int) -> int:
        """How many children a node of this depth gets."""
        return whole(self.node.width, {**self.scope, "depth": depth}, what=f"width of {self.node.name!r}")

    def growable(self, at: TreeNode) -> bool:
        """Whether children may be grown from a node."""
        return not at.done and not at.closed and at.depth < self.slots.depth


async def grow(
    search: Searching, wanted: Sequence[tuple[TreeNode, int]], *, closing: bool = True
) -> list[list[TreeNode]]:
    """Grow so many children from each node, all side by side; with `closing` one that gets none is closed."""
    jobs: list[Callable[[], Awaitable[list[Piece]]]] = []
    labels: list[str] = []
    owners: list[int] = []
    for place, (at, count) in enumerate(wanted):
        for draw in _draws(search, at, count):
            owners.append(place)
            labels.append(f"units after {at.id}")
            jobs.append(draw)
    drawn = await search.all_of(jobs, labels)
    born: list[list[TreeNode]] = []
    for place, (at, count) in enumerate(wanted):
        pieces = [
            p for owner, found in zip(owners, drawn, strict=True) if owner == place for p in found or ()
        ]
        search.expanded += not at.expansions
        at.expansions += 1
        born.append(_children(search, at, pieces, count))
        at.dry = not born[-1]
        weigh(search, at)
        if closing and not at.open and not at.done:
            search.tree.close(at)
    return born


def weigh(search: Searching, at: TreeNode) -> None:
    """Set the priors of a node's children."""
    slots, children = search.slots, at.open
    mix = slots.prior_mix if at is search.tree.root else 0.0
    weights = priors(
        [child.logprob for child in children], slots.prior, temperature=slots.prior_temperature, mix=mix
    )
    for child, weight in zip(children, weights, strict=True):
        child.prior = weight
    if slots.prior == "probability" and not search.unlikely and any(c.logprob is None for c in children):
        search.unlikely = True
        text = "the model tells no probabilities: the prior is uniform"
        search.run.note(search.node.name, "no_logprobs", text)


def _draws(search: Searching, at: TreeNode, count: int) -> list[Callable[[], Awaitable[list[Piece]]]]:
    node, run, again = search.node, search.run, f".{at.expansions + 1}" if at.expansions else ""
    able = run.session.gateway.capabilities(run.agents[node.agent].model)
    likeliest = node.alternatives is not False and able.logprobs and not again
    if likeliest and value_of(node.alternatives, {**search.scope, "depth": at.depth}):
        return [partial(_likeliest, search, at, count)]
    base = f"{at.id}.expand{again}"
    if search.slots.listed:
        return [partial(_ask, search, at, base, 1, width=count)]
    draws: list[Callable[[], Awaitable[list[Piece]]]] = []
    if search.slots.greedy and not again:
        draws.append(partial(_ask, search, at, f"{at.id}.greedy", 1, greedy=True))
        count -= 1
    if able.n and count > 1:
        granted = max(search.budget.grant(count), 1)
        return [*draws, partial(_ask, search, at, base, granted)]
    singles = [base] if count == 1 else [f"{base}#{k}" for k in range(count)]
    return [*draws, *(partial(_ask, search, at, single, 1) for single in singles)]


async def _likeliest(search: Searching, at: TreeNode, count: int) -> list[Piece]:
    """The likeliest next tokens as pieces; samples where the back end does not tell them after all."""
    found = await _ask(
        search, at, f"{at.id}.alternatives", 1, greedy=True, max_tokens=1, logprobs=count, until=()
    )
    top = found[0].top[:count] if found else ()
    if not top:
        return await _ask(search, at, f"{at.id}.expand", count)
    return [
        Piece("" if defused(token) != token else token, _final(token), logprob, (), found[0].call)
        for token, logprob in top
        if "\ufffd" not in token  # a part of a letter
    ]


def _final(token: str) -> bool:
    """Whether a token ends the turn: engines write it as nothing, or as what the chat template has."""
    return not token or defused(token) != token


async def _ask(
    search: Searching,
    at: TreeNode,
    tail: str,
    n: int,
    *,
    greedy: bool = False,
    max_tokens: int | None = None,
    logprobs: int | None = None,
    until: tuple[str, ...] | None = None,
    width: int | None = None,
) -> list[Piece]:
    node, run, path = search.node, search.run, search.path(tail)
    if max_tokens is None and node.max_tokens is not None:
        bound = {**search.scope, "depth": at.depth}
        max_tokens = whole(node.max_tokens, bound, what=f"max_tokens of {node.name!r}")
    if logprobs is None and _probable(search):
        logprobs = 0
    return await add_to(
        run.agents[node.agent],
        run.session,
        begun=begun(search, at.text) if node.unit == "continue" else None,
        path=path,
        node=search.run.at(node.name),
        visit=search.visit,
        mode=node.mode,
        facts=search.facts(at.text, at, width=width or search.width(at.depth)),
        kind=run.kind,
        seed=run.seed_for(path),
        n=n,
        logprobs=logprobs,
        max_tokens=max_tokens,
        until=node.until if until is None else until,
        greedy=greedy,
        budget=search.budget,
        timeout=search.slots.timeout,
    )


def begun(search: Searching, text: str) -> str:
    """What the model goes on from."""
    return f"{text}{search.slots.joint}" if text else ""


def _probable(search: Searching) -> bool:
    """Whether the probabilities of units are of use."""
    read = [search.node.value, search.node.priority, search.node.done, search.node.widen, search.node.stop]
    paths = {path for expression in read if expression is not None for path in expression.paths}
    return search.slots.prior == "probability" or any({"probability", "logprob"} & {*path} for path in paths)


def _children(search: Searching, at: TreeNode, pieces: Sequence[Piece], count: int) -> list[TreeNode]:
    node = search.node
    taken = {child.unit for child in at.children} if node.select != "particles" else set[str]()
    born: list[TreeNode] = []
    for piece in _split(pieces) if search.slots.listed else pieces:
        unit = piece.text if node.unit == "continue" else visible(piece.text).strip()
        blank = not unit.strip()
        if len(born) >= count or _known(search, unit, taken) or (blank and node.unit != "continue"):
            continue
        if node.select != "particles":
            taken.add(unit)
        child = search.tree.add(at, unit, at.text if blank and piece.ended else joined(search, at.text, unit))
        child.logprob, child.call = piece.logprob, piece.call
        child.ended = node.unit == "continue" and piece.ended and (not node.until or blank)
        child.answer = search.answer(child.text)
        child.done = _done(search, child)
        born.append(child)
    return born


def _known(search: Searching, unit: str, taken: set[str]) -> bool:
    """Whether a sibling says the same, or by `merge` nearly so."""
    alike = search.slots.merge
    return unit in taken or (alike is not None and any(similarity(unit, one) >= alike for one in taken))


def _split(pieces: Sequence[Piece]) -> list[Piece]:
    """The lines of a list as pieces of their own."""
    found: list[Piece] = []
    for piece in pieces:
        units = [_MARK.sub("", line).strip() for line in visible(piece.text).splitlines()]
        found += [Piece(unit, True, None, (), piece.call) for unit in units if unit]
    return found


def joined(search: Searching, text: str, unit: str) -> str:
    """The text with a unit added."""
    return unit if not text or search.node.unit == "whole" else f"{text}{search.slots.joint}{unit}"


def _done(search: Searching, child: TreeNode) -> bool:
    node = search.node
    if node.done is not None:
        return bool(node.done({**search.scope, "node": branch(child)}))
    return child.ended if node.unit != "step" else child.answer is not None
