"""Trials that were kept in a file: read back, with the line and the field named that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import orjson

from rebut.errors import InputError
from rebut.records import Usage

from .trials import Stop, Trial


def read_trials(path: Path) -> list[Trial]:
    """The trials of a file of JSON lines, as ``rebut scenario run --out`` writes it.

    Fields that are not known are passed over, so that files of later versions can be read.

    Raises:
        InputError: it cannot be read, holds no trials, or a line that is none.
    """
    found: list[Trial] = []
    seen: dict[tuple[str, str, int], int] = {}
    try:
        with path.open("rb") as lines:
            for at, line in enumerate(lines, 1):
                if line.strip():
                    trial = _trial(line, f"{path.name}: line {at}")
                    key = (trial.label, trial.item, trial.seed)
                    if key in seen:
                        raise InputError(f"{path.name}: line {at} is the trial of line {seen[key]} again")
                    seen[key] = at
                    found.append(trial)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if not found:
        raise InputError(f"{str(path)!r} holds no trials (rebut scenario run --out writes them)")
    return found


def _trial(line: bytes, where: str) -> Trial:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f"{where} is no trial, but {type(row).__name__}")
    gold = _field(row, "gold", list, where)
    if not all(isinstance(one, str) for one in gold):
        raise InputError(f"{where}: 'gold' must be a list of texts")
    stop = row.get("stop", "answered")
    if stop not in get_args(Stop):
        raise InputError(f"{where}: 'stop' must be one of {', '.join(get_args(Stop))}, it is {stop!r}")
    return Trial(
        item=_field(row, "item", str, where),
        group=_field(row, "group", str, where, ""),
        label=_field(row, "label", str, where),
        seed=_field(row, "seed", int, where, 0),
        run=_field(row, "run", str, where, ""),
        gold=tuple(gold),
        answer=None if row.get("answer") is None else str(row["answer"]),
        right=_field(row, "right", bool, where),
        stop=stop,
        usage=_usage(_field(row, "usage", dict, where, {}), where),
        kept=True,
    )


_MISSING = object()


def _field(row: Mapping[str, Any], name: str, kind: type, where: str, default: Any = _MISSING) -> Any:
    value = row.get(name, default)
    if value is _MISSING:
        raise InputError(f"{where} has no field {name!r}")
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f"{where}: {name!r} must be a {kind.__name__}, it is {value!r}"[:300])
    return value


def _usage(row: Mapping[str, Any], where: str) -> Usage:
    from pydantic import ValidationError

    known = {name: value for name, value in row.items() if name in Usage.model_fields}
    try:
        return Usage.model_validate(known)
    except ValidationError as error:
        raise InputError(f"{where}: 'usage' does not fit: {error.errors()[0]['msg']}") from error
