"""A model of sums that is wrong when told so, and scenarios on it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import add, mul, sub
from typing import Any

from rebut.models.wire import Capabilities, Completion, Request, Response, Sink
from rebut.records import Usage
from rebut.scenarios.loader import loads
from rebut.scenarios.spec import ScenarioSpec

SPEC = """
name: sums
data: {generate: arithmetic, n: 6, with: {numbers: 2, largest: 9}}
kind: number
workflows: {solve: solve, vote: {workflow: self-consistency, params: {samples: 3}}}
models: adder/x
"""


@dataclass
class Adder:
    """Works sums out. `wrong` tells by request and its number (from 1) who errs; `fails` may raise;
    `told` is set when the request number `tells_at` comes in."""

    wrong: Callable[[Request, int], bool] = lambda request, number: False
    fails: Callable[[Request, int], None] = lambda request, number: None
    delay: float = 0.0
    seen: list[Request] = field(default_factory=list)
    tells_at: int = 1
    told: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most: int = 0

    def capabilities(self, model: str) -> Capabilities:
        return Capabilities(n=False, seed=True)

    def price(self, model: str) -> tuple[float, float] | None:
        return (1e-6, 1e-6)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.seen.append(request)
        number = len(self.seen)
        if number == self.tells_at:
            self.told.set()
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.delay)
            self.fails(request, number)
        finally:
            self.under_way -= 1
        first, sign, second = re.findall(r"(\d+) ([-+*]) (\d+)", request.messages[-1].content)[0]
        value = {"+": add, "-": sub, "*": mul}[sign](int(first), int(second))
        text = f"Answer: {value + self.wrong(request, number)}"
        usage = Usage(calls=1, requests=1, prompt=10, completion=5, usd=15e-6)
        return Response(completions=(Completion(text=text),), usage=usage, model="x")

    async def close(self) -> None:
        pass


def scenario(**changes: Any) -> ScenarioSpec:
    """`SPEC` with lines replaced: ``scenario(data="{file: x.csv}")``; None takes a line out."""
    lines: list[str] = []
    for line in SPEC.strip().splitlines():
        key = line.partition(":")[0]
        if key in changes and changes[key] is None:
            continue
        lines.append(f"{key}: {changes[key]}" if key in changes else line)
    known = {line.partition(":")[0] for line in lines}
    lines += [f"{key}: {value}" for key, value in changes.items() if value is not None and key not in known]
    return loads("\n".join(lines))
