"""Where is the first wrong step? A step scorer on solutions of which people marked it (BIG-Bench Mistake).

A step is called wrong where its grade is below the threshold. Told are the share of solutions with a mistake
of which the first wrong step is found, the share of those without one in which none is, and their harmonic
mean (as in ProcessBench, Zheng et al. 2024, arXiv:2412.06559), beside guesses that look at nothing.

    python benchmarks/first_error.py --rows 60 --model local/qwen2.5-coder-0.5b --out FILE.md
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy_table import markdown
from machine import command, hidden, machine, versions
from progress import Progress
from recorded_sets import Unusable, percent, read
from script import parser_of, publish

import rebut
from rebut.errors import ModelUnavailable, RebutError, SettingsError

FLOW = """
name: first-error
inputs: [question, solution]
agents: {grader: step_scorer}
nodes:
  grade: {ask: grader, with: {item: "={'text': solution}"}, quorum: 0, save: graded}
edges: {start: grade, grade: end}
answer: graded
"""
NAME = "big_bench_mistake"


@dataclass(frozen=True, slots=True)
class Found:
    """One solution: where its first mistake is, and where the scorer sees it; None for nowhere.

    `read` is false where the scorer's reply could not be read.
    """

    truth: int | None
    seen: int | None
    steps: int
    read: bool = True


def score(found: Sequence[Found]) -> tuple[float, float, float]:
    """Shares found right with and without a mistake, and their harmonic mean; an unread reply is wrong."""
    right = [(f.truth is None, f.read and f.seen == f.truth) for f in found]
    wrong_ones = [ok for clean, ok in right if not clean]
    clean_ones = [ok for clean, ok in right if clean]
    with_, without = _share(wrong_ones), _share(clean_ones)
    return with_, without, 2 * with_ * without / (with_ + without) if with_ + without else 0.0


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def guesses(found: Sequence[Found]) -> dict[str, list[Found]]:
    """What comes out without looking."""
    return {
        "nothing is wrong": [Found(f.truth, None, f.steps) for f in found],
        "the last step is wrong": [Found(f.truth, f.steps - 1, f.steps) for f in found],
        "the middle step is wrong": [Found(f.truth, f.steps // 2, f.steps) for f in found],
    }


async def grades(workflow: rebut.Workflow, row: Mapping[str, Any]) -> Sequence[float] | None:
    """The grade of each step; None where the reply could not be read.

    Raises:
        ModelUnavailable, SettingsError: the model cannot be had.
    """
    steps = [" ".join(step.split()) for step in row["steps"]]
    solution = "\n".join(f"Step {i}: {step}" for i, step in enumerate(steps, 1))
    try:
        result = await workflow.run(row["question"], solution=solution, seed=0)
    except (ModelUnavailable, SettingsError):
        raise
    except RebutError:
        return None
    found = getattr(result.answer, "steps", None)
    return found if found is not None and len(found) == len(steps) else None


async def measure(rows: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> list[Found]:
    """Ask the scorer about every solution, some at a time."""
    progress, gate = Progress(), asyncio.Semaphore(args.concurrency)
    progress.begin(NAME, len(rows))
    async with rebut.Runtime(args.store) as runtime:
        workflow = rebut.loads(FLOW, runtime=runtime, models=args.model)

        async def one(row: Mapping[str, Any]) -> Found:
            async with gate:
                found = await grades(workflow, row)
            progress.step(failed=found is None)
            if found is None:
                return Found(row["mistake_index"], None, len(row["steps"]), read=False)
            seen = next((i for i, grade in enumerate(found) if grade < args.threshold), None)
            return Found(row["mistake_index"], seen, len(found))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(row)) for row in rows]
    return [task.result() for task in tasks]


def page(found: Sequence[Found], args: argparse.Namespace, argv: Sequence[str]) -> str:
    """The whole document."""
    lines = {"the step scorer": list(found)} | guesses(found)
    rows = [
        (name, *map(percent, score(told)), str(sum(not f.read for f in told))) for name, told in lines.items()
    ]
    clean = sum(f.truth is None for f in found)
    head = [
        f"- command: `{command(argv)}`",
        f"- model: `{hidden(args.model)}`; a step is wrong below a grade of {args.threshold}",
        f"- machine: {machine()}",
        f"- versions: {versions()}",
        f"- solutions: {len(found)}, {clean} of them without a mistake",
    ]
    headings = ("who says it", "first mistake found", "none seen where none is", "harmonic mean", "unread")
    return "\n\n".join([f"# {NAME}: the first wrong step", "\n".join(head), markdown(headings, rows)]) + "\n"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    usual = Path(os.environ.get("REBUT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--rows", type=int, default=60, help="solutions, from the first")
    parser.add_argument("--data", type=Path, default=usual, help="folder of the data sets; or REBUT_DATA")
    parser.add_argument("--model", default="local/default")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--store", default="none", help="file for the journals of the runs; default none")
    parser.add_argument("--out", type=Path, help="file for the page")
    return parser.parse_args(argv)


def main() -> None:
    """Measure and print."""
    args = arguments()
    try:
        rows = read(args.data, NAME)[: args.rows]
        found = asyncio.run(measure(rows, args))
    except (Unusable, RebutError) as error:
        raise SystemExit(f"error: {error}") from None
    publish(page(found, args, sys.argv), args.out)


if __name__ == "__main__":
    main()
