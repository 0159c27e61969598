"""Data in columns: Parquet files, and data sets of Hugging Face's library; each read in batches."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rebut.errors import InputError, SettingsError, suggest

from ..spec import DataSpec
from .problems import Problems

BATCH = 256

Rows = Iterator[tuple[int, Mapping[str, Any]]]


def _library(name: str, extra: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingsError(f"{what} need {name.partition('.')[0]}: install rebut[{extra}]") from error


def parquet(path: Path, problems: Problems, _: DataSpec, columns: frozenset[str]) -> Rows:
    """The rows of a Parquet file; columns that nobody asks for are not read."""
    reader = _library("pyarrow.parquet", "data", "Parquet files")
    errors = importlib.import_module("pyarrow").ArrowException
    try:
        with reader.ParquetFile(path) as file:
            problems.columns = tuple(file.schema_arrow.names)
            some = sorted({_column(name, problems.columns) for name in columns} & {*problems.columns})
            batches = file.iter_batches(BATCH, columns=some or None)
            yield from enumerate((record for batch in batches for record in batch.to_pylist()), 1)
    except errors as error:
        raise InputError(f"{problems.name}: not a Parquet file: {_first(error)}") from error


def _column(name: str, there: Sequence[str]) -> str:
    """The column in which a field is: its own, or that of the record it is part of."""
    return name if name in there else name.partition(".")[0]


def dataset(folder: Path, data: DataSpec) -> Rows:
    """The rows of a data set: of a folder that the library saved, else of the hub by its name."""
    library = _library("datasets", "datasets", "data sets of Hugging Face")
    assert data.dataset is not None
    path = folder / Path(data.dataset).expanduser()
    try:
        found = _saved(library, path, data) if path.is_dir() else _named(library, data)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise InputError(f"data set {data.dataset!r} cannot be read: {_first(error)}") from error
    yield from enumerate(_one(found, data), 1)


def _saved(library: Any, path: Path, data: DataSpec) -> Any:
    if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        return library.load_dataset(str(path), data.config, split=data.split)
    found = library.load_from_disk(str(path))
    return found[_split(found, data)] if data.split and isinstance(found, dict) else found


def _named(library: Any, data: DataSpec) -> Any:
    # With a limit, only what is looked at is fetched.
    return library.load_dataset(
        data.dataset,
        data.config,
        split=data.split,
        revision=data.revision,
        streaming=data.limit is not None,
    )


def _one(found: Any, data: DataSpec) -> Any:
    """The split that is meant: the only one, or the one that is named."""
    return found[_split(found, data)] if isinstance(found, dict) else found


def _split(found: Mapping[str, Any], data: DataSpec) -> str:
    names = sorted(map(str, found))
    if data.split is None and len(names) == 1:
        return names[0]
    if data.split not in names:
        said = "has several splits" if data.split is None else f"has no split {data.split!r}"
        raise InputError(
            f"data set {data.dataset!r} {said}{suggest(data.split or '', names)}; set data.split"
        )
    return data.split


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
