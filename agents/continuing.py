"""Pieces of text from an agent: what it adds to a text that was begun, with its probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..models.journal import CallSite
from ..models.wire import Completion, Message
from .answers import instruction
from .chat import without_prefill
from .quoting import defused
from .returns import expected, reply_format
from .terms import PLAIN, Terms

if TYPE_CHECKING:
    from ..models.budget import Budget
    from .agent import Agent
    from .asking import Session

GO_ON = "Continue your answer exactly where it stops. Write only what comes next, and repeat nothing."
"""Asked of models that cannot go on with a reply that was begun."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What an agent wrote.

    Attributes:
        text: without what it goes on from.
        ended: whether the model stopped of its own, or at a text of `until`, and not at its limit.
        logprob: summed natural-log probability of the tokens; None where not given.
        top: the likeliest first tokens with their log-probabilities, where asked for.
        call: path of the call.
    """

    text: str
    ended: bool
    logprob: float | None
    top: tuple[tuple[str, float], ...]
    call: str


async def add_to(
    agent: Agent,
    session: Session,
    *,
    begun: str | None,
    path: str,
    node: str,
    visit: int,
    mode: str | None = None,
    facts: Mapping[str, Any],
    kind: str = "auto",
    seed: int | None = None,
    n: int = 1,
    logprobs: int | None = None,
    max_tokens: int | None = None,
    until: tuple[str, ...] = (),
    greedy: bool = False,
    budget: Budget | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the session keeps it, for replays
) -> list[Piece]:
    """Ask for `n` pieces; fewer come back where the back end or the budget gives fewer.

    Args:
        begun: the text that the reply goes on from, as if the agent had written it; a model that cannot is
            asked in words. None leaves the prompt as it is.
        greedy: temperature 0, whatever agent and mode say.

    Raises:
        WorkflowError: the prompt cannot be rendered.
        ModelError, BudgetSpent: of the call.
    """
    chosen = agent.role.mode(mode)
    known: dict[str, Any] = {"params": {}, "index": 0, **agent.facts, **facts}
    want = expected("text", kind, known, False)
    bound = known | {
        "agent": agent.name,
        "visit": visit,
        "answer_format": instruction(kind),
        "reply_format": reply_format(want),
    }
    messages = chosen.render(bound)
    able = session.gateway.capabilities(agent.model)
    if begun is not None:
        messages = _begun(messages, begun, able.prefill)
    speaker = replace(agent, temperature=0.0) if greedy else agent
    terms = Terms(max_tokens=max_tokens, until=until) if max_tokens or until else PLAIN
    request = speaker._request(chosen, messages, want, able, seed, n, logprobs, False, terms)
    site = CallSite(path=path, node=node, visit=visit, agent=agent.name, role=agent.role.name)
    response = await session.call(request, site, budget=budget, timeout=timeout)
    return [_piece(completion, path) for completion in response.completions[:n]]


def _begun(messages: tuple[Message, ...], begun: str, prefill: bool) -> tuple[Message, ...]:
    before = without_prefill(messages)[0]
    if not begun:
        return before
    said = (*before, Message("assistant", defused(begun)))
    return said if prefill else (*said, Message("user", GO_ON))


def _piece(completion: Completion, path: str) -> Piece:
    tokens = completion.logprobs
    logprob = None if not tokens else math.fsum(token.logprob for token in tokens)
    text = completion.text
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return Piece(
        text=text,
        ended=completion.finish != "length",
        logprob=None if logprob is None or math.isnan(logprob) else min(logprob, 0.0),
        top=tokens[0].top if tokens else (),
        call=path,
    )
