"""Names that cannot be used, because the language or the run needs them, or because they hide another."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from ..draft import Draft
from ..sites import Sites
from ..spec import AskNode, CallNode, SampleNode, SearchNode, SetNode, Span

RESERVED = frozenset(
    {"params", "visits", "kind", "visit", "index", "agent", "answer_format", "reply_format"}
    | {"item", "samples", "remaining", "arrived", "rebut_run", "answer"}
)
"""Names that are bound by the run itself."""
FACTS = frozenset({"params", "agent", "visit", "index", "answer_format", "reply_format"})
"""Names that every prompt is given by the run."""
NODES = frozenset({"start", "end", "begin_run", "finish_run"})
LOCAL = frozenset({"item", "samples", "remaining"})
"""Reserved names that a result may have nevertheless, as they are bound in few places."""


def check(draft: Draft, sites: Sites) -> None:
    """Note reserved names, keywords, and names that hide others."""
    _words(draft)
    inputs = frozenset(draft.spec.inputs)
    for index, name in enumerate(draft.spec.inputs):
        if name in RESERVED:
            _reserved(draft, name, draft.span("inputs", index))
    for name, span in _saved(draft):
        if name in RESERVED - LOCAL:
            _reserved(draft, name, span)
        elif name in inputs:
            draft.problems.error("shadow", span, f"saved name {name!r} hides the input {name!r}")
    for name, span in _variables(draft):
        if name in RESERVED - LOCAL:
            _reserved(draft, name, span)
        elif name in inputs or name in sites.saved:
            what = "input" if name in inputs else "saved name"
            draft.problems.error("shadow", span, f"variable {name!r} hides the {what} {name!r}")
    _facts(draft)


def _reserved(draft: Draft, name: str, span: Span | None) -> None:
    draft.problems.error(
        "reserved", span, f"reserved name: {name!r}", "the run itself binds it; choose another name"
    )


def _words(draft: Draft) -> None:
    named = [(name, draft.span("inputs", i)) for i, name in enumerate(draft.spec.inputs)]
    for part, names in (
        ("params", draft.spec.params),
        ("agents", draft.spec.agents),
        ("nodes", draft.spec.nodes),
    ):
        named += [(name, draft.key(part, name)) for name in names]
    for name, span in [*named, *_saved(draft), *_variables(draft)]:
        if keyword.iskeyword(name):
            draft.problems.error(
                "reserved", span, f"reserved name: {name!r}", "it is a word of the expression language"
            )
    for name in draft.spec.nodes:
        if name in NODES:
            _reserved(draft, name, draft.key("nodes", name))


def _saved(draft: Draft) -> Iterator[tuple[str, Span | None]]:
    for name, node in draft.spec.nodes.items():
        if isinstance(node, SetNode):
            for save, _ in node.values:
                key = f"{save.name}+" if save.append else save.name
                yield save.name, draft.key("nodes", name, "set", key) or draft.span("nodes", name, "save")
        elif node.save is not None:
            yield node.save.name, draft.span("nodes", name, "save")


def _variables(draft: Draft) -> Iterator[tuple[str, Span | None]]:
    for name, node in draft.spec.nodes.items():
        if isinstance(node, AskNode | CallNode):
            for variable in node.for_each or {}:
                span = draft.key("nodes", name, "for_each", variable) or draft.span("nodes", name, "as")
                if span is not None:
                    yield variable, span


def _facts(draft: Draft) -> None:
    for name, agent in draft.spec.agents.items():
        for fact in agent.facts:
            if fact in FACTS:
                _reserved(draft, fact, draft.key("agents", name, fact))
    for name, node in draft.spec.nodes.items():
        if isinstance(node, AskNode | SampleNode | SearchNode):
            for fact in node.facts:
                if fact in FACTS:
                    _reserved(draft, fact, draft.key("nodes", name, "with", fact))
