"""What a model gives on this machine: start-up, memory, and tokens a second, read and written.

    python benchmarks/throughput.py --models local/smollm2-135m
    python benchmarks/throughput.py --models 'local/smollm2-135m?slots=16,transformers/FOLDER' --tokens 64

Each model is measured in a process of its own, through the gateway, as a run would use it. Prompts differ
from their first word on, so that no cache helps to read them. Texts are written to their full length
(`ignore_eos`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accuracy_table import markdown
from machine import command, hidden, machine, versions
from progress import Progress

AT_ONCE = (1, 4, 16)
SAMPLES = 8
WORDS = ("river", "stone", "garden", "winter", "letter", "bridge", "market", "silver", "window", "harbour")


class Bench:
    """Asks one model through a gateway of its own."""

    def __init__(self, gateway: Any, model: str, tokens: int) -> None:
        self._gateway, self._model, self._tokens = gateway, model, tokens
        self._chance = random.Random(0)

    async def ask(self, prompt: str, tokens: int, n: int = 1) -> Any:
        """The response to one request for texts of so many tokens each."""
        from rebut.models.wire import Message, Request

        request = Request(
            model=self._model,
            messages=(Message("user", prompt),),
            n=n,
            temperature=1.0,
            seed=1,
            max_tokens=tokens,
            extra={"ignore_eos": True},
        )
        return (await self._gateway.complete(request))[0]

    def prompt(self, words: int) -> str:
        """Words that no prompt before began with."""
        said = (self._chance.choice(WORDS) + str(self._chance.randrange(1000)) for _ in range(words))
        return " ".join(said)

    async def reads(self, words: int) -> float:
        """Prompt tokens a second, of one long prompt; those that came from a cache do not count."""
        begun = time.perf_counter()
        usage = (await self.ask(self.prompt(words), 1)).usage
        return float(usage.prompt - usage.cached) / (time.perf_counter() - begun)

    async def writes(self, at_once: int, n: int = 1) -> float:
        """Tokens a second, of all texts that are written at the same time; reading the prompts included."""
        prompts = [self.prompt(4) for _ in range(at_once)]
        begun = time.perf_counter()
        responses = await asyncio.gather(*(self.ask(prompt, self._tokens, n) for prompt in prompts))
        written = sum(response.usage.completion for response in responses)
        return float(written) / (time.perf_counter() - begun)


async def measure(model: str, tokens: int, words: int, since: float) -> dict[str, Any]:
    """All figures of one model; `since` is when this process was started, in seconds since the epoch."""
    from rebut.models.gateway import Gateway
    from rebut.settings import Settings

    async with Gateway(Settings(retries=0)) as gateway:
        bench = Bench(gateway, model, tokens)
        await bench.ask("Hi", 1)
        ready = time.time() - since
        await bench.writes(1)  # what is compiled or allocated at the first text is not measured
        found = {"model": model, "ready": ready, "reads": await bench.reads(words)}
        for at_once in AT_ONCE:
            found[f"writes {at_once}"] = await bench.writes(at_once)
        found["samples"] = await bench.writes(1, SAMPLES)
        return {**found, "memory": memory()}


def memory() -> int:
    """The most bytes that this process held; with those of its children, where it has any."""
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return own + sum(map(_resident, _children()))


def _children() -> list[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return [child for task in tasks for child in task.read_text("utf-8").split()]


def _resident(pid: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
    return int(peak) * 1024


def in_its_own_process(model: str, args: argparse.Namespace) -> dict[str, Any]:
    """The figures of one model.

    Raises:
        SystemExit: it could not be measured; the end of what it said is told.
    """
    given = ["--models", model, "--tokens", str(args.tokens), "--words", str(args.words)]
    program = [sys.executable, str(Path(__file__).resolve()), "--raw", *given, "--since", str(time.time())]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            said, told = child.communicate()
        finally:
            child.kill()  # it must not outlive a benchmark that is stopped
    if child.returncode != 0:
        raise SystemExit(f"error: {model}: {told[-2000:]}")
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


LEGEND = """\
`ready`: from the start of a process to the first token. `memory`: the most that the process held, with its
children. `reads`: prompt tokens a second, of one prompt that no cache knows. `writes`: tokens a second of 1,
4 and 16 requests at the same time, all of them together, and of one request for eight completions."""


def summary(found: Sequence[Mapping[str, Any]]) -> str:
    """One line for each model."""
    titles = ("model", "ready s", "memory MB", "reads", *(f"writes {n}" for n in AT_ONCE), f"n={SAMPLES}")
    return markdown(titles, [_line(one) for one in found])


def _line(one: Mapping[str, Any]) -> list[str]:
    speeds = [one["reads"], *(one[f"writes {n}"] for n in AT_ONCE), one["samples"]]
    figures = (f"{speed:.0f}" for speed in speeds)
    return [hidden(one["model"]), f"{one['ready']:.1f}", f"{one['memory'] / 1e6:.0f}", *figures]


def page(found: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> str:
    """The whole document."""
    facts = {
        "command": f"`{command(sys.argv)}`",
        "machine": machine() + (f"; {args.note}" if args.note else ""),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "versions": versions(),
        "texts": f"{args.tokens} tokens each; the long prompt has {args.words} words",
    }
    head = "\n".join(f"- {name}: {said}" for name, said in facts.items())
    return "\n\n".join(["# Throughput", head, summary(found), LEGEND]) + "\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    about, _, rest = (__doc__ or "").partition("\n")
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, epilog=rest, formatter_class=form)
    parser.add_argument("--models", default="local/default", help="model strings, with commas between")
    parser.add_argument("--tokens", type=int, default=64, help="of each text")
    parser.add_argument("--words", type=int, default=200, help="of the long prompt; some tokens each")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    parser.add_argument("--out", type=Path, help="file for the table; it is printed in any case")
    parser.add_argument("--raw", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--since", type=float, default=time.time(), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is ended
    args = arguments()
    models = args.models.split(",")
    if args.raw:
        print(json.dumps(asyncio.run(measure(models[0], args.tokens, args.words, args.since))))
        return
    progress, found = Progress(), []
    progress.begin("throughput", len(models))
    for model in models:
        found.append(in_its_own_process(model, args))
        progress.step(failed=False)
        if args.out:  # what is found is kept, also where a later model fails
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(page(found, args), "utf-8")
    print(page(found, args), end="")


if __name__ == "__main__":
    main()
