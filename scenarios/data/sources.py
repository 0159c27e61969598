"""Finds the data of a scenario, and reads them by their form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from glob import glob
from itertools import islice
from pathlib import Path
from typing import Any

from rebut.errors import InputError, suggest

from ..generators import generate
from ..spec import DataSpec, ScenarioSpec
from .columns import dataset, parquet
from .lines import json_array, json_lines
from .problems import Problems
from .tables import table

MOST = 1_000_000
"""Items of a scenario."""

Record = Mapping[str, Any]
Rows = Iterator[tuple[int, Record]]
Form = Callable[[Path, Problems, DataSpec, frozenset[str]], Rows]

FORMS: Mapping[str, Form] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_array,
    ".csv": table,
    ".tsv": table,
    ".parquet": parquet,
}
_PACKED = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


def records(spec: ScenarioSpec, problems: Problems, columns: frozenset[str], most: int | None = None) -> Rows:
    """Records with their rows, file by file, as far as the limits; `problems.name` is the file's.

    Args:
        columns: what will be looked at; a form that can leaves the others unread.
        most: at most so many, if fewer than the scenario's own limit.

    Raises:
        InputError: there is no such file, it is of a form that is not known, or it cannot be read.
    """
    data = spec.data
    if data.generate is not None:
        made = enumerate(generate(data.generate, data.n, data.seed, data.options), 1)
        yield from islice(made, most)
        return
    limits = [limit for limit in (data.limit, most) if limit is not None]
    for count, found in enumerate(islice(_rows(spec, problems, columns), min(limits, default=None))):
        if count >= MOST:
            raise InputError(f"{problems.name}:{found[0]}: more than {MOST} items (set data.limit)")
        yield found


def by_file(spec: ScenarioSpec) -> bool:
    """Whether rows are numbered by file: there may be several, also where a pattern fits only one as yet."""
    folder = spec.path.parent if spec.path else Path()
    files = spec.data.files
    return len(files) > 1 or any(_is_pattern(said) and not _at(folder, said).is_file() for said in files)


def _rows(spec: ScenarioSpec, problems: Problems, columns: frozenset[str]) -> Rows:
    data, folder = spec.data, spec.path.parent if spec.path else Path()
    if data.dataset is not None:
        yield from dataset(folder, data)
        return
    paths = [path for said in data.files for path in _paths(folder, said)]
    named = by_file(spec)
    for path in paths:
        problems.name = _short(path, folder) if named else data.files[0]
        try:
            yield from FORMS[form(path)](path, problems, data, columns)
        except OSError as error:
            raise InputError(f"{problems.name}: cannot be read: {error.strerror or error}") from error


def form(path: Path) -> str:
    """The suffix that tells a file's form, without that of compression."""
    name = path.name.lower().removesuffix(".gz")
    return "." + name.rpartition(".")[2]


def _paths(folder: Path, said: str) -> list[Path]:
    """The files that a path or pattern names, sorted."""
    path = _at(folder, said)
    if path.is_file():
        found = [path]
    elif _is_pattern(said):
        found = sorted(one for one in map(Path, glob(str(path), recursive=True)) if one.is_file())
        if not found:
            raise InputError(f"no data file is called {said!r}")
    else:
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"no data file {said!r}{suggest(path.name, near[:500])}")
    for one in found:
        _check(one, said)
    return found


def _at(folder: Path, said: str) -> Path:
    return folder / Path(said).expanduser()


def _is_pattern(said: str) -> bool:
    return any(mark in said for mark in "*?[")


def _check(path: Path, said: str) -> None:
    packed = path.name.lower().endswith(".gz")
    if form(path) not in (_PACKED if packed else FORMS):
        known = ", ".join(FORMS)
        raise InputError(
            f"data file {said!r} is of no known form (possible: {known}; all but .parquet with .gz too)"
        )


def _short(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
