"""A workflow's graph as Mermaid source or as plain text."""

from __future__ import annotations

from rebut.errors import InputError

from .spec import (
    END,
    START,
    AskNode,
    CallNode,
    EdgeSpec,
    Fork,
    NodeSpec,
    SampleNode,
    ScoreNode,
    SearchNode,
    SetNode,
    VoteNode,
    WorkflowSpec,
)


def draw(spec: WorkflowSpec, form: str = "mermaid") -> str:
    """The graph in one of the forms ``mermaid`` and ``text``.

    Raises:
        InputError: another form is asked for.
    """
    if form == "mermaid":
        return _mermaid(spec)
    if form == "text":
        return _text(spec)
    raise InputError(f"unknown drawing: {form!r} (possible: mermaid, text)")


def label(node: NodeSpec) -> str:
    """What a node does, in a few words."""
    match node:
        case AskNode():
            each = f" for each of {_sources(node)}" if node.for_each else ""
            return f"ask {node.agent}{' to ' + node.mode if node.mode else ''}{each}"
        case SampleNode():
            count = getattr(node.n, "source", node.n)
            return f"sample {node.agent} × {count}"
        case ScoreNode():
            return f"score {node.items.source} by {', '.join(node.by)}"
        case SearchNode():
            return f"search with {node.agent} by {node.select}"
        case VoteNode():
            return f"{'vote on' if node.ballots is None else 'elect one of'} {node.items.source}"
        case CallNode():
            each = f" for each of {_sources(node)}" if node.for_each else ""
            return f"call {getattr(node.target, 'source', node.target)}{each}"
        case SetNode():
            return "set " + ", ".join(save.name for save, _ in node.values)


def _sources(node: AskNode | CallNode) -> str:
    return ", ".join(e.source for e in (node.for_each or {}).values())


def _mermaid(spec: WorkflowSpec) -> str:
    lines = ["flowchart TD", f"    {_id(START)}([start])"]
    for name, node in spec.nodes.items():
        begin, end = ('[["', '"]]') if isinstance(node, CallNode) else ('["', '"]')
        lines.append(f"    {_id(name)}{begin}{name}<br/><small>{_escape(label(node))}</small>{end}")
    lines.append(f"    {_id(END)}([end])")
    for source, edges in spec.edges.items():
        for target, text in _arrows(edges):
            arrow = f'-- "{_escape(text)}" -->' if text else "-->"
            lines.append(f"    {_id(source)} {arrow} {_id(target)}")
    return "\n".join(lines)


def _text(spec: WorkflowSpec) -> str:
    width = max((len(name) for name in spec.nodes), default=5)
    lines: list[str] = []
    for source in (START, *spec.nodes):
        node = spec.nodes.get(source)
        lines.append(f"{source:<{width}}  {label(node) if node else ''}".rstrip())
        for target, text in _arrows(spec.edges.get(source, ())):
            lines.append(f"{'':<{width}}  → {target}{'   when ' + text if text else ''}")
    return "\n".join(lines)


def _arrows(edges: tuple[EdgeSpec, ...] | Fork) -> list[tuple[str, str]]:
    if isinstance(edges, Fork):
        return [(target, "") for target in edges.to]
    arrows = [(edge.to, edge.when.source if edge.when else "") for edge in edges]
    if len(arrows) > 1 and not arrows[-1][1]:
        arrows[-1] = (arrows[-1][0], "otherwise")
    return arrows


def _id(name: str) -> str:
    return f"n_{name}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
