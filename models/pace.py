"""How many requests and tokens go to a model in a minute, where its provider counts them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .fitting import prompt_bound
from .wire import Request, Response

MINUTE = 60.0
"""Seconds over which a provider counts."""

USUAL_TOKENS = 512
"""Tokens that a completion is taken to have where its request does not bound it."""


@dataclass(slots=True)
class Sent:
    """A request that was sent at a time of the clock; its tokens are a guess until it is answered."""

    at: float
    tokens: int


class Pace:
    """In any minute at most so many requests and tokens are sent; who comes first goes first.

    A request that is larger than all that a minute has room for goes alone.
    """

    def __init__(
        self, requests: int | None, tokens: int | None, clock: Callable[[], float] | None = None
    ) -> None:
        """
        Args:
            requests: a minute; None for no limit.
            tokens: prompt and completion tokens a minute; None for no limit.
            clock: in seconds; None for the running loop's.
        """
        self._requests, self._tokens, self._clock = requests, tokens, clock
        self._sent: deque[Sent] = deque()
        self._total = 0
        self._door = asyncio.Lock()

    def move(self) -> None:
        """Go on in another loop, the former being closed: what was sent counts, who waited there is gone."""
        self._door = asyncio.Lock()

    async def admit(self, request: Request) -> Sent:
        """Wait until there is room for the request, and count it as sent now."""
        tokens = guess(request)
        async with self._door:
            while (wait := self._wait(tokens)) > 0:  # noqa: ASYNC110 - time itself is waited for
                await asyncio.sleep(wait)
            sent = Sent(self._now(), tokens)
            self._sent.append(sent)
            self._total += tokens
        return sent

    def settle(self, sent: Sent, response: Response) -> None:
        """What the answer says that the request had, in place of the guess."""
        used = response.usage.prompt + response.usage.completion
        if self._sent and sent.at >= self._sent[0].at:  # else its minute is over, and it counts no more
            self._total += used - sent.tokens
        sent.tokens = used

    def _now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()

    def _wait(self, tokens: int) -> float:
        """Seconds until there may be room; 0 where there is."""
        now = self._now()
        while self._sent and self._sent[0].at <= now - MINUTE:
            self._total -= self._sent.popleft().tokens
        crowded = self._requests is not None and len(self._sent) >= self._requests
        heavy = self._tokens is not None and bool(self._sent) and self._total + tokens > self._tokens
        return self._sent[0].at + MINUTE - now if crowded or heavy else 0.0


def guess(request: Request) -> int:
    """Tokens that a request may have: three bytes of the prompt for one, and what it lets the model write."""
    return prompt_bound(request) // 3 + request.n * (request.max_tokens or USUAL_TOKENS)
