"""Make a request fit what is left of a budget: fewer samples first, then shorter ones, then not at all."""

from __future__ import annotations

import sys
from dataclasses import replace

import orjson

from .budget import Budget, Limits, Reservation
from .fanout import Allowance
from .wire import Request

LEAST_TOKENS = 16
"""A completion is not cut below this many tokens to fit."""

IMAGE_TOKENS = 4096
"""Tokens that a picture is taken to cost at most; what it costs is a matter of the provider and its size."""

USUAL_TOKENS = 2048
"""Tokens that a completion may have when tokens or money are limited and the request does not say."""

Price = tuple[float, float]


def prompt_bound(request: Request) -> int:
    """An upper bound of the request's prompt tokens, for any tokenizer and chat template.

    A token stands for at least one byte; 16 tokens are for each message's frame, 96 for a template's preface.
    Of pictures only a usual bound is known.
    """
    size = 96
    for message in request.messages:
        size += len(message.content.encode("utf-8", "surrogatepass")) + 16
        size += IMAGE_TOKENS * len(message.images)
    if request.schema is not None:
        size += len(orjson.dumps(request.schema))
    return size


Fitted = tuple[Request, Reservation, Allowance | None]


def fit(request: Request, budget: Budget, price: Price | None, *, once: bool = True) -> Fitted:
    """The request as it fits into the budget, the reservation for it, and what that allows.

    Args:
        once: whether the prompt is sent once for all samples.
        price: US dollars for a prompt token and a completion token; needed only when money is limited.

    Raises:
        BudgetSpent: there is no room, not even for one completion of 16 tokens.
    """
    room = budget.room()
    n = request.n if room.calls is None else max(1, min(request.n, room.calls))
    if room.tokens is None and room.usd is None:
        return _asking(request, n, request.max_tokens), budget.reserve(calls=n), None
    prompt, each = prompt_bound(request), request.max_tokens or USUAL_TOKENS
    while n > 1 and n * each > _affordable(room, prompt * (1 if once else n), price):
        n -= 1
    if n == 1:
        each = min(each, max(_affordable(room, prompt, price), LEAST_TOKENS))
    prompts = prompt if once else prompt * n
    cost = price or (0.0, 0.0)
    money = prompts * cost[0] + n * each * cost[1]
    held = budget.reserve(calls=n, prompt_tokens=prompts, completion_tokens=n * each, usd=money)
    tokens = None if room.tokens is None else held.tokens
    allowance = Allowance(tokens, None if room.usd is None else money, prompt, each, cost)
    return _asking(request, n, each), held, allowance


def capped(request: Request, most: int) -> Request:
    """The request with what the back end holds every completion to said in it; 0 is no such limit."""
    if not most or (request.max_tokens is not None and request.max_tokens <= most):
        return request
    return replace(request, max_tokens=most)


def whole(fitted: Request, asked: Request) -> bool:
    """Whether a request was left as it was asked for."""
    most = asked.max_tokens or USUAL_TOKENS
    return fitted.n == asked.n and (fitted.max_tokens or USUAL_TOKENS) >= most


def _affordable(room: Limits, prompt: int, price: Price | None) -> int:
    """How many completion tokens there is room for, in all."""
    tokens = sys.maxsize if room.tokens is None else max(0, room.tokens - prompt)
    if room.usd is not None and price is not None and price[1] > 0:
        tokens = min(tokens, max(0, int((room.usd - prompt * price[0]) / price[1])))
    return tokens


def _asking(request: Request, n: int, max_tokens: int | None) -> Request:
    if n == request.n and max_tokens == request.max_tokens:
        return request
    return replace(request, n=n, max_tokens=max_tokens)
