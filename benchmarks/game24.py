"""Does a search find what is there? The game of 24 with exact proposals and grades, and with a small model.

The library's `tree-of-thought` and `beam` play it, their agents scripted: the proposer names steps that are
possible, in an order drawn by lot, none twice as long as there are others; the grader knows by brute force
whether what is left can still make 24, and is wrong as often as it is told to be. Every answer is worked out
exactly. So a search with a grader that is never wrong must win where one of its proposals can be won, and how
much it looked at is told beside brute force that takes the same steps in the same order.

    python benchmarks/game24.py --rows 30 --out benchmarks/results/game24.md
    python benchmarks/game24.py --rows 30 --live 3 --model local/smollm2-135m

The puzzles are a file of JSON Lines, `<data>/game24/game24.jsonl`; they are not part of the project.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from accuracy_table import markdown
from game24_play import Parts, Player, brute, by_lot, numbers_of, right, winnable
from machine import command, hidden, machine, versions
from progress import Progress
from recorded_sets import Unusable, percent, read
from script import parser_of, publish

import rebut
from rebut.errors import ModelUnavailable, RebutError, SettingsError
from rebut.models.gateway import Gateway
from rebut.models.script import Scripted
from rebut.models.wire import Capabilities
from rebut.records import Found
from rebut.scenarios.statistics import wilson
from rebut.settings import Settings

NAME = "game24"
QUESTION = (
    "Use the numbers {}, each exactly once, with + - * / and parentheses, to make 24. The answer is the "
    "expression alone, without an equals sign."
)

Live = tuple[rebut.Runtime, Any]
"""Where a real model plays, and which."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A workflow with its parameters, and how often its grader is wrong (None: a real model)."""

    label: str
    workflow: str
    params: Mapping[str, Any]
    wrong: float | None = 0.0


SETTINGS = (
    Setting("a walk by lot", "tree-of-thought", {"width": 1, "keep": 1, "depth": 3}),
    Setting("tree, 5 of 5", "tree-of-thought", {"width": 5, "keep": 5, "depth": 3}),
    Setting("tree, 1 of 20", "tree-of-thought", {"width": 20, "keep": 1, "depth": 3}),
    Setting("the same, 1 grade in 10 wrong", "tree-of-thought", {"width": 20, "keep": 1, "depth": 3}, 0.1),
    Setting("the same, 3 in 10 wrong", "tree-of-thought", {"width": 20, "keep": 1, "depth": 3}, 0.3),
    Setting("tree, 5 of 20, 3 in 10 wrong", "tree-of-thought", {"width": 20, "keep": 5, "depth": 3}, 0.3),
    Setting("beam, 5 of 5", "beam", {"width": 5, "keep": 5, "depth": 3}),
    Setting("beam, 1 of 20", "beam", {"width": 20, "keep": 1, "depth": 3}),
)
LIVE = (
    Setting("one chain", "solve", {}, None),
    Setting("tree, 2 of 3", "tree-of-thought", {"width": 3, "keep": 2, "depth": 3}, None),
    Setting("beam, 2 of 2", "beam", {"width": 2, "keep": 2, "depth": 4}, None),
)


@dataclass(frozen=True, slots=True)
class Played:
    """One puzzle: whether it was won, whether it could have been, and what was looked at.

    `possible`: one of the first steps that were proposed can be won.
    """

    won: bool
    possible: bool
    expanded: int
    valued: int
    calls: int
    answer: str | None


def scripted(numbers: Parts, place: int, wrong: float) -> tuple[rebut.Runtime, dict[str, str]]:
    """A runtime in which a player speaks for all agents, and their models."""
    backend = Scripted(Player(numbers, place, wrong).says, can=Capabilities(prefill=True))
    settings = Settings(retries=0)
    gateway = Gateway(settings, {"player": backend})
    models = {"*": "player/proposer", "grader": "player/grader"}
    return rebut.Runtime("none", settings=settings, gateway=gateway), models


async def play(setting: Setting, row: Mapping[str, Any], place: int, live: Live) -> Played:
    """One puzzle by one setting.

    Raises:
        ModelUnavailable, SettingsError: the model cannot be had.
    """
    numbers = numbers_of(row)
    runtime, models = live if setting.wrong is None else scripted(numbers, place, setting.wrong)
    flow = rebut.load(setting.workflow, runtime=runtime, kind="text", params=setting.params, models=models)
    try:
        result = await flow.run(QUESTION.format(" ".join(numbers)), seed=place)
    except (ModelUnavailable, SettingsError):
        raise
    except RebutError:
        return Played(False, False, 0, 0, 0, None)
    found = result.state.get("found")
    answer = None if result.answer is None else str(result.answer)
    seen = found if isinstance(found, Found) else None
    return Played(
        won=right(answer, numbers),
        possible=seen is not None and _possible(seen, numbers),
        expanded=seen.expanded if seen else 0,
        valued=seen.evaluated if seen else 0,
        calls=result.usage.calls,
        answer=answer,
    )


def _possible(found: Found, numbers: Parts) -> bool:
    """Whether one of the first steps that were proposed can be won."""
    player = Player(numbers, 0)
    return any(winnable(player.left(node.unit)) for node in found.tree if node.parent == 0)


async def measure(
    settings: Sequence[Setting], rows: Sequence[Mapping[str, Any]], live: Live, end: float
) -> dict[str, list[Played]]:
    """All puzzles by all settings, until the time is over."""
    progress = Progress()
    found: dict[str, list[Played]] = {}
    for setting in settings:
        progress.begin(setting.label, len(rows))
        mine = found.setdefault(setting.label, [])
        for place, row in enumerate(rows):
            if time.monotonic() < end:
                mine.append(await play(setting, row, place, live))
                progress.step(failed=False)
    return found


async def both(rows: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> dict[str, list[Played]]:
    """The scripted agents, and then the model on the first of the puzzles."""
    end = time.monotonic() + args.time_limit
    async with rebut.Runtime("none") as runtime:
        live = runtime, args.model
        found = await measure(SETTINGS, rows, live, end)
        return found | await measure(LIVE, rows[: args.live], live, end)


def lines(played: Mapping[str, Sequence[Played]], settings: Sequence[Setting]) -> Iterator[tuple[str, ...]]:
    """A line of the table for each setting."""
    for setting in settings:
        if not (mine := played[setting.label]):
            continue
        won = sum(p.won for p in mine)
        ends = wilson(won, len(mine))
        yield (
            setting.label,
            str(len(mine)),
            percent(won / len(mine)),
            f"{100 * ends.low:.1f} to {100 * ends.high:.1f} %",
            percent(fmean(p.possible for p in mine)) if setting.wrong is not None else "",
            *(f"{fmean(getattr(p, what) for p in mine):.1f}" for what in ("expanded", "valued", "calls")),
        )


HEADINGS = (
    "who plays",
    "puzzles",
    "won",
    "95 % interval",
    "a first step can be won",
    "expanded",
    "valued",
    "calls",
)
LEGEND = """\
`tree, a of b`: `tree-of-thought` that keeps `a` beginnings on each level and tries `b` steps after each;
`beam` likewise. `a first step can be won`: one of the first steps that were proposed leads to 24; nobody can
win more than these. `expanded`, `valued`, `calls`: means over the puzzles."""


def page(
    played: Mapping[str, Sequence[Played]],
    rows: Sequence[Mapping[str, Any]],
    args: argparse.Namespace,
    argv: Sequence[str],
) -> str:
    """The whole document."""
    numbers = [numbers_of(row) for row in rows]
    looked = [brute(parts, place) for place, parts in enumerate(numbers)]
    lot = fmean(map(by_lot, numbers))
    head = [
        f"- command: `{command(argv)}`",
        f"- machine: {machine()}",
        f"- versions: {versions()}",
        f"- puzzles: {len(rows)}, of which brute force wins {sum(map(winnable, numbers))}",
    ]
    exact = (
        f"Depth-first search by brute force expands {fmean(looked):.1f} places on average until it makes 24, "
        f"the steps in the same order (median {sorted(looked)[len(looked) // 2]}, most {max(looked)}). A "
        f"walk by lot wins {percent(lot)}, worked out exactly."
    )
    parts = [
        "# The game of 24",
        "\n".join(head),
        "## Exact proposals",
        markdown(HEADINGS, list(lines(played, SETTINGS))),
    ]
    parts += [LEGEND, exact]
    if any(played[setting.label] for setting in LIVE):
        parts += [
            f"## A real model: `{hidden(str(args.model))}`",
            markdown(HEADINGS, list(lines(played, LIVE))),
        ]
        said = [f"{s.label}: {p.answer!r}" for s in LIVE for p in played[s.label]]
        parts.append("What it answered: " + "; ".join(f"`{text[:120]}`" for text in said) + ".")
    return "\n\n".join(parts) + "\n"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    usual = Path(os.environ.get("REBUT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--rows", type=int, default=30, help="puzzles, from the first")
    parser.add_argument("--live", type=int, default=0, help="of them for the real model")
    parser.add_argument("--data", type=Path, default=usual, help="folder of the data sets; or REBUT_DATA")
    parser.add_argument("--model", default="local/default")
    parser.add_argument("--time-limit", type=float, default=math.inf, metavar="SECONDS",
                        help="start no new puzzle after it")  # fmt: skip
    parser.add_argument("--out", type=Path, help="file for the page")
    return parser.parse_args(argv)


def main() -> None:
    """Measure and print."""
    args = arguments()
    try:
        rows = read(args.data, NAME)[: args.rows]
        played = asyncio.run(both(rows, args))
    except (Unusable, RebutError) as error:
        raise SystemExit(f"error: {error}") from None
    publish(page(played, rows, args, sys.argv), args.out)


if __name__ == "__main__":
    main()
