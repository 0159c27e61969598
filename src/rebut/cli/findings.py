"""The trials of a scenario in a store, and what their runs tell of their agents."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from . import inputs, output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..memory.values import RunInfo
    from ..scenarios.confidence import Calibrated
    from ..scenarios.courses import Course
    from ..scenarios.deliberation import Inside
    from ..scenarios.runner import Report, Runner
    from ..scenarios.subsampling import Fewer


@dataclass(frozen=True, slots=True)
class Found:
    """The trials of a scenario in a store, and how their runs went.

    Attributes:
        others: ended runs of the scenario that are none of its trials any more.
        courses: by run; empty where they were not asked for.
        kinds: of the answers, by contender.
    """

    report: Report
    others: int = 0
    courses: Mapping[str, Course] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def inside(self) -> list[Inside]:
        """What the agents of each contender made of each other."""
        from ..scenarios.deliberation import inside

        return inside(self.report, self.courses, self.kinds)

    def calibrated(self) -> list[Calibrated]:
        """How far the confidence of each contender is to be believed."""
        from ..scenarios.confidence import calibrated

        return calibrated(self.report, self.courses)

    def fewer(self, *labels: str) -> dict[str, list[Fewer]]:
        """What votes would have been with fewer votes; of all contenders, or of some."""
        from ..scenarios.subsampling import fewer

        return fewer(self.report, self.courses, self.kinds, labels or None)


def _others(runner: Runner, known: list[RunInfo]) -> int:
    """Ended runs of a scenario that are none of its trials, and no grading of one."""
    mine = {task.run for task in runner.tasks}
    judges = {PurePath(metric.judge).stem for metric in runner.spec.metrics if metric.judge}
    return sum(
        info.status == "finished" and info.id not in mine and info.start.workflow not in judges
        for info in known
    )


async def read(ref: str, given: dict[str, Any], *, deep: bool) -> Found:
    """What the store holds of a scenario; with `deep` what its runs tell of their agents, too."""
    import rebut
    from rebut.errors import InputError

    from ..scenarios.deliberation import courses
    from ..scenarios.loader import load
    from ..scenarios.runner import Runner

    async with rebut.Runtime(given["store"]) as runtime:
        models = inputs.models_of(given["models"])
        runner = Runner(load(ref), runtime, models=models, limit=given.get("limit"))
        known = await runtime.store.runs_of(runner.spec.name) if runtime.store else []
        report = await runner.found()
        for warning in runner.judges.warnings:
            output.tell(f"warning: {warning}")
        others = _others(runner, known)
        if not report.trials:
            raise InputError(
                f"no trials of {report.spec.name!r} in the store: begin with rebut scenario run {ref}"
            )
        others = 0 if given.get("limit") else others
        if not deep:
            return Found(report, others)
        found = await courses(report, runner.entrants, runtime)
    kinds = {entrant.label: entrant.workflow.kind for entrant in runner.entrants}
    return Found(report, others, found, kinds)
