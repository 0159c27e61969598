"""Every place of a file where an expression stands: what it may read there, and when it is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rebut.errors import WorkflowError
from rebut.records import Called, Found, Sample, Score, Vote

from ..agents.forms import Form
from .analysis import saves
from .draft import Draft
from .expressions import Expression
from .search.views import COUNTS, Branch
from .shapes import marked
from .sorts import ANY, NUMBER, RETURNED, TEXT, Inference, Sort, appended, joined, many, record, sort_of
from .source import Listing, Scalar, Table, within
from .spec import (
    AskNode,
    BudgetSpec,
    CallNode,
    Fork,
    NodeSpec,
    SampleNode,
    ScoreNode,
    SearchNode,
    SetNode,
    Span,
    VoteNode,
)

BUILTIN: Mapping[str, Sort] = {"params": ANY, "visits": Sort("mapped", of=NUMBER), "kind": TEXT}
"""Names that every expression may read (settings of agents: not `visits`)."""

When = Literal["before", "after", "answer", "fallback", "settings"]

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An expression and its place.

    Attributes:
        when: it is evaluated before or after its node's work, for the answer or fallback, or, for settings
            of agents, before the run.
        node: the node, or ``start`` for its edges.
        bound: names that are bound only here, with their sorts.
        ready: names that the same node has set before.
    """

    expression: Expression
    path: Path
    when: When
    node: str = ""
    bound: Mapping[str, Sort] = field(default_factory=dict)
    ready: frozenset[str] = frozenset()


def place(draft: Draft, site: Site, node: ast.expr | None = None) -> Span | None:
    """Where a node of the site's expression (or all of it) stands in the file."""
    piece = draft.piece(*site.path)
    if not isinstance(piece, Scalar):
        return piece.span if piece else None
    if node is None:
        return piece.span
    shift = piece.text.index("=") + 1 if marked(piece.text) else 0
    start, end = site.expression.place(node)
    return within(piece, start + shift, end + shift)


class Sites:
    """The sites of a draft, and the sorts of the names that its nodes save."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.spec = draft.spec
        self.saved: dict[str, Sort] = {}
        self._infer()
        self.all: tuple[Site, ...] = tuple(self._all())

    def env(self, site: Site) -> dict[str, Sort]:
        """Every name that the site may read, with its sort."""
        if site.when == "settings":
            return {"params": ANY, "kind": TEXT}
        inputs = dict.fromkeys(self.spec.inputs, ANY)
        return {**BUILTIN, **inputs, **self.saved, **site.bound}

    def infer(self, site: Site, **more: Any) -> Sort:
        """The sort of a site's value; `report` is told of fields that do not exist."""
        return Inference({**self.env(site), **_params(self.draft, site)}, **more).of(site.expression.tree)

    def returned(self, agent: str, mode: str | None) -> Sort:
        """What an agent returns, as far as its role is known."""
        spec = self.spec.agents.get(agent)
        if spec is None or self.draft.roles is None or not spec.role:
            return ANY
        try:
            returns = self.draft.roles.mode(spec.role, mode).returns
        except WorkflowError:
            return ANY
        if isinstance(returns, Form):
            return record(returns.record)
        found = RETURNED.get(str(returns).lower())
        return record(found) if found else ANY

    def _infer(self) -> None:
        """Sorts of saved names; twice, so that a `set` may read what a later node of the file writes."""
        self.saved = {name: ANY for node in self.spec.nodes.values() for name, _ in saves(node)}
        for _ in range(3):
            found: dict[str, list[Sort]] = {}
            for node in self.spec.nodes.values():
                for name, sort in self._written(node):
                    found.setdefault(name, []).append(sort)
            self.saved = {name: joined(*sorts) for name, sorts in found.items()}

    def _written(self, node: NodeSpec) -> Iterator[tuple[str, Sort]]:
        if isinstance(node, SetNode):
            env = {**BUILTIN, **dict.fromkeys(self.spec.inputs, ANY), **self.saved}
            for save, expression in node.values:
                sort = Inference(env).of(expression.tree)
                yield save.name, appended(sort) if save.append else sort
                env[save.name] = ANY
        elif node.save is not None:
            sort = self._result(node)
            yield node.save.name, appended(sort) if node.save.append else sort

    def _result(self, node: NodeSpec) -> Sort:
        if isinstance(node, AskNode):
            one = self.returned(node.agent, node.mode)
            return one if node.for_each is None else many(one)
        if isinstance(node, SampleNode):
            return many(record(Sample))
        if isinstance(node, SearchNode):
            return record(Found)
        if isinstance(node, CallNode):
            return record(Called) if node.for_each is None else many(record(Called))
        return record(Vote) if isinstance(node, VoteNode) else many(record(Sample))

    def _all(self) -> Iterator[Site]:
        for name, agent in self.spec.agents.items():
            settings = {
                "temperature": agent.temperature,
                "top_p": agent.top_p,
                "max_tokens": agent.max_tokens,
            }
            yield from self._values(("agents", name), {**settings, **agent.facts}, when="settings")
        for node in self.spec.nodes.values():
            yield from self._of_node(node)
        for source in self.spec.edges:
            yield from self._of_edges(source)
        yield Site(expression=self.spec.answer, path=("answer",), when="answer")
        if self.spec.fallback is not None:
            yield Site(expression=self.spec.fallback, path=("fallback",), when="fallback")
        yield from self._budget((), self.spec.budget, when="settings")

    def _values(self, path: Path, values: Mapping[str, Any], *, when: When, **more: Any) -> Iterator[Site]:
        for name, value in values.items():
            if isinstance(value, Expression):
                yield Site(expression=value, path=(*path, name), when=when, **more)

    def _budget(self, path: Path, budget: BudgetSpec | None, *, when: When, **more: Any) -> Iterator[Site]:
        if budget is not None:
            values = {key: getattr(budget, key) for key in ("calls", "tokens", "usd", "seconds")}
            yield from self._values((*path, "budget"), values, when=when, **more)

    def _of_node(self, node: NodeSpec) -> Iterator[Site]:
        path: Path = ("nodes", node.name)
        plain = (
            "n", "wave", "quorum", "at_most", "timeout", "logprobs", "certainty", "layers", "reuse", "rule",
            "tie", "power", "threshold",
        )  # fmt: skip
        values = {key: getattr(node, key, None) for key in plain}
        yield from self._values(path, values, when="before", node=node.name)
        yield from self._budget(path, node.budget, when="before", node=node.name)
        if isinstance(node, AskNode):
            yield from self._of_ask(node, path)
        elif isinstance(node, SampleNode):
            bound = {"samples": many(record(Sample)), "remaining": NUMBER}
            yield from self._values(path, {"stop": node.stop}, when="before", node=node.name, bound=bound)
            yield from self._of_reply(node, path, {})
            yield from self._values(
                (*path, "with"), node.facts, when="before", node=node.name, bound={"index": NUMBER}
            )
        elif isinstance(node, ScoreNode):
            yield from self._of_score(node, path)
        elif isinstance(node, VoteNode):
            yield from self._of_vote(node, path)
        elif isinstance(node, SearchNode):
            yield from self._of_search(node, path)
        elif isinstance(node, CallNode):
            yield from self._of_call(node, path)
        else:
            yield from self._of_set(node, path)

    def _of_ask(self, node: AskNode, path: Path) -> Iterator[Site]:
        bound: dict[str, Sort] = {"index": NUMBER}
        yield from self._each(node, path, bound)
        yield from self._values((*path, "with"), node.facts, when="before", node=node.name, bound=bound)
        yield from self._of_reply(node, path, bound)

    def _of_call(self, node: CallNode, path: Path) -> Iterator[Site]:
        yield from self._values(path, {"call": node.target}, when="settings", node=node.name)
        bound: dict[str, Sort] = {"index": NUMBER}
        yield from self._each(node, path, bound)
        for key, values in (("inputs", node.inputs), ("params", node.params)):
            yield from self._values((*path, key), values, when="before", node=node.name, bound=bound)

    def _each(self, node: AskNode | CallNode, path: Path, bound: dict[str, Sort]) -> Iterator[Site]:
        """What a node walks through; what that binds is added to `bound`."""
        listed = isinstance(self.draft.piece(*path, "for_each"), Table)
        for name, expression in (node.for_each or {}).items():
            at: Path = (*path, "for_each", name) if listed else (*path, "for_each")
            site = Site(expression=expression, path=at, when="before", node=node.name)
            yield site
            sort = self.infer(site)
            bound[name] = sort.of if sort.what == "many" and sort.of else ANY

    def _of_reply(self, node: AskNode | SampleNode, path: Path, bound: Mapping[str, Sort]) -> Iterator[Site]:
        """How the reply begins and ends, and whose it is."""
        values = {"prefill": node.prefill, "max_tokens": node.max_tokens, "seat": getattr(node, "seat", None)}
        yield from self._values(path, values, when="before", node=node.name, bound=bound)
        listed = isinstance(self.draft.piece(*path, "until"), Listing)
        for place, value in enumerate(node.until):
            if isinstance(value, Expression):
                at: Path = (*path, "until", place) if listed else (*path, "until")
                yield Site(expression=value, path=at, when="before", node=node.name, bound=bound)

    def _of_score(self, node: ScoreNode, path: Path) -> Iterator[Site]:
        yield Site(expression=node.items, path=(*path, "score"), when="before", node=node.name)
        yield from self._values((*path, "when"), node.when, when="before", node=node.name)
        bound = {**dict.fromkeys(node.by, record(Score)), "item": record(Sample)}
        yield from self._values(path, {"total": node.total}, when="before", node=node.name, bound=bound)

    def _of_search(self, node: SearchNode, path: Path) -> Iterator[Site]:
        one = record(Branch)
        here: dict[str, Any] = {"when": "before", "node": node.name}
        plain = ("unvisited", "c", "keep", "iterations", "fresh", "depth", "votes", "swap", "widest", "merge")
        more = ("greedy", "listed", "share", "share_weight", "prior_temperature", "prior_mix")
        fixed = {key: getattr(node, key) for key in (*plain, *more)}
        yield from self._values(path, {**fixed, "root": node.root}, **here)
        by_depth = {key: getattr(node, key) for key in ("width", "max_tokens", "alternatives")}
        yield from self._values(path, by_depth, bound={"depth": NUMBER}, **here)
        if node.rollout is not None:
            rolled = {key: getattr(node.rollout, key) for key in ("units", "max_tokens", "mix")}
            yield from self._values((*path, "rollout"), rolled, **here)
        facts: dict[str, Sort] = {"partial": TEXT, "steps": many(TEXT), "depth": NUMBER, "reason": TEXT}
        facts |= {"tried": many(one)}
        yield from self._values((*path, "with"), node.facts, bound={**facts, "index": NUMBER}, **here)
        over = {"done": node.done, "widen": node.widen, "priority": node.priority}
        yield from self._values(path, over, bound={"node": one}, **here)
        reply = {"reply": ANY, "swapped": ANY, "vote": NUMBER}
        yield from self._values(path, {"worth": node.worth}, bound=reply, **here)
        judged = {**dict.fromkeys(node.by, record(Score)), "node": one}
        yield from self._values(path, {"value": node.value}, bound=judged, **here)
        state: dict[str, Sort] = {"best": one, "child": one, **dict.fromkeys(COUNTS, NUMBER)}
        yield from self._values(path, {"stop": node.stop}, bound=state, **here)

    def _of_vote(self, node: VoteNode, path: Path) -> Iterator[Site]:
        site = Site(expression=node.items, path=(*path, "vote"), when="before", node=node.name)
        yield site
        sort = self.infer(site)
        if node.ballots is not None:
            cast = Site(expression=node.ballots, path=(*path, "ballots"), when="before", node=node.name)
            yield cast
            sort = self.infer(cast)
        bound = {"item": sort.of if sort.what == "many" and sort.of else ANY, "index": NUMBER}
        yield from self._values(path, {"weights": node.weights}, when="before", node=node.name, bound=bound)

    def _of_set(self, node: SetNode, path: Path) -> Iterator[Site]:
        bound: dict[str, Sort] = {}
        for save, expression in node.values:
            at: Path = (*path, "set", f"{save.name}+" if save.append else save.name)
            site = Site(
                expression=expression,
                path=at,
                when="before",
                node=node.name,
                bound=dict(bound),
                ready=frozenset(bound),
            )
            yield site
            bound[save.name] = ANY if save.append else self.infer(site)

    def _of_edges(self, source: str) -> Iterator[Site]:
        edges = self.spec.edges[source]
        listing = self.draft.piece("edges", source)
        if isinstance(edges, Fork) or not isinstance(listing, Listing):
            return
        targets = [item.get("to") if isinstance(item, Table) else None for item in listing.items]
        places = {target.span: place for place, target in enumerate(targets) if target is not None}
        for edge in edges:
            if edge.when is not None and edge.span in places:
                path: Path = ("edges", source, places[edge.span], "when")
                yield Site(expression=edge.when, path=path, when="after", node=source)


def _params(draft: Draft, site: Site) -> dict[str, Sort]:
    """`params` as a mapping of one sort where all that the expression reads agree; else of any."""
    used = [path[1] for path in site.expression.paths if path[0] == "params" and len(path) > 1]
    sorts = [sort_of(draft.spec.params[name].default) for name in used if name in draft.spec.params]
    return {"params": Sort("mapped", of=joined(*sorts) if sorts else ANY)}
