"""Several completions from a server that gives one at a time: single requests side by side, then merged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from rebut.errors import ModelError
from rebut.records import Usage

from .flights import Answer
from .journal import CALL_KEY
from .wire import Request, Response, Sink

Send = Callable[[Request, Sink | None], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a reservation allows one call to use.

    Attributes:
        tokens, usd: reserved for the whole call; None where not limited.
        prompt: the most tokens that sending the prompt once can cost; `each`: one completion.
        price: US dollars for a prompt token and a completion token.
    """

    tokens: int | None
    usd: float | None
    prompt: int
    each: int
    price: tuple[float, float]

    def more(self, wanted: int, used: Usage) -> int:
        """How many single requests, up to `wanted`, the reservation still covers."""
        if self.tokens is not None:
            wanted = min(wanted, max(0, self.tokens - used.tokens) // max(1, self.prompt + self.each))
        cost = self.prompt * self.price[0] + self.each * self.price[1]
        if self.usd is not None and cost > 0:
            wanted = min(wanted, int(max(0.0, self.usd + 1e-9 - (used.usd or 0.0)) / cost))
        return wanted


async def singles(request: Request, first: int, count: int, send: Send, sink: Sink | None) -> list[Answer]:
    """Ask for completions `first`, `first` + 1, ... one by one and side by side; those that came.

    A seed is counted up from completion to completion, else all would be the same.

    Raises:
        ModelError: of the first, when none came.
    """
    answers: dict[int, Answer] = {}
    errors: dict[int, Exception] = {}

    async def one(index: int) -> None:
        if (key := CALL_KEY.get()) is not None:
            CALL_KEY.set(f"{key}+{index}")  # only for this task: the samples are different payments
        try:
            answers[index] = await send(_single(request, index), _at(sink, index))
        except Exception as error:  # raised below, for a group would hide it
            errors[index] = error

    async with asyncio.TaskGroup() as group:
        for index in range(first, first + count):
            group.create_task(one(index))
    fatal = [errors[i] for i in sorted(errors) if not (answers and isinstance(errors[i], ModelError))]
    if fatal:
        raise fatal[0]
    return [answers[index] for index in sorted(answers)]


def _single(request: Request, index: int) -> Request:
    seed = None if request.seed is None else request.seed + index
    return replace(request, n=1, seed=seed)


def _at(sink: Sink | None, index: int) -> Sink | None:
    return None if sink is None else lambda _, text: sink(index, text)


def merged(answers: Sequence[Answer], request: Request) -> Answer:
    """Many answers as one: usage is summed, the time is the longest."""
    responses = [response for response, _ in answers]
    usage = sum((r.usage for r in responses[1:]), responses[0].usage)
    other = next((r.model for r in responses if r.model != request.model), request.model)
    response = Response(
        completions=tuple([c for r in responses for c in r.completions]),
        usage=usage.model_copy(update={"calls": request.n}),
        model=other,
        seconds=max(r.seconds for r in responses),
        id=responses[0].id,
    )
    return response, sum(attempts for _, attempts in answers)
