"""What shared prompts cost: prompt tokens that engines compute for a fan-out, naively and as rebut asks.

    python benchmarks/prefix.py
    python benchmarks/prefix.py --models local/smollm2-135m,vllm/FOLDER --agents 8 --samples 16

Each workflow runs three times on each model. In the naive order every prompt begins with words of its own,
and every completion is a request of its own, so that nothing is shared. Then as rebut writes its prompts,
still one request for each completion; then as rebut does it by itself. All figures but the seconds are the
engines' own counts. Replies are cut short: only what is read matters here.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from accuracy_table import markdown
from machine import command, hidden, machine, versions
from script import parser_of, publish, tell

from rebut.models.gateway import Gateway
from rebut.models.registry import BUILTIN
from rebut.models.wire import Backend, Capabilities, Message, Request, Response, Sink
from rebut.settings import load_settings

ORDERS = ("naive", "one request each", "as it is")
"""Private words first; shared words first; and with the samples of a prompt in one request."""

QUESTION = """\
Report {number} of the harbour office. Three ferries cross the bay. The Anna takes 40 minutes for a crossing
and carries 120 people, the Berta takes 55 minutes and carries 200, the Clara takes 25 minutes and carries
45. All three leave the north pier at 8:00 and turn round at once at either pier, without a pause. The Anna
stops for the day after its sixth crossing. The Berta stops for half an hour at noon, wherever it is. The
Clara runs until 18:00 and then finishes the crossing that it has begun. On weekdays the ferries are two
thirds full on the way south in the morning and half full on the way north; in the afternoon it is the other
way round. A ticket costs 4 crowns, and children, who are one passenger in five, pay half. The office pays
900 crowns a day for each ferry and 2 crowns for each minute of a crossing. In winter the crossings take a
fifth longer, and the Clara does not run at all. A storm in March closed the south pier for three days; the
ferries then ran round trips from the north pier for visitors, at 6 crowns a head, and were full.

How many people can the three ferries together carry in the first two hours of a day in summer?"""


@dataclass(frozen=True, slots=True)
class Call:
    """What one request read, by the engine's count."""

    node: str
    completions: int
    prompt: int
    cached: int

    @property
    def computed(self) -> int:
        """Prompt tokens that the engine had to compute."""
        return self.prompt - self.cached


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a workflow."""

    model: str
    workflow: str
    order: str
    calls: tuple[Call, ...]
    seconds: float

    @property
    def prompt(self) -> int:
        """Prompt tokens of all requests."""
        return sum(call.prompt for call in self.calls)

    @property
    def computed(self) -> int:
        """Those of them that were computed."""
        return sum(call.computed for call in self.calls)

    @property
    def warm(self) -> float | None:
        """The cached share of what was read after each fan-out's first reading; None where nothing was."""
        nodes = {call.node for call in self.calls}
        first = sum(max(call.computed for call in self.calls if call.node == node) for node in nodes)
        cached = sum(call.cached for call in self.calls)
        return cached / (self.prompt - first) if self.prompt > first else None


class Asked:
    """A back end whose requests are put differently; it is closed by who made it."""

    def __init__(self, inner: Backend, order: str) -> None:
        self._inner, self._order, self._number = inner, order, count(1)

    def capabilities(self, model: str) -> Capabilities:
        """Those of the back end; several completions in one request only where rebut is left alone."""
        return replace(self._inner.capabilities(model), n=self._order == ORDERS[2])

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Ask, with words of its own before all others in the naive order."""
        if self._order == ORDERS[0]:
            first, *rest = request.messages
            own = Message(first.role, f"Request {next(self._number)}.\n{first.content}")
            request = replace(request, messages=(own, *rest))
        return await self._inner.complete(request, sink)

    def price(self, model: str) -> tuple[float, float] | None:
        """Nothing."""
        return self._inner.price(model)

    async def close(self) -> None:
        """Leave the engine running for the next order."""


async def measure(model: str, workflows: Mapping[str, Mapping[str, Any]], seed: int) -> list[Row]:
    """All workflows in all orders on one model."""
    prefix = model.partition("/")[0]
    module, _, name = BUILTIN[prefix].partition(":")
    backend: Backend = getattr(import_module(module), name).from_settings(load_settings())
    tell(f"{hidden(model)}: loading")
    await backend.complete(Request(model=model, messages=(Message("user", "Hi"),), max_tokens=1))
    rows: list[Row] = []
    numbers = count(101)
    try:
        for workflow, params in workflows.items():
            for order in ORDERS:
                question = QUESTION.format(number=next(numbers))  # what an earlier run read is of no use
                asked = {prefix: Asked(backend, order)}
                rows.append(await _run(model, workflow, params, order, question, asked, seed))
                tell(f"{hidden(model)}: {workflow}, {order}: {rows[-1].computed} tokens computed")
    finally:
        await backend.close()
    return rows


async def _run(
    model: str,
    workflow: str,
    params: Mapping[str, Any],
    order: str,
    question: str,
    backends: Mapping[str, Backend],
    seed: int,
) -> Row:
    import rebut
    from rebut.events import CallFinished

    calls: list[Call] = []
    async with Gateway(backends=backends) as gateway, rebut.Runtime("none", gateway=gateway) as runtime:
        flow = rebut.load(workflow, runtime=runtime, models=model)
        begun = time.perf_counter()
        run = flow.start(question, seed=seed, params=params)
        async for event in run:
            if isinstance(event, CallFinished):
                if event.error is not None:
                    raise SystemExit(f"error: {workflow} on {hidden(model)}: {hidden(event.error)}")
                usage = (event.prompt_tokens, event.cached_tokens)
                calls.append(Call(f"{event.node}/{event.visit}", len(event.texts), *usage))
        await run.result()
        seconds = time.perf_counter() - begun
    return Row(model, workflow, order, tuple(calls), seconds)


TITLES = ("model", "workflow", "order", "requests", "completions", "prompt tokens", "computed", "cached",
          "cached after the first reading", "times less than naive", "s")  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """A line for each run."""
    naive = {(row.model, row.workflow): row.computed for row in rows if row.order == ORDERS[0]}
    return markdown(TITLES, [_line(row, naive[row.model, row.workflow]) for row in rows])


def _line(row: Row, naive: int) -> list[str]:
    return [
        hidden(row.model),
        row.workflow,
        row.order,
        str(len(row.calls)),
        str(sum(call.completions for call in row.calls)),
        f"{row.prompt:,}",
        f"{row.computed:,}",
        f"{1 - row.computed / row.prompt:.0%}",
        "-" if row.warm is None else f"{row.warm:.0%}",
        f"{naive / row.computed:.1f}",
        f"{row.seconds:.1f}",
    ]


LEGEND = """\
`naive`: words of its own before each prompt, one request for each completion. `one request each`: the
prompts of rebut, one request for each completion. `as it is`: what rebut does by itself, with the samples
of one prompt in one request where the back end can. `computed` are the prompt tokens that were not in the
engine's cache, warm-ups included; `cached after the first reading` leaves out what the first reading of
each fan-out had to compute. Of a request for several completions vLLM counts the prompt once, llama.cpp
once for each group that fills its slots. The seconds include the writing of the replies."""


def page(rows: Sequence[Row], args: argparse.Namespace) -> str:
    """The whole document."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    size = f"{args.agents} agents in {args.rounds} rounds; {args.samples} samples"
    where = machine() + (f"; {args.note}" if args.note else "")
    facts = {"command": f"`{command(sys.argv)}`", "size": size, "machine": where, "date": when}
    head = "\n".join(f"- {name}: {said}" for name, said in {**facts, "versions": versions()}.items())
    return "\n\n".join(["# Shared prompts", head, table(rows), LEGEND]) + "\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "--models", default="local/smollm2-135m?ctx=2048&reply=32", help="with commas between"
    )
    parser.add_argument("--agents", type=int, default=8, help="of the society")
    parser.add_argument("--rounds", type=int, default=2, help="of the society")
    parser.add_argument("--samples", type=int, default=16, help="of self-consistency")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--note", default="", help="what else the machine was doing")
    parser.add_argument("--out", type=Path, help="file for the table; it is printed in any case")
    args = parser.parse_args()
    for model in args.models.split(","):
        if model.partition("/")[0] not in BUILTIN:
            parser.error(f"not an engine in this process: {model!r} (expected: local/NAME or vllm/FOLDER)")
        if model.startswith("vllm/") and find_spec("vllm") is None:
            parser.error(f"vLLM is not installed, which {model!r} needs")
    return args


def main() -> None:
    """Measure and print."""
    args = arguments()
    workflows: dict[str, dict[str, Any]] = {
        "society": {"agents": args.agents, "rounds": args.rounds},
        "self-consistency": {"samples": args.samples},
    }
    rows: list[Row] = []
    for model in args.models.split(","):
        rows += asyncio.run(measure(model, workflows, args.seed))
        if args.out:  # what is found is kept, also where a later model fails
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(page(rows, args), "utf-8")
    publish(page(rows, args), args.out)


if __name__ == "__main__":
    main()
