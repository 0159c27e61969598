"""A model that says anything that fits, by chance: what it says is a function of the request and a seed,
how long it takes is drawn anew for every call."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rebut.errors import ModelRefused
from rebut.graphs.runtime import Runtime
from rebut.models.gateway import Gateway
from rebut.models.journal import CALL_KEY
from rebut.models.retry import Backoff
from rebut.models.wire import Capabilities, Completion, Request, Response, Sink, TokenLogprob
from rebut.records import Usage
from rebut.settings import Settings

_LABELS = re.compile(r"Reply with (\w+) or (\w+), and nothing else")

NATIVE = Capabilities(n=True, schema=True, logprobs=True, seed=True, prefill=True, stream=True)
SINGLE = Capabilities(n=False, schema=True, logprobs=True, seed=True, prefill=True, stream=True)


@dataclass
class Chance:
    """A back end for the prefix `chance`.

    Attributes:
        seed: of what it says.
        answers: how many different answers it has; fewer agree sooner.
        misfits: share of replies that fit no record, and of texts without an answer.
        failures: share of requests that are refused.
        settled: probability that a free choice (a ruling, an acceptance) is a "yes".
        pace: seconds that a reply takes at most; some take none at all.
        timing: seed of the delays; None for one of its own.
        on_call: told the number of each call (from 1) when it comes in.
        asked, answered: how often each call (by its path in the run) came in, and was answered.
    """

    seed: int = 0
    answers: int = 3
    misfits: float = 0.0
    failures: float = 0.0
    settled: float = 0.3
    pace: float = 0.0
    timing: int | None = None
    can: Capabilities = NATIVE
    cost: tuple[float, float] | None = (0.0, 0.0)
    on_call: Callable[[int], None] | None = None
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    completions: int = 0
    now: int = 0
    most: int = 0
    cancelled: int = 0

    def __post_init__(self) -> None:
        self._clock = Random(self.timing)

    def capabilities(self, model: str) -> Capabilities:
        return self.can

    def price(self, model: str) -> tuple[float, float] | None:
        return self.cost

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        path = (CALL_KEY.get() or "").partition(":")[2]
        self.asked[path] += 1
        self.completions += request.n
        self.now, self.most = self.now + 1, max(self.most, self.now + 1)
        try:
            if self.on_call is not None:
                self.on_call(self.asked.total())
            await self._wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.now -= 1
        dice = Random(hashlib.sha256(request.as_json() + str(self.seed).encode()).digest())
        if dice.random() < self.failures:
            raise ModelRefused("refused by chance", model=request.model, status=400)
        said = tuple(self._say(request, dice) for _ in range(request.n))
        self.answered[path] += 1
        return Response(completions=said, usage=self._usage(request, said), model=request.model)

    async def close(self) -> None:
        pass

    async def _wait(self) -> None:
        if self._clock.random() < 0.3:
            for _ in range(self._clock.randrange(3)):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(self._clock.random() * self.pace)

    def _say(self, request: Request, dice: Random) -> Completion:
        if dice.random() < self.misfits:
            return Completion(text="I would rather not say.")
        if request.schema is not None:
            return Completion(text=json.dumps(self._value(request.schema, dice, "")))
        if labels := _LABELS.search("\n".join(m.content for m in request.messages)):
            return Completion(text=dice.choice([labels[1], labels[2]]))
        text = f"Step 1: {dice.random()}.\nStep 2: decide.\nAnswer: {self._answer(dice)}"
        tokens = tuple(TokenLogprob(word, -dice.random()) for word in text.split())
        return Completion(text=text, logprobs=None if request.logprobs is None else tokens)

    def _answer(self, dice: Random) -> str:
        return str(40 + min(dice.randrange(self.answers), dice.randrange(self.answers)))

    def _value(self, schema: Mapping[str, Any], dice: Random, name: str) -> Any:
        if "enum" in schema:
            return dice.choice(list(schema["enum"]))
        match schema.get("type"):
            case "object":
                return {key: self._value(part, dice, key) for key, part in schema["properties"].items()}
            case "array":
                count = schema.get("minItems", dice.randint(1, 3))
                return [self._value(schema["items"], dice, name[:-1]) for _ in range(count)]
            case "boolean":
                return dice.random() < self.settled
            case "integer" | "number":
                return dice.randint(schema.get("minimum", 0), schema.get("maximum", 10))
            case _:
                pass
        if name == "answer":
            return self._answer(dice) if dice.random() < self.settled else ""
        return f"because of {dice.randrange(100)}"

    def _usage(self, request: Request, said: tuple[Completion, ...]) -> Usage:
        prompt = sum(len(m.content) for m in request.messages) // 4
        written = sum(len(c.text) for c in said) // 4
        a, b = self.cost or (0.0, 0.0)
        usd = None if self.cost is None else prompt * a + written * b
        return Usage(calls=request.n, requests=1, prompt=prompt, completion=written, usd=usd)


def runtime_of(model: Chance, store: str | Path = "none", **settings: Any) -> Runtime:
    """A runtime in which every agent is `model`."""
    chosen = Settings(model="chance/1", **settings)
    gateway = Gateway(chosen, backends={"chance": model}, backoff=Backoff(attempts=2, base=0.0))
    return Runtime(store, settings=chosen, gateway=gateway)
