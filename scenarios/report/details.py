"""The items one by one: what was asked, what each entrant answered, and what its agents said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...memory.talks import Turn
from ...memory.values import RunInfo
from ..items import Item
from ..trials import Trial
from .reading import Evidence
from .words import Cut, cut

QUESTION = 4_000
"""Characters of an input that are shown."""
ANSWER = 1_000
WHOLE = 8_000_000
"""Characters of all transcripts of a page together."""


@dataclass(frozen=True, slots=True)
class Call:
    """A turn with its completions as far as they are shown."""

    turn: Turn
    said: tuple[Cut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A trial with its answer and its transcript as far as they are shown; `left`: characters that are not.

    `why` is the limit that was reached, or the failure.
    """

    trial: Trial
    answer: Cut | None
    why: str
    calls: tuple[Call, ...]
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item as its part of the page; `at` is its place, from 1.

    Attributes:
        wrong: some entrant has it wrong; `failed`: some trial failed.
        changed: some entrant has it right where the base does not, or the other way.
        marks: of each entrant with a trial, its label and whether it is always right.
    """

    at: int
    id: str
    group: str
    inputs: tuple[tuple[str, Cut], ...]
    gold: tuple[str, ...]
    trials: tuple[Played, ...]
    marks: tuple[tuple[str, bool], ...]
    wrong: bool
    changed: bool
    failed: bool


def level(lengths: Iterable[int], whole: int, most: int) -> int:
    """The height at which texts are cut so that they hold `whole` characters together, at most `most` each.

    >>> level([10, 20, 90], 60, 100), level([10, 20], 60, 100), level([500], 600, 100)
    (30, 100, 100)
    """
    left, lengths = whole, sorted(lengths)
    for i, length in enumerate(lengths):
        each = left // (len(lengths) - i)
        if length > each:
            return min(most, each)
        left -= length
    return most


def length_of(turns: Sequence[Turn]) -> int:
    """Characters of what was said."""
    return sum(words.length for turn in turns for words in turn.said)


def details(evidence: Evidence, most: int) -> list[Shown]:
    """The items that have a trial, in their order; of each transcript `most` characters."""
    by_item: dict[str, list[Trial]] = {}
    for trial in evidence.report.trials:
        by_item.setdefault(trial.item, []).append(trial)
    having = [item for item in evidence.items.values() if item.id in by_item]
    return [_shown(evidence, at, item, by_item[item.id], most) for at, item in enumerate(having, 1)]


def _shown(evidence: Evidence, at: int, item: Item, trials: Sequence[Trial], most: int) -> Shown:
    base = {trial.seed: trial.right for trial in trials if trial.label == evidence.report.base}
    marks: dict[str, bool] = {}
    for trial in trials:
        marks[trial.label] = marks.get(trial.label, True) and trial.right
    return Shown(
        at=at,
        id=item.id,
        group=item.group,
        inputs=tuple((name, cut(text, QUESTION)) for name, text in item.inputs.items()),
        gold=item.gold,
        trials=tuple(
            _played(trial, evidence.talks.get(trial.run, ()), evidence.runs, most) for trial in trials
        ),
        marks=tuple(marks.items()),
        wrong=not all(trial.right for trial in trials),
        changed=any(base.get(trial.seed, trial.right) != trial.right for trial in trials),
        failed=any(trial.stop == "failed" for trial in trials),
    )


def _played(trial: Trial, turns: Sequence[Turn], runs: Mapping[str, RunInfo], most: int) -> Played:
    calls, left = transcript(turns, most)
    info = runs.get(trial.run)
    why = trial.error or (info.result.detail if info and trial.stop == "budget" else "")
    answer = None if trial.answer is None else cut(trial.answer, ANSWER)
    return Played(trial=trial, answer=answer, why=why, calls=calls, left=left)


def transcript(turns: Sequence[Turn], most: int) -> tuple[tuple[Call, ...], int]:
    """The calls with `most` characters of what was said in them, from the first on; and how many are left."""
    room, left = most, 0
    calls: list[Call] = []
    for turn in turns:
        said: list[Cut] = []
        for words in turn.said:
            shown = cut(words.text, room, words.length)
            room, left = room - len(shown.text), left + shown.left
            said.append(shown)
        calls.append(Call(turn, tuple(said)))
    return tuple(calls), left
