"""Node kinds: each module turns one kind of node into the coroutine that does its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..context import RunContext, Scope
from ..spec import AskNode, CallNode, NodeSpec, SampleNode, ScoreNode, SearchNode, SetNode, VoteNode

Work = Callable[[RunContext, Scope, int], Awaitable[dict[str, Any]]]
"""Takes the run, the scope and the visit; returns what the node writes, by name."""


def work_of(node: NodeSpec) -> Work:
    """The coroutine that does the node's work."""
    match node:
        case AskNode():
            from .ask import asking

            return asking(node)
        case SampleNode():
            from .sample import sampling

            return sampling(node)
        case ScoreNode():
            from .score import scoring

            return scoring(node)
        case VoteNode():
            from .vote import voting

            return voting(node)
        case SearchNode():
            from .search import searching

            return searching(node)
        case CallNode():
            from .call import calling

            return calling(node)
        case SetNode():
            from .assign import assigning

            return assigning(node)
