"""``set``: names bound to expressions, in order; no call is made."""

from __future__ import annotations

from typing import Any

from ..context import RunContext, Scope
from ..spec import SetNode
from . import Work
from .common import saved


def assigning(node: SetNode) -> Work:
    """The work of a `set` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        return await run.think(lambda: _assigned(node, scope))

    return work


def _assigned(node: SetNode, scope: Scope) -> dict[str, Any]:
    scope = dict(scope)
    wrote: dict[str, Any] = {}
    for save, expression in node.values:
        value = expression(scope)
        wrote |= saved(save, value)
        scope[save.name] = [*scope.get(save.name, []), *wrote[save.name]] if save.append else value
    return wrote
