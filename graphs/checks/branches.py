"""Lists of conditions that may hold none, or hold edges that are never reached."""

from __future__ import annotations

from ..draft import Draft
from ..sites import Sites
from ..spec import EdgeSpec, Fork


def check(draft: Draft, sites: Sites) -> None:
    """Note lists without a last edge that holds always, and edges behind one that does."""
    for source, edges in draft.spec.edges.items():
        if isinstance(edges, Fork) or not edges:
            continue
        always = next((i for i, edge in enumerate(edges) if edge.when is None), None)
        if always is None:
            _open(draft, source, edges)
        for edge in edges[always + 1 :] if always is not None else ():
            draft.problems.error(
                "never-taken",
                edge.span,
                f"the edge to {edge.to!r} is never taken: one before it holds always",
                "an edge without `when` comes last",
            )


def _open(draft: Draft, source: str, edges: tuple[EdgeSpec, ...]) -> None:
    if not draft.vague:
        draft.problems.error(
            "no-default",
            edges[-1].span,
            f"the conditions after {source!r} may all fail",
            "end the list with an edge without `when`, such as `- {to: end}`",
        )
