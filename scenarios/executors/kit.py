"""What crosses from the driver of a scenario to its workers and back; all of it can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rebut.errors import InputError, RebutError
from rebut.settings import Settings

from ...graphs.runtime import Runtime
from ...graphs.snapshots import snapshot_of
from ...memory.store import Store
from ..trials import Entrant, Task, seed_of
from . import Made

LEASE = 30.0
"""Seconds for which a worker takes a trial unless it shows that it lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a worker needs to make the trials of some entrants.

    Attributes:
        store: an address that opens the same store from any process that may become a worker.
        settings: as `packed` made them.
        workflows: label of an entrant -> snapshot of its workflow.
        threads: of an engine that computes on the processor.
        lease: seconds.
    """

    scenario: str
    store: str
    settings: Mapping[str, Any]
    workflows: Mapping[str, Mapping[str, Any]]
    threads: int
    lease: float = LEASE


@dataclass(frozen=True, slots=True)
class Job:
    """A trial for a worker."""

    run: str
    label: str
    inputs: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, slots=True)
class Badge:
    """Which process a worker is: `token` is what leases and runs call it."""

    token: str
    pid: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of rebut's in parts: some take other arguments than they keep, so pickle cannot make them."""

    kind: type[RebutError]
    args: tuple[Any, ...]
    state: Mapping[str, Any]

    @classmethod
    def of(cls, error: RebutError) -> Failure:
        """The parts of an error."""
        return cls(type(error), error.args, dict(vars(error)))

    def error(self) -> RebutError:
        """The error again."""
        made = self.kind.__new__(self.kind)
        made.args = self.args
        vars(made).update(self.state)
        return made


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker says of a job.

    Attributes:
        made: without its failure.
        failure: of the trial, or of the worker (`broken`).
        closed: whether nothing was done because the worker is not open: it was started anew.
    """

    made: Made = field(default_factory=Made)
    failure: Failure | None = None
    broken: bool = False
    closed: bool = False

    @classmethod
    def of(cls, made: Made) -> Reply:
        """The reply that says how an attempt ended; what the store has no column for stays behind."""
        failure = None if made.failure is None else Failure.of(made.failure)
        result = None if made.result is None else replace(made.result, state={}, notes=())
        return cls(replace(made, result=result, failure=None), failure)

    def told(self) -> Made:
        """How the attempt ended.

        Raises:
            RebutError: the worker cannot make trials.
        """
        error = None if self.failure is None else self.failure.error()
        if self.broken and error is not None:
            raise error
        return replace(self.made, failure=error)


def packed(settings: Settings, workers: int = 1) -> dict[str, Any]:
    """Settings as plain values: their own tables cannot be pickled. They hold no keys.

    Args:
        workers: share what a model takes in a minute among them.

    Raises:
        InputError: a model takes fewer requests a minute than there are workers.
    """
    found = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    found["rates"] = {model: _shared(model, rate, workers) for model, rate in settings.rates.items()}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in found.items()}


def _shared(model: str, rate: tuple[int | None, int | None], workers: int) -> tuple[int | None, int | None]:
    requests, tokens = (None if most is None else most // workers for most in rate)
    if requests == 0 or tokens == 0:
        raise InputError(f"the rate of {model!r} a minute is too small to be shared by {workers} workers")
    return requests, tokens


def kit_of(
    scenario: str,
    runtime: Runtime,
    entrants: list[Entrant],
    *,
    threads: int,
    lease: float = LEASE,
    workers: int = 1,
) -> Kit:
    """The kit of some entrants, and of the store of a runtime.

    Raises:
        InputError: see `packed`.
    """
    return Kit(
        scenario=scenario,
        store=address_of(runtime),
        settings=packed(runtime.settings, workers),
        workflows={entrant.label: _snapshot(entrant, runtime) for entrant in entrants},
        threads=threads,
        lease=lease,
    )


def _snapshot(entrant: Entrant, runtime: Runtime) -> dict[str, Any]:
    settings = runtime.settings
    workflow = entrant.workflow.bound(settings.models, settings.model)
    return snapshot_of(workflow, workflow.voices(settings.models, settings.model), {})


def job_of(task: Task) -> Job:
    """The job of a task."""
    inputs = {name: task.item.inputs[name] for name in task.entrant.workflow.spec.inputs}
    return Job(task.run, task.entrant.label, inputs, seed_of(task.item, task.seed))


def address_of(runtime: Runtime) -> str:
    """The address of a runtime's store, the same from any folder.

    Raises:
        InputError: it has none.
    """
    ref = runtime._store_ref
    if ref is None or str(ref) == "none":
        raise InputError("the executor ray keeps its place in a store: give one (--store PATH)")
    if isinstance(ref, Store):
        return str(ref.path)  # one on a server tells no password: its URL is to be given
    text = str(ref)
    if "://" not in text:
        return str(Path(text).expanduser().absolute())
    if not is_file(text):
        return text
    from sqlalchemy.engine import make_url

    url = make_url(text)
    path = str(Path(url.database or "").expanduser().absolute())
    return url.set(database=path).render_as_string(hide_password=False)


def is_file(address: str) -> bool:
    """Whether a store is a file, which only one machine may have open."""
    return "://" not in address or address.startswith("sqlite")
