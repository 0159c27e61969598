"""Driving a compiled workflow through its nodes, and the answer at its end: of a run, or of a call in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rebut.errors import WorkflowError

from .compile import appended, initial
from .context import RunContext, Scope
from .result import StopReason

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

_ENDLESS = 1_000_000
"""LangGraph's limit on supersteps; every loop of a workflow is bounded by its own conditions."""


async def drive(graph: CompiledStateGraph[Any, Any, Any, Any], context: RunContext) -> None:
    """Take the graph from its inputs to its end; what it writes stands in `context.state`."""
    # one small channel given out after each step; `ainvoke` would give out the whole state
    async for _ in graph.astream(
        initial(context.spec, context.inputs),
        config={"recursion_limit": _ENDLESS},
        context=context,
        stream_mode="values",
        output_keys="rebut_run",
    ):
        pass


async def answer_of(context: RunContext) -> tuple[Any, StopReason, str]:
    """The answer when all nodes are done, why it ended, and in more words."""
    answer = await context.think(lambda: context.spec.answer(_scope(context)))
    if answer is None and context.spec.fallback is not None:
        answer = await fallback_of(context)
        if answer is not None:
            context.note("end", "fallback", "no answer at the end; the fallback gave it")
    if context.spent is not None:
        return answer, "budget", str(context.spent)
    return answer, "answered", ""


async def fallback_of(context: RunContext) -> Any:
    """The best answer so far; None when nothing was written that the fallback could read."""
    fallback = context.spec.fallback
    if fallback is None:
        return None
    try:
        return await context.think(lambda: fallback(_scope(context)))
    except WorkflowError:
        return None


def _scope(context: RunContext) -> Scope:
    """What the end may read: a list that nothing was appended to is empty."""
    return context.scope({**{name: [] for name in appended(context.spec)}, **context.state})
