"""All trials of a scenario in one file: JSON Lines with all that is known, or a flat table (CSV, Parquet)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import orjson

from rebut.errors import InputError
from rebut.records import jsonable

from ..memory.appearing import appearing
from ..memory.flat import USED, Columns, form_of, ready, write_table
from .trials import Trial

COLUMNS: Columns = {
    "item": "text",
    "group": "text",
    "label": "text",
    "seed": "whole",
    "run": "text",
    "gold": "text",
    "answer": "text",
    "right": "yesno",
    "stop": "text",
    "error": "text",
    **USED,
    "seconds": "number",
    "kept": "yesno",
    "confidence": "number",
    "confidence_source": "text",
}
"""Of a flat table; after them comes ``score.NAME`` for each further metric. `gold` is a JSON list."""

Sure = Mapping[str, tuple[float, str]]
"""By the run, how sure its answer is said to be, from 0 to 1, and by what (`confidence.sureness`)."""
_UNSURE = (None, None)


def check(path: Path) -> None:
    """Refuse a file that could not be written, before anything is paid for.

    Raises:
        InputError: its name has no known ending, or its folder is not there.
        SettingsError: Parquet without pyarrow.
    """
    ready(form_of(path.name))
    if not path.parent.is_dir():
        raise InputError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")


def write_trials(path: Path, trials: Sequence[Trial], sure: Sure | None = None) -> None:
    """Write trials in the form that the file's name asks for; the file appears whole or not at all.

    Args:
        sure: the confidence of those trials that have one.

    Raises:
        InputError: no known ending, or it cannot be written.
        SettingsError: Parquet without pyarrow.
    """
    form = form_of(path.name)
    try:
        with appearing(path) as out:
            _write(out, form, trials, sure or {})
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def _write(out: IO[bytes], form: str, trials: Sequence[Trial], sure: Sure) -> None:
    if form == "jsonl":
        out.writelines(orjson.dumps(_whole(trial, sure), default=jsonable) + b"\n" for trial in trials)
        return
    metrics = sorted({name for trial in trials for name in trial.scores})
    more: Columns = {f"score.{name}": "number" for name in metrics}
    write_table(out, form, {**COLUMNS, **more}, _rows(trials, metrics, sure))


def _whole(trial: Trial, sure: Sure) -> dict[str, Any]:
    confidence, source = sure.get(trial.run, _UNSURE)
    told = {"confidence": confidence, "confidence_source": source}
    return asdict(trial) | {"usage": trial.usage, "grading": trial.grading} | told


def _rows(trials: Sequence[Trial], metrics: Sequence[str], sure: Sure) -> Iterator[Sequence[Any]]:
    for one in trials:
        used = one.usage
        tokens = (used.prompt, used.completion, used.cached, used.reasoning)
        yield (
            *(one.item, one.group, one.label, one.seed, one.run, orjson.dumps(one.gold).decode()),
            *(one.answer, one.right, one.stop, one.error),
            *(used.calls, used.requests, *tokens, used.usd, one.seconds, one.kept),
            *sure.get(one.run, _UNSURE),
            *(one.scores.get(name) for name in metrics),
        )
