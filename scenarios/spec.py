"""A scenario as data: what its file says once it has been read and checked. Frozen; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..graphs.spec import Span
from ..models.limits import Limits

NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Where the items come from: a file, or a generator; just one of the two is set.

    Attributes:
        file: a path, relative to the scenario's file; JSON Lines (``.jsonl``) or CSV (``.csv``, ``.tsv``).
        generate: the name of a generator; `n` items are made from `seed`, `options` are the generator's own.
        limit: at most so many items of a file, from the first.
    """

    file: str | None = None
    generate: str | None = None
    n: int = 20
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None


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
