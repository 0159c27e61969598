"""Runs the trials of a scenario side by side; what is in the store already is not asked again."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rebut.errors import InputError, ModelRefused, ModelUnavailable, RebutError, SettingsError, suggest
from rebut.records import Usage

from ..graphs.runtime import Runtime
from ..memory.values import RunInfo
from .executors import ELSEWHERE, Executor
from .executors.local import LocalExecutor
from .grading import Grader
from .items import look
from .judging import Judges, needed_by
from .purse import Purse
from .spec import ScenarioSpec
from .trials import Entrant, Task, Trial, entrants, known_models, needed, run_id, told

HOPELESS = 5
"""So many trials of an entrant that fail for want of its model, and none that does not, end the scenario."""


@dataclass(slots=True)
class Report:
    """What a scenario found.

    Attributes:
        labels: of the entrants, in their order.
        trials: in the order of the items, then of the entrants, then of the seeds; none is missing where
            `stopped` is empty.
        stopped: why trials were left out.
    """

    spec: ScenarioSpec
    labels: tuple[str, ...]
    trials: list[Trial] = field(default_factory=list)
    wanted: int = 0
    stopped: str = ""

    @property
    def base(self) -> str:
        """The label that others are compared with."""
        own = (label for label in self.labels if label.partition(" @ ")[0] == self.spec.base)
        return next(own, self.labels[0])

    @property
    def usage(self) -> Usage:
        """What all trials and their judges used, the kept ones too; a run that several share counts once."""
        runs = {trial.run or id(trial): trial.usage for trial in self.trials}
        return sum((*runs.values(), *(trial.grading for trial in self.trials)), Usage())


Seen = Callable[[Report, Trial | None], None]
"""Called with what is known so far when trials were found in the store (None), and after each new one."""


class Runner:
    """One scenario on one runtime."""

    def __init__(
        self,
        spec: ScenarioSpec,
        runtime: Runtime,
        *,
        models: Mapping[str, str] | None = None,
        concurrency: int | None = None,
        limit: int | None = None,
        seen: Seen | None = None,
        executor: Executor | None = None,
    ) -> None:
        """
        Args:
            models: given for this time, by ``*``, role or agent; they go before those of the scenario.
            concurrency: runs at a time, of each worker; None for the scenario's own.
            limit: only so many items, from the first.
            seen: is told of progress.
            executor: who makes the trials; None for this process.

        Raises:
            ItemsInvalid: rows of the data do not fit.
            RebutError: a workflow or model does not fit.
        """
        self.spec, self._runtime, self._seen = spec, runtime, seen
        self._executor = executor or LocalExecutor(runtime)
        self._concurrency = concurrency or spec.concurrency
        self.entrants = entrants(spec, runtime, models)
        found = look(spec, needed(self.entrants) | needed_by(spec, runtime), limit)
        self.items, self.warnings = found.items, found.warnings
        self.grader, self.judges = Grader(spec), Judges(spec, runtime, models or {}, found.items)
        _none_unknown(models or {}, [*self.entrants, *self.judges.entrants])
        self.tasks = [
            Task(entrant, item, seed, run_id(spec, entrant, item, seed))
            for item in self.items
            for entrant in self.entrants
            for seed in spec.seeds
        ]
        self._same: dict[str, list[Task]] = {}
        for task in self.tasks:
            self._same.setdefault(task.run, []).append(task)
        self.report = Report(spec, tuple(e.label for e in self.entrants), wanted=len(self.tasks))
        self._done: dict[tuple[str, str, int], Trial] = {}
        self._purse = Purse(spec.total, [*self.entrants, *self.judges.entrants])
        self._failures: dict[str, int] = Counter()
        self._hopeful: set[str] = set()

    async def run(self) -> Report:
        """Make all trials that are not in the store yet.

        Trials that failed are made again: what they asked before is not paid again. Cancelled, it leaves the
        runs under way to be taken up by the next call.

        Raises:
            ModelUnavailable, SettingsError: no trial of an entrant finds its model.
            StoreError: the store fails.
        """
        try:
            self.grader.ready()
            known = await self._known()
            for task, *_ in self._same.values():
                if task.run in known:
                    self._purse.pay(known[task.run].result.usage, task.entrant)
            left = [task for task in self.tasks if not self._keep(task, known.get(task.run))]
            todo = list({task.run: task for task in left}.values())
            self._purse.pay(self.judges.spent(self._done.values(), known))
            self._tell(None)
            self._hopeful |= {trial.label for trial in self._done.values()}
            if todo:
                await self._make(todo, known)
            await self._judge(known)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            self._order()
        return self.report

    async def found(self) -> Report:
        """The trials that the store holds, failed ones too; nothing is asked."""
        return self.kept(await self._known())

    def kept(self, known: Mapping[str, RunInfo]) -> Report:
        """The trials that are among these runs of a store.

        `wanted` of the report is how many there could be: the rest was not made, or did not end.
        """
        for task in self.tasks:
            info = known.get(task.run)
            if not self._keep(task, info) and info is not None and info.status == "failed":
                result = info.result
                error, seconds = result.detail or "failed", result.seconds or 0.0
                self._note(self._trial(task, error=error, usage=result.usage, seconds=seconds, kept=True))
        self._score(self.judges.kept(self._done.values(), known))
        self._order()
        return self.report

    async def _known(self) -> dict[str, RunInfo]:
        if self._runtime.store is None:
            return {}
        known = {info.id: info for info in await self._runtime.store.runs_of(self.spec.name)}
        ended = [(known[task.run].result.answer, task.item) for task in self.tasks if task.run in known]
        await self.grader.ahead(ended)
        return known

    def _keep(self, task: Task, info: RunInfo | None) -> bool:
        """Take a finished run of the store as the trial's outcome, if there is one."""
        if info is None or info.status != "finished":
            return False
        result = info.result
        stop = "budget" if result.stop_reason == "budget" else "answered"
        self._note(
            self._trial(
                task,
                answer=result.answer,
                stop=stop,
                usage=result.usage,
                seconds=result.seconds or 0.0,
                kept=True,
            )
        )
        return True

    async def _judge(self, known: Mapping[str, RunInfo]) -> None:
        """Have the answers graded by the scenario's judges, those of earlier sittings too."""
        made = list(self._done.values())
        trials, stopped = await self.judges.judge(made, known, self._purse, self._concurrency)
        self._score(trials)
        self.report.stopped = self.report.stopped or stopped

    def _score(self, trials: Sequence[Trial]) -> None:
        self._done |= {(trial.item, trial.label, trial.seed): trial for trial in trials}

    async def _make(self, tasks: Sequence[Task], known: Mapping[str, RunInfo]) -> None:
        executor = self._executor
        try:
            width = await executor.open(self.spec, self.entrants, self._concurrency)
            todo = deque(executor.order(tasks))
            async with asyncio.TaskGroup() as group:
                for _ in range(min(width, len(todo))):
                    group.create_task(self._work(todo, known))
        finally:
            await executor.close()

    async def _work(self, todo: deque[Task], known: Mapping[str, RunInfo]) -> None:
        while todo and not self.report.stopped:
            task = todo.popleft()
            before = known[task.run].result.usage if task.run in known else Usage()
            if (held := await self._purse.room(task.entrant, before, task.item.inputs)) is None:
                self.report.stopped = self.report.stopped or self._purse.words
                return
            if self.report.stopped:  # while it stood in line
                self._purse.settle(held, Usage(), before)
                return
            trial = await self._try(task, resumed=task.run in known)
            self._purse.settle(held, trial.usage, before, task.entrant)
            for same in self._same[task.run]:  # contenders that differ in nothing share their runs
                trial = replace(trial, label=same.entrant.label)
                self._note(trial)
                self._tell(trial)

    async def _try(self, task: Task, *, resumed: bool) -> Trial:
        made = await self._executor.make(task, resumed=resumed)
        if made.elsewhere:
            return self._trial(task, error=ELSEWHERE)
        if (result := made.result) is None:
            assert made.failure is not None
            self._hope(task.entrant, made.failure)
            return self._trial(task, error=told(made.failure), usage=made.usage, seconds=made.seconds)
        self._hopeful.add(task.entrant.label)
        stop = "budget" if result.stop_reason == "budget" else "answered"
        await self.grader.ahead([(result.answer, task.item)])
        return self._trial(task, answer=result.answer, stop=stop, usage=result.usage, seconds=result.seconds)

    def _hope(self, entrant: Entrant, error: RebutError) -> None:
        """Give up where an entrant's model cannot be had at all: that says nothing about the workflow."""
        if entrant.label in self._hopeful or not _hopeless(error):
            self._hopeful.add(entrant.label)
            return
        self._failures[entrant.label] += 1
        if self._failures[entrant.label] >= min(HOPELESS, len(self.items)):
            raise error

    def _trial(self, task: Task, *, answer: object = None, **more: object) -> Trial:
        graded = self.grader.grade(answer, task.item, task.entrant.workflow.kind)
        return Trial(
            item=task.item.id,
            group=task.item.group,
            label=task.entrant.label,
            seed=task.seed,
            run=task.run,
            gold=task.item.gold,
            answer=None if answer is None else str(answer),
            right=graded.right,
            scores=graded.scores,
            **more,  # type: ignore[arg-type]
        )

    def _note(self, trial: Trial) -> None:
        self._done[trial.item, trial.label, trial.seed] = trial
        self.report.trials.append(trial)

    def _tell(self, trial: Trial | None) -> None:
        if self._seen is not None:
            self._seen(self.report, trial)

    def _order(self) -> None:
        keys = [(task.item.id, task.entrant.label, task.seed) for task in self.tasks]
        self.report.trials = [self._done[key] for key in keys if key in self._done]


def _hopeless(error: RebutError) -> bool:
    """Whether it would fail every trial alike: no model, no key, no right to it, a file that is not there."""
    if isinstance(error, ModelRefused):
        return error.status in (401, 402, 403)
    return isinstance(error, ModelUnavailable | SettingsError | InputError)


def _none_unknown(models: Mapping[str, str], entrants: Sequence[Entrant]) -> None:
    """Refuse models that were given for agents or roles that nobody has."""
    used = {name for entrant in entrants for name in known_models(models, entrant.workflow)}
    if wrong := sorted(models.keys() - used):
        own = sorted({agent for entrant in entrants for agent in entrant.workflow.spec.agents})
        raise InputError(f"no contender has an agent or role {wrong[0]!r}{suggest(wrong[0], own)}")


async def measure(
    spec: ScenarioSpec,
    runtime: Runtime,
    *,
    models: Mapping[str, str] | None = None,
    concurrency: int | None = None,
    seen: Seen | None = None,
    executor: Executor | None = None,
) -> Report:
    """All trials of a scenario; see `Runner`."""
    if concurrency is not None and concurrency < 1:
        raise InputError(f"concurrency must be at least 1, it is {concurrency}")
    runner = Runner(spec, runtime, models=models, concurrency=concurrency, seen=seen, executor=executor)
    return await runner.run()


def by_label(report: Report) -> dict[str, Sequence[Trial]]:
    """The trials of each entrant, in the order of the items."""
    return {label: [t for t in report.trials if t.label == label] for label in report.labels}
