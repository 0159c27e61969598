"""The first minute of a stranger: from a fresh copy and empty caches to a right answer, for several weights.

    python benchmarks/first_minute.py --groups weights,weights-medium,weights-large
    python benchmarks/first_minute.py --here --model local/smollm2-135m --questions 2

For each group the repository is cloned (what is committed, no more) with the group in the place of the
default weights, and `uv sync` and the command of the README run with a cache of their own. Then one process
asks all questions: how long until the model is ready, until its first words, until the answer, and whether
that is right. `--here` leaves the copy out and asks in the environment that runs this.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy_table import markdown
from machine import command, hidden, machine, versions
from script import parser_of, publish, tell

ROOT = Path(__file__).resolve().parents[1]
STRANGE = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "REBUT_MODEL",
    "REBUT_STORE",
    "REBUT_SETTINGS",
    "UV_PROJECT_ENVIRONMENT",
)


@dataclass(frozen=True, slots=True)
class Known:
    """A question whose answer is known: a number, ``yes`` or ``no``, or a word that must be in the answer."""

    text: str
    gold: str
    also: str = ""


QUESTIONS = (
    Known("Is 3.11 larger than 3.9?", "no", also="3.9"),
    Known("What is 17 times 24?", "408"),
    Known("A train leaves at 9:40 and arrives at 13:05. How many minutes does the journey take?", "205"),
    Known("What is the capital of Australia?", "Canberra"),
    Known("Is 91 a prime number?", "no"),
    Known("A shirt costs 20 dollars after a discount of 20 percent. How many dollars was it before?", "25"),
    Known("How many times does the letter r occur in the word strawberry?", "3"),
    Known("Was the Eiffel Tower finished before the year 1900?", "yes"),
    Known("What is the chemical symbol of gold?", "Au"),
    Known("Tom is taller than Ann, and Ann is taller than Joe. Who is the shortest?", "Joe"),
)


def right(answer: Any, known: Known) -> bool:
    """Whether an answer, which may be a whole sentence, is the known one."""
    from rebut.agents.answers import correct, extract

    if answer is None:
        return False
    text = str(answer).strip()
    if known.gold in ("yes", "no"):
        said = extract(text, "yesno")
        return said == known.gold or (said is None and bool(known.also) and text.rstrip(".") == known.also)
    if known.gold[0].isdigit():
        return correct(extract(text, "number"), known.gold, "number")
    others = re.IGNORECASE if len(known.gold) > 2 else 0
    return len(text) < 200 and re.search(rf"\b{known.gold}\b", text, others) is not None


async def ask(workflow: str, model: str, count: int, since: float) -> dict[str, Any]:
    """Load the model, put the questions to the workflow, and time it all in seconds.

    `since` is when the process was started, in seconds since the epoch.
    """
    import rebut
    from rebut.models.wire import Message, Request

    async with rebut.Runtime("none") as runtime:
        flow = rebut.load(workflow, runtime=runtime, models=model)
        begun = time.perf_counter()
        await runtime.gateway.complete(Request(model=model, messages=(Message("user", "Hi"),), max_tokens=1))
        loaded = time.perf_counter() - begun
        ready = time.time() - since
        asked = [await _one(flow, known) for known in QUESTIONS[:count]]
    return {"ready": ready, "loaded": loaded, "asked": asked}


async def _one(flow: Any, known: Known) -> dict[str, Any]:
    from rebut.errors import RebutError
    from rebut.events import CallDelta

    begun = time.perf_counter()
    first: float | None = None
    answer, error = None, ""
    run = flow.start(known.text, seed=0)
    try:
        async for event in run:
            if first is None and isinstance(event, CallDelta) and event.text.strip():
                first = time.perf_counter() - begun
        answer = (await run.result()).answer
    except RebutError as bad:
        error = hidden(str(bad))
    finally:
        await run.aclose()
    seconds = time.perf_counter() - begun
    facts = {"question": known.text, "answer": answer, "error": error, "gold": known.gold}
    return {**facts, "right": right(answer, known), "first": first, "seconds": seconds}


class Copy:
    """A fresh clone with one group of weights, and caches of its own. `folder` is empty before."""

    def __init__(self, folder: Path, group: str) -> None:
        self.tree = folder / "rebut"
        kept = {name: value for name, value in os.environ.items() if name not in STRANGE}
        own = {
            "REBUT_HOME": folder / "home",
            "XDG_CACHE_HOME": folder / "cache",
            "UV_CACHE_DIR": folder / "uv",
        }
        self.env: dict[str, str] = {**kept, **{name: str(path) for name, path in own.items()}}
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.tree)], check=True)
        project = self.tree / "pyproject.toml"
        text = project.read_text("utf-8")
        default = f'default-groups = ["dev", "{group}"]'
        changed, found = re.subn(r"^default-groups = .*$", default, text, count=1, flags=re.MULTILINE)
        if not found or not re.search(rf"^{re.escape(group)} = \[", text, re.MULTILINE):
            raise SystemExit(f"error: pyproject.toml has no group {group!r}, or no line of default groups")
        project.write_text(changed, "utf-8")

    def run(self, *program: str, accept: Sequence[int] = (0,)) -> tuple[float, str]:
        """Seconds and stdout of a command in the copy.

        Raises:
            SystemExit: it failed; the end of its stderr is told.
        """
        begun = time.perf_counter()
        done = subprocess.run(
            program, cwd=self.tree, env=self.env, capture_output=True, text=True, check=False
        )
        if done.returncode not in accept:
            raise SystemExit(
                f"error: {' '.join(program[:3])} ended with {done.returncode}:\n{done.stderr[-2000:]}"
            )
        return time.perf_counter() - begun, done.stdout

    @property
    def size(self) -> int:
        """Bytes in the environment and the folder of weights, as they lie on the disk."""
        folders = (self.tree / ".venv", Path(self.env["REBUT_HOME"]))
        files = (path.lstat() for folder in folders for path in folder.rglob("*"))
        return sum({stat.st_ino: stat.st_blocks * 512 for stat in files}.values())


def measure(group: str, workflow: str, count: int) -> dict[str, Any]:
    """One group, from the clone to the last question."""
    with tempfile.TemporaryDirectory(prefix="rebut-first-minute-") as folder:
        copy = Copy(Path(folder), group)
        tell(f"{group}: uv sync")
        sync, _ = copy.run("uv", "sync", "--quiet")
        tell(f"{group}: synced in {sync:.1f} s; the first command")
        # 3 and 4: the run ended early, or without an answer; the model is then to blame, not the way to it.
        program = ("uv", "run", "rebut", "run", workflow, QUESTIONS[0].text)
        first, answer = copy.run(*program, accept=(0, 3, 4))
        tell(f"{group}: it took {first:.1f} s; {count} questions")
        given = (
            "--here",
            "--raw",
            "--workflow",
            workflow,
            "--questions",
            str(count),
            "--since",
            str(time.time()),
        )
        probe = str(Path(__file__).resolve())
        _, said = copy.run("uv", "run", "--no-sync", "python", probe, *given)
        facts = {"sync": sync, "first": first, "answer": answer.strip(), "size": copy.size}
        return {"name": group, **facts, **json.loads(said)}


def summary(found: Sequence[Mapping[str, Any]]) -> str:
    """One line for each group."""
    titles = ("weights", "uv sync s", "first command s", "both s", "GB on disk", "ready s", "of it load s",
              "first text s", "answer s", "right")  # fmt: skip
    return markdown(titles, [_line(one) for one in found])


def _line(one: Mapping[str, Any]) -> list[str]:
    asked = one["asked"]
    firsts = [a["first"] for a in asked if a["first"] is not None]
    whole = ["-"] * 4
    if "sync" in one:
        both = one["sync"] + one["first"]
        whole = [
            *(f"{seconds:.1f}" for seconds in (one["sync"], one["first"], both)),
            f"{one['size'] / 1e9:.2f}",
        ]
    return [
        one["name"],
        *whole,
        f"{one['ready']:.1f}",
        f"{one['loaded']:.1f}",
        f"{statistics.median(firsts):.1f}" if firsts else "-",
        f"{statistics.median(a['seconds'] for a in asked):.1f}",
        f"{sum(a['right'] for a in asked)} of {len(asked)}",
    ]


def answers(one: Mapping[str, Any]) -> str:
    """Each question with what was answered."""
    titles = ("question", "answer", "known", "right", "first text s", "answer s")
    lines = []
    for a in one["asked"]:
        said = "none" if a["answer"] is None else str(a["answer"])[:80]
        first = "-" if a["first"] is None else f"{a['first']:.1f}"
        verdict = "yes" if a["right"] else "no"
        lines.append([a["question"], a["error"] or said, a["gold"], verdict, first, f"{a['seconds']:.1f}"])
    return markdown(titles, lines)


LEGEND = """\
`uv sync` and the first command start from empty caches, downloads included; the first command is the README's
and puts the weights together where they come in parts. `ready`: from the start of another process to a loaded
model, weights in place. `first text` and `answer`: medians over the questions, the model loaded."""


def page(found: Sequence[Mapping[str, Any]], workflow: str) -> str:
    """The whole document."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    facts = {"command": f"`{command(sys.argv)}`", "workflow": workflow, "machine": machine(), "date": when}
    head = "\n".join(f"- {name}: {said}" for name, said in {**facts, "versions": versions()}.items())
    parts = ["# The first minute", head, summary(found), LEGEND]
    for one in found:
        parts += [f"## {one['name']}", answers(one)]
        if "first" in one:
            parts.append(f"The first command answered: {one['answer'][:200] or 'nothing'}")
    return "\n\n".join(parts) + "\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--groups", default="weights", help="dependency groups, with commas between")
    parser.add_argument("--workflow", default="debate")
    parser.add_argument("--questions", type=int, default=len(QUESTIONS), choices=range(1, len(QUESTIONS) + 1))
    parser.add_argument("--here", action="store_true", help="no copy: ask in this environment")
    parser.add_argument("--model", default="local/default", help="with --here")
    parser.add_argument("--out", type=Path, help="file for the table; it is printed in any case")
    parser.add_argument("--raw", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--since", type=float, default=time.time(), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.model != "local/default" and not args.here:
        parser.error("--model goes with --here; in a copy the weights of the group answer")
    return args


def main() -> None:
    """Measure and print."""
    args = arguments()
    if args.here:
        result = asyncio.run(ask(args.workflow, args.model, args.questions, args.since))
        if args.raw:
            print(json.dumps(result, default=str))
            return
        found = [{"name": args.model, **result}]
    else:
        found = [measure(group, args.workflow, args.questions) for group in args.groups.split(",")]
    publish(page(found, args.workflow), args.out)


if __name__ == "__main__":
    main()
