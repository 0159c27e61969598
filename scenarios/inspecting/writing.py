"""The trials of a scenario as logs of inspect_ai, one for each contender, in a folder for its viewer."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
from base64 import b32encode
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rebut.errors import InputError
from rebut.records import plain

from ...graphs.runtime import Runtime
from ...memory.spent import Spent
from ...memory.store import Store
from ..report import Evidence
from ..statistics import mean
from ..trials import Entrant, Trial, cluster_of
from .packing import Packed, Plain
from .samples import SCORER, moment, sample, summary, usages

FORMATS = ("eval", "json")
AT_ONCE = 100
"""How many trials are read from the store at a time."""

VERSION = 2
"""Of the format of logs."""


async def write(
    evidence: Evidence, runtime: Runtime, folder: Path, *, form: str = "eval", most: int = 1_000_000
) -> list[Path]:
    """Write a log for each contender that has trials; returns the files.

    A log has the same name and the same bytes as long as the trials are the same; ``.eval`` is the form that
    inspect_ai writes itself, ``.json`` one file of JSON.

    Args:
        most: characters of each completion.

    Raises:
        InputError: a file cannot be written.
        StoreError: the store fails.
    """
    written: list[Path] = []
    for entrant in evidence.entrants:
        trials = [trial for trial in evidence.report.trials if trial.label == entrant.label]
        if trials:
            path = folder / f"{_name(evidence, entrant, trials)}.{form}"
            await _log(evidence, runtime, entrant, trials, path, most)
            written.append(path)
    return written


async def _log(
    evidence: Evidence, runtime: Runtime, entrant: Entrant, trials: Sequence[Trial], path: Path, most: int
) -> None:
    assert runtime.store is not None
    spent = await runtime.store.spent([trial.run for trial in trials])
    head = _head(evidence, entrant, trials) | {"stats": _stats(evidence, trials, spent)}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out, (Packed if path.suffix == ".eval" else Plain)(out, head) as log:
            async for made in _samples(evidence, runtime.store, trials, spent, most):
                log.sample(made, summary(made))
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


async def _samples(
    evidence: Evidence, store: Store, trials: Sequence[Trial], spent: Sequence[Spent], most: int
) -> AsyncIterator[dict[str, Any]]:
    """The samples; what was said in some of them is in memory at a time."""
    epochs = {seed: place for place, seed in enumerate(evidence.report.spec.seeds, 1)}
    used: dict[str, list[Spent]] = {}
    for one in spent:
        used.setdefault(one.run, []).append(one)
    for start in range(0, len(trials), AT_ONCE):
        some = trials[start : start + AT_ONCE]
        talks = await store.talks([trial.run for trial in some], most)
        for trial in some:
            item, info = evidence.items[trial.item], evidence.runs[trial.run]
            turns, own = talks.get(trial.run, ()), used.get(trial.run, ())
            yield sample(trial, item, epochs[trial.seed], info, turns, own)


def _head(evidence: Evidence, entrant: Entrant, trials: Sequence[Trial]) -> dict[str, Any]:
    spec, workflow = evidence.report.spec, entrant.workflow
    items = list(dict.fromkeys(trial.item for trial in trials))
    began = _began(evidence, trials)
    metrics = sorted({name for trial in trials for name in trial.scores} - {SCORER})
    about = {"workflow": workflow.name, "params": plain(dict(workflow.params))}
    complete = len(trials) == len(evidence.items) * len(spec.seeds)
    return {
        "version": VERSION,
        "status": "success" if complete else "cancelled",
        "eval": {
            "eval_id": _id(entrant, "eval", *[trial.run for trial in trials]),
            "run_id": _id(entrant, "run"),
            "created": moment(began),
            "task": spec.name,
            "task_id": _id(entrant, "task"),
            "task_version": 0,
            "task_display_name": f"{spec.name}: {entrant.label}",
            "task_attribs": {},
            "task_args": {},
            "task_args_passed": {},
            "solver": workflow.name,
            "solver_args": about["params"],
            "solver_args_passed": about["params"],
            "tags": ["rebut"],
            "dataset": {"name": spec.name, "samples": len(items), "sample_ids": items, "shuffled": False},
            "model": next(iter(entrant.models.values()), "none"),
            "model_generate_config": {},
            "model_args": {},
            "model_roles": {
                agent: {"model": model, "config": {}, "args": {}} for agent, model in entrant.models.items()
            },
            "config": {"epochs": len(spec.seeds)},
            "packages": {"rebut": _version()},
            "metadata": about | {"contender": entrant.label, "kind": spec.kind, "seeds": list(spec.seeds)},
            "scorers": [_scorer(name) for name in (SCORER, *metrics)],
        },
        "plan": {
            "name": "plan",
            "steps": [{"solver": workflow.name, "params": about["params"]}],
            "config": {},
        },
        "results": {
            "total_samples": len(evidence.items) * len(spec.seeds),
            "completed_samples": len(trials),
            "scores": [_score(name, trials) for name in (SCORER, *metrics)],
        },
    }


def _scorer(name: str) -> dict[str, Any]:
    metrics = [
        {"name": "accuracy" if name == SCORER else "mean", "options": {}},
        {"name": "stderr", "options": {}},
    ]
    return {"name": name, "options": {}, "metrics": metrics, "metadata": {}}


def _score(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """Its mean, and the standard error as our own tables have it: clustered by item, or by group."""
    scored = trials if name == SCORER else [trial for trial in trials if name in trial.scores]
    values = [float(trial.right) if name == SCORER else trial.scores[name] for trial in scored]
    error = mean(values, groups=[cluster_of(trial) for trial in scored]).error
    middle = "accuracy" if name == SCORER else "mean"
    return {
        "name": name,
        "scorer": name,
        "scored_samples": len(scored),
        "unscored_samples": len(trials) - len(scored),
        "params": {},
        "metrics": {
            middle: {"name": middle, "value": fmean(values), "params": {}},
            "stderr": {"name": "stderr", "value": error or 0.0, "params": {}},
        },
    }


def _stats(evidence: Evidence, trials: Sequence[Trial], spent: Sequence[Spent]) -> dict[str, Any]:
    ends = [evidence.runs[trial.run].result.finished for trial in trials]
    return {
        "started_at": moment(_began(evidence, trials)),
        "completed_at": moment(max((end for end in ends if end), default=_began(evidence, trials))),
        "model_usage": usages((one.model, one.usage) for one in spent),
        "role_usage": usages((one.agent, one.usage) for one in spent),
    }


def _began(evidence: Evidence, trials: Sequence[Trial]) -> float:
    return min(evidence.runs[trial.run].start.started for trial in trials)


def _name(evidence: Evidence, entrant: Entrant, trials: Sequence[Trial]) -> str:
    """The name that the viewer sorts by: time, task, id."""
    began = re.sub(r"[:.]", "-", moment(int(_began(evidence, trials))))
    task = re.sub(r"[^a-zA-Z0-9-]+", "-", f"{evidence.report.spec.name}-{entrant.label}").strip("-")
    return f"{began}_{task[:80]}_{_id(entrant, 'task')}"


def _id(entrant: Entrant, *parts: str) -> str:
    told = "\n".join([entrant.mark.hex(), entrant.label, *parts])
    return b32encode(hashlib.blake2b(told.encode(), digest_size=15).digest()).decode().lower()[:22]


def _version() -> str:
    try:
        return importlib.metadata.version("rebut")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
