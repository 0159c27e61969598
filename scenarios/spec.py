"""A scenario as data: what its file says once it has been read and checked. Frozen; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..graphs.spec import Span
from ..models.limits import Limits

NO_LIMITS = Limits()
PLAIN = ("exact", "f1", "contains")
"""Metrics of one answer and its gold answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Where the items come from: files, a data set, or a generator; just one of the three is set.

    Attributes:
        files: paths or patterns, relative to the scenario's file; see `rebut.scenarios.data`.
        separator: between the cells of a table; empty for what is usual.
        dataset: of Hugging Face's library: a name on the hub, or a folder that was saved; with `config`,
            `split` and `revision`.
        generate: the name of a generator; `n` items are made from `seed`, `options` are the generator's own.
        limit: at most so many items of files or a data set, from the first.
    """

    files: tuple[str, ...] = ()
    separator: str = ""
    dataset: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    generate: str | None = None
    n: int = 20
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None

    @property
    def file(self) -> str | None:
        """The files as people are told of them; None where the items are made by a generator."""
        return self.dataset or ", ".join(self.files) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One workflow with its parameters, as it takes part.

    `label` is what tables call it; `span` is where the scenario's file names it.
    """

    label: str
    workflow: str
    params: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is measured of every answer beside whether it is right.

    Attributes:
        name: what tables call it, and the key of a trial's `scores`.
        by: ``exact``, ``f1``, ``contains``, ``pass`` (of `k` seeds), or ``judge`` (the workflow `judge`).
        params, models: of the judge.
    """

    name: str
    by: str
    k: int = 1
    judge: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSpec:
    """A checked scenario file.

    Attributes:
        fields: for ``question``, ``answer``, ``id``, ``group`` and further inputs: the column of the data.
        models: model strings; each contender runs with each of them. Empty: the settings' own.
        budget: limits of each run; `total`: of all runs together.
        base: the label of the contender that others are compared with.
        as_it_looks: the file itself says ``kind: auto``: answers of several kinds are meant.
        check: how an answer is held against the gold: ``equal`` (by its kind), ``expression`` or ``tests``.
        metrics: measured beside that.
        allow_code: whether programs that models wrote may be run (``check: tests``).
    """

    name: str
    title: str = ""
    about: str = ""
    cite: str = ""
    data: DataSpec
    fields: Mapping[str, str] = field(default_factory=dict)
    kind: str = "auto"
    as_it_looks: bool = False
    contenders: tuple[Contender, ...]
    models: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    budget: Limits = NO_LIMITS
    total: Limits = NO_LIMITS
    concurrency: int = 8
    base: str = ""
    check: str = "equal"
    metrics: tuple[Metric, ...] = ()
    allow_code: bool = False
    source: str = ""
    path: Path | None = None
