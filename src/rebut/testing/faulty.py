"""A back end with faults: what hosted models do on a bad day, by a plan that a seed repeats."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal, get_args

import orjson

from rebut.errors import InputError, ModelBusy, ModelTimeout, suggest
from rebut.models.wire import Backend, Capabilities, Completion, Request, Response, Sink

Fault = Literal["busy", "timeout", "truncated", "foreign", "agreeing", "slow"]

FOREIGN = "Die Antwort lässt sich so nicht geben; ich bleibe bei meiner ersten Einschätzung."
AGREEING = "You are absolutely right, I fully agree with everything that was said and have nothing to add."


@dataclass
class FaultyBackend:
    """Passes requests on to `inner`, and spoils some of them.

    `plan` gives either the share of requests that each fault hits, in [0, 1], or the faults in the order of
    the calls (None: no fault; after the last, none). Shares are drawn from `seed`, the request and how often
    that request was seen, never from the order in which concurrent calls arrive: the same run has the same
    faults, and a retry of the request draws anew.

    The faults: `busy` (429, before anything is asked), `timeout`, `truncated` (each text cut somewhere,
    finish ``length``), `foreign` (German in place of each text), `agreeing` (plain assent in place of each
    text), `slow` (`pause` seconds first). In a reply that is a JSON object only the sentences are replaced,
    so that it still fits its schema.

    Attributes:
        pause: seconds that a `slow` request waits.
        retry_after: seconds that a `busy` server asks to wait; None when it does not say.
        injected: the faults so far, in the order of the calls.
    """

    inner: Backend
    plan: Mapping[Fault, float] | Sequence[Fault | None]
    seed: int = 0
    pause: float = 0.05
    retry_after: float | None = None
    injected: list[Fault] = field(default_factory=list)
    _calls: int = field(default=0, init=False, repr=False)
    _seen: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def __post_init__(self) -> None:
        known = get_args(Fault)
        for fault in self.plan:
            if fault is not None and fault not in known:
                raise InputError(f"unknown fault: {fault!r}{suggest(fault, known)}")
        if isinstance(self.plan, Mapping) and not 0 <= sum(self.plan.values()) <= 1 + 1e-9:
            raise InputError(f"the shares of the faults add up to {sum(self.plan.values()):g}, more than 1")

    def capabilities(self, model: str) -> Capabilities:
        """What `inner` can do."""
        return self.inner.capabilities(model)

    def price(self, model: str) -> tuple[float, float] | None:
        """What `inner` costs."""
        return self.inner.price(model)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Ask `inner`, or fail as planned.

        Raises:
            ModelBusy, ModelTimeout: by the plan.
            ModelError: what `inner` raises.
        """
        fault, random = self._next(request)
        if fault is not None:
            self.injected.append(fault)
        if fault == "busy":
            wait = self.retry_after
            raise ModelBusy("too many requests (injected)", model=request.model, status=429, retry_after=wait)
        if fault == "timeout":
            raise ModelTimeout("the deadline of the call passed (injected)", model=request.model)
        if fault == "slow":
            await asyncio.sleep(self.pause)
        spoils = fault in ("truncated", "foreign", "agreeing")
        response = await self.inner.complete(request, None if spoils else sink)
        if not spoils:
            return response
        spoilt = tuple(_spoilt(c, fault, random) for c in response.completions)
        for index, completion in enumerate(spoilt):
            if sink is not None:
                sink(index, completion.text)
        return replace(response, completions=spoilt)

    async def close(self) -> None:
        """Close `inner`."""
        await self.inner.close()

    def _next(self, request: Request) -> tuple[Fault | None, Random]:
        """The fault of this call, and the dice for its details."""
        key = request.hash()
        call, seen = self._calls, self._seen[key]
        self._calls += 1
        self._seen[key] += 1
        digest = hashlib.blake2b(f"{self.seed}/{key}/{seen}".encode(), digest_size=8).digest()
        random = Random(int.from_bytes(digest, "big"))
        if not isinstance(self.plan, Mapping):
            return (self.plan[call] if call < len(self.plan) else None), random
        drawn = random.random()
        for fault, share in self.plan.items():
            drawn -= share
            if drawn < 0:
                return fault, random
        return None, random


def _spoilt(completion: Completion, fault: Fault | None, random: Random) -> Completion:
    text = completion.text
    if fault == "truncated":
        cut = text[: random.randrange(len(text))] if text else text
        return replace(completion, text=cut, finish="length", logprobs=None)
    said = FOREIGN if fault == "foreign" else AGREEING
    return replace(completion, text=_reworded(text, said), logprobs=None)


def _reworded(text: str, said: str) -> str:
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        return said
    return orjson.dumps(_sentences(data, said)).decode() if isinstance(data, dict) else said


def _sentences(value: Any, said: str) -> Any:
    """The value with every text of more than one word replaced; single words are names and choices."""
    if isinstance(value, dict):
        return {k: _sentences(v, said) for k, v in value.items()}
    if isinstance(value, list):
        return [_sentences(v, said) for v in value]
    return said if isinstance(value, str) and " " in value.strip() else value
