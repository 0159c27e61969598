"""Where is the first wrong step? Graders of steps on solutions of which people marked it (BIG-Bench Mistake).

Each step gets a grade from 0 to 1, its probability of being right: `--by labels` asks about every step by
itself whether it is right, and reads the probabilities of the two labels, so that every reply can be read;
`--by grades` asks the library's step scorer for all grades in one reply. The first step below a threshold is
called the first mistake. Told are the share of solutions with a mistake of which it is found, the share of
those without one in which none is, and their harmonic mean (as in ProcessBench, Zheng et al. 2024,
arXiv:2412.06559), beside guesses that look at nothing; and how often a right step has a higher grade than a
wrong one, for which one half is chance.

    python benchmarks/first_error.py --rows 60 --model local/qwen2.5-coder-0.5b --out FILE.md
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from accuracy_table import markdown
from machine import command, hidden, machine, versions
from progress import Progress
from recorded_sets import FOLDS, Unusable, percent, read
from script import parser_of, publish

import rebut
from rebut.errors import ModelUnavailable, RebutError, SettingsError

FLOWS = {
    "grades": """
name: first-error
inputs: [question, solution]
agents: {grader: step_scorer}
nodes:
  grade: {ask: grader, with: {item: "={'text': solution}"}, quorum: 0, save: graded}
edges: {start: grade, grade: end}
answer: graded.steps
""",
    "labels": """
name: first-error
inputs: [question, steps]
agents: {checker: step_checker}
nodes:
  begin: {set: {beginnings: "[steps[:i + 1] for i in range(len(steps))]"}}
  check: {ask: checker, for_each: beginnings, as: begun, quorum: 0, save: rulings}
edges: {start: begin, begin: check, check: end}
answer: "[probability(r, 'A') for r in rulings]"
""",
}
NAME = "big_bench_mistake"
ROLES = Path(__file__).parent / "roles"
DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """One solution: where its first mistake is, and where the scorer sees it; None for nowhere.

    `read` is false where the scorer's reply could not be read. `grades` are those of its steps.
    """

    truth: int | None
    seen: int | None
    steps: int
    read: bool = True
    grades: tuple[float, ...] = ()


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
        "a step or none, drawn by lot": [Found(f.truth, _lot(i, f), f.steps) for i, f in enumerate(found)],
    }


def _lot(row: int, found: Found) -> int | None:
    drawn = Random(row).randrange(found.steps + 1)
    return None if drawn == found.steps else drawn


def seen_at(found: Found, threshold: float) -> Found:
    """The first step below the threshold as the first mistake."""
    below = (i for i, grade in enumerate(found.grades) if grade < threshold)
    return replace(found, seen=next(below, None))


def fitted(found: Sequence[Found]) -> list[Found]:
    """The same with the threshold that is best on four fifths of the solutions, used on the fifth."""
    made = list(found)
    for fold in range(FOLDS):
        others = [f for i, f in enumerate(found) if i % FOLDS != fold]
        threshold = _best(others)
        for i in range(fold, len(made), FOLDS):
            made[i] = seen_at(made[i], threshold)
    return made


def _best(found: Sequence[Found]) -> float:
    grades = sorted({grade for f in found for grade in f.grades})
    cuts = [0.0, *((a + b) / 2 for a, b in pairwise(grades)), 1.01]
    step = max(1, len(cuts) // 200)
    return max(cuts[::step], key=lambda cut: score([seen_at(f, cut) for f in found])[2])


def ordered(found: Sequence[Found]) -> float | None:
    """How often a right step has a higher grade than a wrong one (ties: one half); None without either.

    Steps before the first mistake are right, and so are all of a solution without one; what comes after a
    mistake was not marked and is left out.
    """
    right = [g for f in found for g in (f.grades if f.truth is None else f.grades[: f.truth])]
    wrong = [f.grades[f.truth] for f in found if f.truth is not None and f.grades]
    if not right or not wrong:
        return None
    return fmean((a > b) + 0.5 * (a == b) for b in wrong for a in right)


def spread(found: Sequence[Found], seed: int = 0) -> tuple[tuple[float, float], tuple[float, float]]:
    """The 95 % percentile bootstrap intervals, over solutions, of the harmonic mean and of `ordered`."""
    dice = Random(seed)
    means: list[float] = []
    orders: list[float] = []
    for _ in range(DRAWS):
        drawn = dice.choices(found, k=len(found))
        means.append(score(drawn)[2])
        order = ordered(drawn) if len(orders) < DRAWS // 10 else None
        orders += [] if order is None else [order]
    return _middle(means), _middle(orders)


def _middle(values: Sequence[float]) -> tuple[float, float]:
    inner = sorted(values)
    if not inner:
        return 0.0, 1.0
    return inner[int(0.025 * len(inner))], inner[min(len(inner) - 1, int(0.975 * len(inner)))]


async def grades(workflow: rebut.Workflow, row: Mapping[str, Any]) -> tuple[float, ...] | None:
    """The grade of each step; None where a reply could not be read.

    Raises:
        ModelUnavailable, SettingsError: the model cannot be had.
    """
    steps = [" ".join(step.split()) for step in row["steps"]]
    solution = "\n".join(f"Step {i}: {step}" for i, step in enumerate(steps, 1))
    given: dict[str, Any] = {"solution": solution} if "solution" in workflow.spec.inputs else {"steps": steps}
    try:
        result = await workflow.run(row["question"], **given, seed=0)
    except (ModelUnavailable, SettingsError):
        raise
    except RebutError:
        return None
    found = result.answer or ()
    return tuple(found) if len(found) == len(steps) and None not in found else None


def chosen(rows: Sequence[Mapping[str, Any]], count: int, most: int) -> Iterator[Mapping[str, Any]]:
    """The first `count` solutions of at most `most` steps."""
    short = [row for row in rows if len(row["steps"]) <= most]
    yield from short[:count]


async def measure(rows: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> list[Found]:
    """Ask the scorer about every solution, some at a time, until the time is over."""
    progress, gate = Progress(), asyncio.Semaphore(args.concurrency)
    end = time.monotonic() + args.time_limit
    progress.begin(NAME, len(rows))
    async with rebut.Runtime(args.store) as runtime:
        workflow = rebut.loads(FLOWS[args.by], runtime=runtime, models=args.model, roles=[ROLES])

        async def one(row: Mapping[str, Any]) -> Found | None:
            async with gate:
                if time.monotonic() > end:
                    return None
                told = await grades(workflow, row)
            progress.step(failed=told is None)
            blank = Found(row["mistake_index"], None, len(row["steps"]), read=told is not None)
            return seen_at(replace(blank, grades=told or ()), args.threshold)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(row)) for row in rows]
    return [found for task in tasks if (found := task.result()) is not None]


def page(found: Sequence[Found], args: argparse.Namespace, argv: Sequence[str]) -> str:
    """The whole document."""
    name = {"labels": "step by step, by labels", "grades": "the step scorer"}[args.by]
    cut = {f"{name}, below {args.threshold:g}": list(found), f"{name}, threshold fitted": fitted(found)}
    lines = cut | guesses(found)
    rows = [
        (who, *map(percent, score(told)), _between(spread(told)[0]), str(sum(not f.read for f in told)))
        for who, told in lines.items()
    ]
    clean, order = sum(f.truth is None for f in found), ordered(found)
    head = [
        f"- command: `{command(argv)}`",
        f"- model: `{hidden(args.model)}`",
        f"- machine: {machine()}",
        f"- versions: {versions()}",
        f"- solutions: {len(found)}, {clean} of them without a mistake; {sum(f.steps for f in found)} steps, "
        f"at most {args.steps} in one",
    ]
    headings = ("who says it", "first mistake found", "none seen where none is", "harmonic mean",
                "95 % interval", "unread")  # fmt: skip
    about = (
        "A step is called wrong where its grade is below the threshold; the fitted one is the best on four "
        f"fifths of the solutions, used on the fifth, {FOLDS} times. Intervals: percentile bootstrap over "
        "solutions."
    )
    more = ""
    if order is not None:
        more = (
            f"A right step has a higher grade than a wrong one in {percent(order)} of pairs (95 % interval "
            f"{_between(spread(found)[1])}); chance is 50.0 %."
        )
    parts = [f"# {NAME}: the first wrong step", "\n".join(head), markdown(headings, rows), about, more]
    return "\n\n".join(filter(None, parts)) + "\n"


def _between(ends: tuple[float, float]) -> str:
    return f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f} %"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    usual = Path(os.environ.get("REBUT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--rows", type=int, default=60, help="solutions, from the first")
    parser.add_argument("--steps", type=int, default=12, help="solutions with more steps are passed over")
    parser.add_argument("--by", choices=tuple(FLOWS), default="labels", help="how a step gets its grade")
    parser.add_argument("--data", type=Path, default=usual, help="folder of the data sets; or REBUT_DATA")
    parser.add_argument("--model", default="local/default")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--store", default="none", help="file for the journals of the runs; default none")
    parser.add_argument("--time-limit", type=float, default=math.inf, metavar="SECONDS",
                        help="start no new solution after it")  # fmt: skip
    parser.add_argument("--out", type=Path, help="file for the page")
    return parser.parse_args(argv)


def main() -> None:
    """Measure and print."""
    args = arguments()
    try:
        rows = list(chosen(read(args.data, NAME), args.rows, args.steps))
        found = asyncio.run(measure(rows, args))
    except (Unusable, RebutError) as error:
        raise SystemExit(f"error: {error}") from None
    publish(page(found, args, sys.argv), args.out)


if __name__ == "__main__":
    main()
