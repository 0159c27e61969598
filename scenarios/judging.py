"""Metrics that a workflow grades: each answer is put to it once, through journal and budget like all runs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rebut.errors import InputError, suggest
from rebut.records import Usage

from ..graphs.runtime import Runtime
from ..graphs.workflow import load as load_workflow
from ..memory.values import RunInfo
from .executors import ELSEWHERE
from .executors.local import LocalExecutor
from .items import Item
from .purse import Purse
from .spec import Metric, ScenarioSpec
from .trials import Entrant, Task, Trial, known_models, marked, run_id, told

GIVEN = ("response", "answer", "gold")
"""Inputs that a judge has beside those of the item: the answer, twice named, and the accepted answers."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A judgement that is wanted of a trial."""

    metric: Metric
    trial: Trial
    task: Task


class Judges:
    """The judges of a scenario."""

    def __init__(
        self, spec: ScenarioSpec, runtime: Runtime, models: Mapping[str, str], items: Sequence[Item]
    ):
        """
        Args:
            models: given for this time; a judge's own go before them.

        Raises:
            RebutError: a judge's workflow or model does not fit.
        """
        self._spec, self._runtime = spec, runtime
        self._items = {item.id: item for item in items}
        self._metrics = [metric for metric in spec.metrics if metric.by == "judge"]
        # One judge for all contenders, whatever their models: the first of the scenario, if it names none.
        first = {"*": spec.models[0]} if spec.models else {}
        self._by = {m.name: _judge(m, runtime, {**first, **models}) for m in self._metrics}
        self._off: dict[str, set[str]] = {}
        known = set(items[0].inputs) if items else set[str]()
        for metric in self._metrics:
            _check(metric, self._by[metric.name], known)

    @property
    def entrants(self) -> list[Entrant]:
        """The judges, as those who use up the total."""
        return list(self._by.values())

    @property
    def warnings(self) -> list[str]:
        """What the judges said so far that is no grade, counted by judge; it was left out."""
        return [_off_scale(self._by[name].label, len(runs)) for name, runs in self._off.items()]

    def kept(self, trials: Iterable[Trial], known: Mapping[str, RunInfo]) -> list[Trial]:
        """The trials with the scores that are among these runs of a store."""
        if not self._metrics:
            return list(trials)
        counted: set[str] = set()
        return [self._with_kept(trial, known, counted) for trial in trials]

    def _with_kept(self, trial: Trial, known: Mapping[str, RunInfo], counted: set[str]) -> Trial:
        for asked in self._asked(trial):
            run = asked.task.run
            if run in known and known[run].status == "finished":
                result = known[run].result
                spent = Usage() if run in counted else result.usage
                counted.add(run)
                trial = _scored(trial, asked, result.answer, spent, self._off)
        return self._without_answer(trial)

    def _without_answer(self, trial: Trial) -> Trial:
        if trial.answer is not None:
            return trial
        return replace(trial, scores={**trial.scores, **dict.fromkeys(self._by, 0.0)})

    def _asked(self, trial: Trial) -> list[_Asked]:
        if trial.answer is None:
            return []
        found: list[_Asked] = []
        for metric in self._metrics:
            judge, item = self._by[metric.name], self._items[trial.item]
            given = {**item.inputs, **dict.fromkeys(GIVEN, trial.answer), "gold": "\n".join(item.gold)}
            inputs = {name: given[name] for name in judge.workflow.spec.inputs}
            about = replace(item, id=f"{item.id}/{metric.name}", inputs=inputs)
            found.append(_Asked(metric, trial, Task(judge, about, 0, run_id(self._spec, judge, about, 0))))
        return found

    async def judge(
        self, trials: Sequence[Trial], known: Mapping[str, RunInfo], purse: Purse, concurrency: int
    ) -> tuple[list[Trial], str]:
        """The trials with all scores, and why some were left out.

        The same answer to the same item is judged once. What a judge used is the `grading` of the first trial
        that asks for it.
        """
        found = {id(trial): now for trial, now in zip(trials, self.kept(trials, known), strict=True)}
        sitting = _Sitting(self._runtime, known, purse, found, self._off)
        sitting.todo += self._wanted(trials, known)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(sitting.todo))):
                group.create_task(sitting.work())
        return list(found.values()), sitting.stopped or sitting.failed

    def _wanted(self, trials: Sequence[Trial], known: Mapping[str, RunInfo]) -> Iterable[list[_Asked]]:
        """What is still to be judged, the same answers to the same item together.

        A judge that said nothing, or no grade, has had its say.
        """
        ended = {run for run, info in known.items() if info.status == "finished"}
        wanted: dict[str, list[_Asked]] = {}
        for trial in trials:
            for asked in self._asked(trial):
                if asked.task.run not in ended:
                    wanted.setdefault(asked.task.run, []).append(asked)
        return wanted.values()

    def spent(self, trials: Iterable[Trial], known: Mapping[str, RunInfo]) -> Usage:
        """What earlier sittings used to judge these trials."""
        runs = {asked.task.run for trial in trials for asked in self._asked(trial)}
        return sum((known[run].result.usage for run in runs if run in known), Usage())


@dataclass(slots=True)
class _Sitting:
    """The judging that is under way; `found` are the trials as they stand, by the identity of the first.

    `off`: by metric, the runs that gave no grade.
    """

    runtime: Runtime
    known: Mapping[str, RunInfo]
    purse: Purse
    found: dict[int, Trial]
    off: dict[str, set[str]]
    todo: list[list[_Asked]] = field(default_factory=list)
    stopped: str = ""
    failed: str = ""

    async def work(self) -> None:
        """Put answer after answer to its judge, as long as there is room."""
        while self.todo and not self.stopped:
            same = self.todo.pop(0)
            task = same[0].task
            before = self.known[task.run].result.usage if task.run in self.known else Usage()
            if (held := await self.purse.room(task.entrant, before, task.item.inputs)) is None:
                self.stopped = self.stopped or self.purse.words
                return
            if self.stopped:  # while it stood in line
                self.purse.settle(held, Usage(), before)
                return
            made = await LocalExecutor(self.runtime).make(task, resumed=task.run in self.known)
            usage = made.result.usage if made.result else made.usage
            self.purse.settle(held, usage, before, task.entrant)
            if made.result is not None:
                self._note(same, made.result.answer, usage)
            elif not self.failed:
                why = ELSEWHERE if made.failure is None else told(made.failure)
                self.failed = f"{task.entrant.label} left out answers: {why}"

    def _note(self, same: Sequence[_Asked], answer: Any, usage: Usage) -> None:
        for place, asked in enumerate(same):
            at = id(asked.trial)
            spent = Usage() if place else usage
            self.found[at] = _scored(self.found[at], asked, answer, spent, self.off)


def needed_by(spec: ScenarioSpec, runtime: Runtime) -> frozenset[str]:
    """The inputs that the items must have for the judges of a scenario, beside the answers that they grade.

    Raises:
        RebutError: a judge's workflow does not fit.
    """
    judges = [load_workflow(m.judge, runtime=runtime) for m in spec.metrics if m.by == "judge"]
    return frozenset(name for judge in judges for name in judge.spec.inputs) - {*GIVEN}


def _judge(metric: Metric, runtime: Runtime, given: Mapping[str, str]) -> Entrant:
    workflow = load_workflow(metric.judge, runtime=runtime).with_(params=metric.params)
    workflow = workflow.with_(models=known_models({**given, **metric.models}, workflow))
    bound, mark = marked(workflow, runtime)
    return Entrant(label=f"judge {metric.name}", workflow=workflow, models=bound, mark=mark)


def _check(metric: Metric, judge: Entrant, inputs: set[str]) -> None:
    there = sorted(inputs | {*GIVEN})
    for name in judge.workflow.spec.inputs:
        if inputs and name not in there:
            raise InputError(
                f"judge {metric.judge!r} of metric {metric.name!r} asks for {name!r}, which no item has"
                f"{suggest(name, there)}"
            )
    if not {"response", "answer"} & set(judge.workflow.spec.inputs):
        raise InputError(
            f"judge {metric.judge!r} of metric {metric.name!r} takes no input 'response' or 'answer'"
        )


def _scored(trial: Trial, asked: _Asked, answer: Any, usage: Usage, off: dict[str, set[str]]) -> Trial:
    """A trial with what a judge said; nothing, and noted in `off`, where that is no number from 0 to 1."""
    name, score = asked.metric.name, _number(answer)
    if score is not None and 0 <= score <= 1:
        return replace(trial, scores={**trial.scores, name: score}, grading=trial.grading + usage)
    if answer is not None:
        off.setdefault(name, set()).add(asked.task.run)
    return replace(trial, grading=trial.grading + usage)


def _off_scale(judge: str, count: int) -> str:
    many = "1 grade that is" if count == 1 else f"{count} grades that are"
    return f"{judge} gave {many} no number from 0 to 1: left out"


def _number(answer: Any) -> float | None:
    if answer is None or isinstance(answer, bool):
        return None if answer is None else float(answer)
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
