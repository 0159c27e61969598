"""Fields that the records in an expression do not have."""

from __future__ import annotations

import ast

from ..draft import Draft
from ..sites import Site, Sites, place


def check(draft: Draft, sites: Sites) -> None:
    """Note every field that a record of that kind does not have."""
    for site in sites.all:
        _check(draft, sites, site)


def _check(draft: Draft, sites: Sites, site: Site) -> None:
    def report(node: ast.expr, message: str, note: str) -> None:
        span = place(draft, site, node)
        if span is not None and isinstance(node, ast.Attribute) and span.end - span.column > len(node.attr):
            span = type(span)(span.line, span.end - len(node.attr), span.end)
        draft.problems.error("unknown-field", span, message, note)

    sites.infer(site, report=report)
