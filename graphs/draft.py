"""From a file's YAML to a `WorkflowSpec`, as far as it can be read, for the checks to see the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from typing import Any, Protocol

from rebut.errors import suggest

from ..agents.forms import Form
from .analysis import join_of
from .diagnostics import Problems
from .expressions import Expression, parse
from .keys import AGENT, WORKFLOW_KEYS
from .shapes import BROKEN, IDENTIFIER
from .source import Listing, Piece, Scalar, Table
from .spec import (
    END,
    START,
    AgentSpec,
    AskNode,
    BudgetSpec,
    CallNode,
    EdgeSpec,
    Fork,
    NodeSpec,
    Param,
    RolloutSpec,
    SampleNode,
    Save,
    ScoreNode,
    SearchNode,
    SetNode,
    Span,
    VoteNode,
    WorkflowSpec,
)

UNREAD = parse("None")
"""Stands for an expression that could not be read."""
UNDECIDED = parse("visits")
"""Stands for a condition that could not be read."""

Edges = dict[str, tuple[EdgeSpec, ...] | tuple[str, ...]]


class Mode(Protocol):
    """What the checks want to know of a role's mode."""

    @property
    def needs(self) -> frozenset[str]:
        """Names that its prompt cannot do without."""
        ...

    @property
    def returns(self) -> str | Form:
        """What it returns: text, verdict, critique, score, step_scores, candidates, or a form of its own."""
        ...


class Roles(Protocol):
    """What the checks want to know of roles."""

    def names(self) -> Iterable[str]:
        """All roles."""
        ...

    def mode(self, role: str, mode: str | None = None) -> Mode:
        """A mode of a role; WorkflowError when there is none."""
        ...


@dataclass(slots=True)
class Draft:
    """A workflow that has been read but not checked.

    Attributes:
        spec: what could be read; what could not is left out or replaced by `UNREAD`.
        doc: the document, for places.
        vague: whether some edge could not be read, so that ways through the graph are not fully known.
        unclear: nodes whose conditions name what does not exist, so that nothing follows from them.
    """

    spec: WorkflowSpec
    doc: Table
    problems: Problems
    roles: Roles | None = None
    vague: bool = False
    unclear: set[str] = field(default_factory=set)

    def piece(self, *path: str | int) -> Piece | None:
        """The piece at a path of keys and indices."""
        at: Piece | None = self.doc
        for step in path:
            if isinstance(at, Table) and isinstance(step, str):
                at = at.get(step)
            elif isinstance(at, Listing) and isinstance(step, int) and step < len(at.items):
                at = at.items[step]
            else:
                return None
        return at

    def span(self, *path: str | int) -> Span | None:
        """The place of the value at a path."""
        piece = self.piece(*path)
        return piece.span if piece else None

    def key(self, *path: str | int) -> Span | None:
        """The place of the last key of a path."""
        table = self.piece(*path[:-1])
        name = path[-1]
        key = table.key(name) if isinstance(table, Table) and isinstance(name, str) else None
        return key.span if key else None


def draft(doc: Piece, problems: Problems, path: str, source: str, roles: Roles | None = None) -> Draft | None:
    """Read the document; None when it is no mapping at all."""
    if not isinstance(doc, Table):
        problems.error("type", doc.span, "a workflow is a mapping", f"keys: {_keys()}")
        return None
    fields = WORKFLOW_KEYS.read(doc, problems)
    reader = _Reader(doc, problems, fields)
    return Draft(reader.spec(path, source), doc, problems, roles, reader.vague)


def _keys() -> str:
    return ", ".join(key.name for key in WORKFLOW_KEYS.keys)


class _Reader:
    """Builds the parts of a spec from what the shapes have read."""

    def __init__(self, doc: Table, problems: Problems, fields: Mapping[str, Any]) -> None:
        self.doc, self.problems, self.fields = doc, problems, fields
        self.vague = False

    def spec(self, path: str, source: str) -> WorkflowSpec:
        fields = self.fields
        texts = {key: fields.get(key, "") for key in ("title", "about", "cite")}
        nodes = {name: self._node(name, value) for name, value in fields.get("nodes", {}).items()}
        return WorkflowSpec(
            name=fields.get("name", "unnamed"),
            kind=fields.get("kind", "auto"),
            inputs=fields.get("inputs", ("question",)),
            params={name: _param(value) for name, value in fields.get("params", {}).items()},
            agents={name: _agent(name, value) for name, value in fields.get("agents", {}).items()},
            nodes=nodes,
            edges=self._joined(self._edges(nodes)),
            answer=fields.get("answer", UNREAD),
            fallback=fields.get("fallback"),
            budget=_budget(fields),
            source=source,
            path=path,
            **texts,
        )

    def _key(self, *path: str) -> Span:
        table: Piece | None = self.doc
        for step in path[:-1]:
            table = table.get(step) if isinstance(table, Table) else None
        key = table.key(path[-1]) if isinstance(table, Table) else None
        return key.span if key else self.doc.span

    def _node(self, name: str, value: Any) -> NodeSpec:
        given = value if isinstance(value, Mapping) else {}
        fields = {key: found for key, found in given.items() if found is not BROKEN}
        if "save" not in fields and fields.get("does") != "set":
            fields |= self._meant("nodes", name, "save")
        common: dict[str, Any] = {"name": name, "span": self._key("nodes", name)}
        build = _BUILD.get(fields.get("does") or "")
        if build is not None:
            return build({**common, "budget": _budget(fields), "save": _save(fields.get("save"))}, fields)
        values = fields.get("set") or ({fields["save"]: UNREAD} if "save" in fields else {})
        return SetNode(**common, values=tuple((_saved(k), _expression(v)) for k, v in values.items()))

    def _meant(self, *path: str) -> dict[str, str]:
        """The name under which a node wants to save, where its spelling is wrong: others may read it."""
        piece: Piece | None = self.doc
        for step in path:
            piece = piece.get(step) if isinstance(piece, Table) else None
        text = re.sub(r"[^a-z0-9_]", "", piece.text) if isinstance(piece, Scalar) else ""
        return {"save": text} if re.match(IDENTIFIER, text) else {}

    def _edges(self, nodes: Mapping[str, NodeSpec]) -> Edges:
        given: Mapping[str, Any] = self.fields.get("edges", {})
        found: Edges = {}
        for source, value in given.items():
            if source == END:
                self.problems.error("edge", self._key("edges", END), "nothing comes after 'end'")
            elif source != START and source not in nodes:
                hint = suggest(source, [START, *nodes])
                self.problems.error(
                    "unknown-node", self._key("edges", source), f"unknown node: {source!r}", hint
                )
            else:
                found[source] = self._targets(source, value, nodes)
        self._complete(found, nodes)
        return found

    def _complete(self, edges: Edges, nodes: Mapping[str, NodeSpec]) -> None:
        if "edges" not in self.fields:
            self.vague = True
        elif START not in edges:
            self.problems.error(
                "no-edge", self._key("edges"), "no edge says where to start", "write `start: node`"
            )
            self.vague = True
        for name, node in nodes.items():
            if name not in edges and "edges" in self.fields:
                self.problems.error(
                    "no-edge",
                    node.span,
                    f"node {name!r} leads nowhere",
                    f"write `{name}: end` among the edges",
                )
            edges.setdefault(name, (EdgeSpec(to=END, span=node.span),))
        if START not in edges:
            first = next(iter(nodes), END)
            edges[START] = (EdgeSpec(to=first, span=self.doc.span),)

    def _targets(
        self, source: str, value: Any, nodes: Mapping[str, NodeSpec]
    ) -> tuple[EdgeSpec, ...] | tuple[str, ...]:
        edges = self.doc.get("edges")
        piece = edges.get(source) if isinstance(edges, Table) else None
        assert piece is not None
        if value is BROKEN:
            self.vague = True
            return (EdgeSpec(to=END, span=piece.span),)
        if isinstance(value, str):
            return self._conditional([({"to": value}, piece)], nodes) or _to_end(piece)
        entries = piece.items if isinstance(piece, Listing) else ()
        if "branches" in value:
            return self._conditional(list(zip(value["branches"], entries, strict=True)), nodes) or _to_end(
                piece
            )
        return self._fork(value["fork"], entries, nodes) or _to_end(piece)

    def _conditional(
        self, pairs: list[tuple[Any, Piece]], nodes: Mapping[str, NodeSpec]
    ) -> tuple[EdgeSpec, ...]:
        found: list[EdgeSpec] = []
        for fields, piece in pairs:
            to = piece.get("to") if isinstance(piece, Table) else piece
            if fields is BROKEN or "to" not in fields or to is None:
                self.vague = True
                continue
            target = fields["to"] if self._known(fields["to"], to.span, nodes) else END
            when = fields.get("when")
            if when is None and isinstance(piece, Table) and len(piece.entries) > 1:
                when, self.vague = UNDECIDED, True  # a condition that could not be read, or under a wrong key
            found.append(EdgeSpec(to=target, when=when, span=to.span))
        return tuple(found)

    def _fork(
        self, names: list[Any], entries: tuple[Piece, ...], nodes: Mapping[str, NodeSpec]
    ) -> tuple[EdgeSpec, ...] | tuple[str, ...]:
        found: list[str] = []
        for name, piece in zip(names, entries, strict=True):
            if name is BROKEN:
                self.vague = True
            elif name in found:
                self.problems.error("duplicate", piece.span, f"{name!r} stands twice in the list")
            elif name == END:
                self.problems.error(
                    "fork",
                    piece.span,
                    "a branch of a fork cannot be 'end'",
                    "branches are nodes that meet again",
                )
                self.vague = True
            elif self._known(name, piece.span, nodes):
                found.append(name)
        if len(found) == 1:
            return (EdgeSpec(to=found[0], span=entries[0].span),)
        return tuple(found)

    def _known(self, name: str, span: Span, nodes: Mapping[str, NodeSpec]) -> bool:
        if name == END or name in nodes:
            return True
        if name == START:
            self.problems.error(
                "edge", span, "no edge can lead back to 'start'", "name the first node instead"
            )
        elif "nodes" in self.fields:
            self.problems.error("unknown-node", span, f"unknown node: {name!r}", suggest(name, [*nodes, END]))
        self.vague = True
        return False

    def _joined(self, edges: Edges) -> dict[str, tuple[EdgeSpec, ...] | Fork]:
        graph = {
            source: tuple(dict.fromkeys(e if isinstance(e, str) else e.to for e in found))
            for source, found in edges.items()
        }
        joined: dict[str, tuple[EdgeSpec, ...] | Fork] = {}
        for source, found in edges.items():
            names = tuple(e for e in found if isinstance(e, str))
            plain = tuple(e for e in found if isinstance(e, EdgeSpec))
            joined[source] = Fork(to=names, join=join_of(graph, source) or END) if names else plain
        return joined


def _to_end(piece: Piece) -> tuple[EdgeSpec, ...]:
    return (EdgeSpec(to=END, span=piece.span),)


def _expression(value: Any) -> Expression:
    return value if isinstance(value, Expression) else UNREAD


def _saved(text: str) -> Save:
    return Save(text.removesuffix("+"), append=text.endswith("+"))


def _save(text: str | None) -> Save | None:
    return None if text is None else _saved(text)


def _sound(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not BROKEN}


def _some(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _budget(fields: Mapping[str, Any]) -> BudgetSpec | None:
    return BudgetSpec(**fields["budget"]) if "budget" in fields else None


def _param(value: Any) -> Param:
    if value is BROKEN:
        return Param(default=None)
    if isinstance(value, Mapping):
        found: dict[str, Any] = {"default": None, **value}
        return Param(**found)
    return Param(default=value)


def _agent(name: str, value: Any) -> AgentSpec:
    fields = {"role": value} if isinstance(value, str) else value if isinstance(value, Mapping) else {}
    fields = {"role": "", **_sound(fields)}
    fixed = {key.name for key in AGENT.keys}
    facts = {key: fact for key, fact in fields.items() if key not in fixed}
    given = fields.get("seats", ())
    seats = _sound(given) if isinstance(given, Mapping) else dict.fromkeys(given)
    return AgentSpec(name=name, facts=facts, seats=seats, **_some(fields, *fixed - {"seats"}))


_REPLY = ("prefill", "max_tokens", "until", "logprobs", "certainty")


def _ask(common: dict[str, Any], fields: Mapping[str, Any]) -> AskNode:
    more = _some(fields, "mode", "at_most", "quorum", "timeout", "layers", "seat", "reuse", *_REPLY)
    return AskNode(
        **common,
        **more,
        agent=fields.get("ask", ""),
        for_each=_variables(fields),
        facts=_sound(fields.get("with", {})),
    )


def _sample(common: dict[str, Any], fields: Mapping[str, Any]) -> SampleNode:
    more = _some(fields, "n", "mode", "stop", "wave", "quorum", "timeout", *_REPLY)
    return SampleNode(**common, **more, agent=fields.get("sample", ""), facts=_sound(fields.get("with", {})))


def _call(common: dict[str, Any], fields: Mapping[str, Any]) -> CallNode:
    agents = fields.get("agents", {})
    return CallNode(
        **common,
        **_some(fields, "at_most", "quorum", "keep"),
        target=fields.get("call", ""),
        inputs=_sound(fields.get("inputs", {})),
        params=_sound(fields.get("params", {})),
        agents={"*": agents} if isinstance(agents, str) else _sound(agents),
        for_each=_variables(fields),
    )


def _variables(fields: Mapping[str, Any]) -> dict[str, Expression] | None:
    """What `for_each` binds for each item."""
    each = fields.get("for_each")
    if isinstance(each, Expression):
        return {fields.get("as", "item"): each}
    return {k: _expression(v) for k, v in each.items()} if isinstance(each, Mapping) else None


def _score(common: dict[str, Any], fields: Mapping[str, Any]) -> ScoreNode:
    when = {name: _expression(value) for name, value in fields.get("when", {}).items()}
    more = _some(fields, "total", "at_most", "timeout")
    return ScoreNode(
        **common, **more, items=_expression(fields.get("score")), by=tuple(fields.get("by", ())), when=when
    )


def _vote(common: dict[str, Any], fields: Mapping[str, Any]) -> VoteNode:
    more = _some(fields, "ballots", "weights", "rule", "tie", "power", "threshold", "quorum")
    if "ballots" in more:
        more.setdefault("rule", "borda")
    return VoteNode(**common, **more, items=_expression(fields.get("vote")))


def _search(common: dict[str, Any], fields: Mapping[str, Any]) -> SearchNode:
    plain = {f.name for f in dataclass_fields(SearchNode)} - {
        *common,
        "agent",
        "facts",
        "by",
        "modes",
        "rollout",
        "does",
    }
    by = fields.get("by", ())
    modes = _sound(by) if isinstance(by, Mapping) else {}
    rollout = fields.get("rollout")
    return SearchNode(
        **common,
        **_some(fields, *plain),
        agent=fields.get("search", ""),
        facts=_sound(fields.get("with", {})),
        by=(by,) if isinstance(by, str) else tuple(by),
        modes=modes,
        rollout=RolloutSpec(**rollout) if isinstance(rollout, Mapping) else None,
    )


_BUILD: Mapping[str, Callable[[dict[str, Any], Mapping[str, Any]], NodeSpec]] = {
    "ask": _ask,
    "sample": _sample,
    "score": _score,
    "vote": _vote,
    "search": _search,
    "call": _call,
}
