"""Trials that others are held against: of a file, of a scenario in the store, or of another store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import inputs

if TYPE_CHECKING:
    from ..scenarios.runner import Report
    from ..scenarios.spec import ScenarioSpec
    from ..scenarios.trials import Trial

FILES = (".jsonl", ".ndjson")
STORES = (".db", ".sqlite", ".sqlite3")


def is_file(ref: str) -> bool:
    """Whether it names trials in a file."""
    return ref.lower().endswith(FILES)


def is_store(ref: str) -> bool:
    """Whether it names a store."""
    return "://" in ref or ref.lower().endswith(STORES)


async def trials_of(
    ref: str, given: dict[str, Any], spec: ScenarioSpec | None = None
) -> dict[str, list[Trial]]:
    """The trials that a reference means, by label.

    Args:
        ref: a file of trials (``.jsonl``, as ``--out`` writes it), a store (its file or URL), in which the
            same scenario is meant, or a scenario, by its name or file.
        given: the options ``store`` and ``models``.
        spec: the scenario that is meant in a store; None where none can be.

    Raises:
        InputError: there are none.
    """
    from rebut.errors import InputError

    from ..scenarios.keeping import read_trials
    from ..scenarios.loader import load

    if is_file(ref):
        trials = read_trials(Path(ref))
    elif is_store(ref):
        if spec is None:
            raise InputError(f"{ref!r} is a store: of which scenario? name the scenario first")
        _there(ref)
        trials = (await found(spec, given, store=ref)).trials
    else:
        trials = (await found(load(ref), given)).trials
    labels = dict.fromkeys(trial.label for trial in trials)
    return {label: [trial for trial in trials if trial.label == label] for label in labels}


def _there(store: str) -> None:
    """A store that is only read is not made."""
    from rebut.errors import InputError

    if "://" not in store and not Path(store).is_file():
        raise InputError(f"there is no store {store!r}")


async def found(spec: ScenarioSpec, given: dict[str, Any], store: str | None = None) -> Report:
    """The trials of a scenario in a store; raises InputError where there are none."""
    import rebut
    from rebut.errors import InputError

    from ..scenarios.runner import Runner

    async with rebut.Runtime(store or given["store"]) as runtime:
        report = await Runner(spec, runtime, models=inputs.models_of(given["models"])).found()
    if not report.trials:
        where = f"store {store!r}" if store else "the store"
        raise InputError(
            f"no trials of {spec.name!r} in {where} (another model, prompt, parameter or row is another "
            "trial): rebut scenario run makes them, and --out keeps them in a file"
        )
    return report
