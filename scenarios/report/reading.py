"""What a page is made from: the trials of a scenario and the talk of their runs, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rebut.errors import InputError

from ...graphs.runtime import Runtime
from ...memory.talks import Turn
from ...memory.values import RunInfo
from ..courses import Course
from ..deliberation import courses
from ..items import Item
from ..runner import Report, Runner
from ..spec import ScenarioSpec
from ..trials import Entrant


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The trials that a store holds, with all that is told of them.

    Attributes:
        report: its `wanted` less its trials is how many are missing.
        items: by id, in their order; those without a trial among them.
        runs: by id, of the trials.
        talks: the calls of each run, by the run's id.
        courses: how each run went, likewise.
    """

    report: Report
    entrants: Sequence[Entrant]
    items: Mapping[str, Item]
    runs: Mapping[str, RunInfo] = field(default_factory=dict)
    talks: Mapping[str, Sequence[Turn]] = field(default_factory=dict)
    courses: Mapping[str, Course] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Trials that the store does not hold."""
        return self.report.wanted - len(self.report.trials)


async def read(
    spec: ScenarioSpec,
    runtime: Runtime,
    *,
    models: Mapping[str, str] | None = None,
    limit: int | None = None,
    most: int = 20_000,
) -> Evidence:
    """The trials of a scenario that the runtime's store holds; no model is asked.

    Args:
        models: as they were given when the trials were made; another model is another trial.
        limit: only so many items, from the first.
        most: characters that are read of each completion.

    Raises:
        InputError: runs are not kept, or none of the trials is in the store.
        RebutError: the scenario's data, a workflow or a model does not fit, or the store fails.
    """
    if runtime.store is None:
        raise InputError("runs are not kept (store is none); give --store PATH")
    runner = Runner(spec, runtime, models=models, limit=limit)
    kept = {info.id: info for info in await runtime.store.runs_of(spec.name)}
    report = runner.kept(kept)
    if not report.trials:
        raise InputError(_nothing(spec, kept, len(runner.tasks)))
    ids = [trial.run for trial in report.trials]
    return Evidence(
        report=report,
        entrants=runner.entrants,
        items={item.id: item for item in runner.items},
        runs={one: kept[one] for one in ids},
        talks=await runtime.store.talks(ids, most),
        courses=await courses(report, runner.entrants, runtime),
    )


def _nothing(spec: ScenarioSpec, kept: Mapping[str, RunInfo], wanted: int) -> str:
    said = f"none of the {wanted} trials of scenario {spec.name!r} is in the store"
    if not kept:
        return f"{said} (make them with: rebut scenario run)"
    return (
        f"{said}; the {len(kept)} runs of this name there were made with other models, prompts, parameters "
        "or data, or did not end (give -m as it was given to rebut scenario run)"
    )
