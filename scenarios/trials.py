"""Trials: one item put to one contender, under an id that follows from all that decides its outcome."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from rebut.errors import InputError
from rebut.records import Usage, plain

from ..graphs.runtime import Runtime
from ..graphs.snapshots import decisive, snapshot_of
from ..graphs.workflow import Workflow
from ..graphs.workflow import load as load_workflow
from .items import Item
from .spec import Contender, ScenarioSpec

Stop = Literal["answered", "budget", "failed"]
_ERROR = 300
"""Characters of an error that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A contender with one model: what a line of the table is about.

    `mark` is the hash of all that it is: source, prompts, parameters, models, kind, budget.
    """

    label: str
    workflow: Workflow
    models: Mapping[str, str]
    mark: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """A trial that is to be made."""

    entrant: Entrant
    item: Item
    seed: int
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one item went with one entrant.

    Attributes:
        label: the entrant's.
        seed: of the scenario; the run's own is derived from it and the item's id.
        run: the run's id, for ``rebut show``.
        answer: None where there is none.
        right: whether the answer is one of the accepted; none is wrong.
        scores: by the name of a metric, from 0 to 1; no answer has 0. One that is not known yet is missing.
        grading: what judges used for the scores; not part of `usage`.
        stop: how the run ended; ``failed`` with the reason in `error`.
        kept: whether it was in the store already, and nothing was asked now.
    """

    item: str
    group: str
    label: str
    seed: int
    run: str
    gold: tuple[str, ...]
    answer: str | None = None
    right: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    grading: Usage = field(default_factory=Usage)
    stop: Stop = "failed"
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    kept: bool = False


def entrants(spec: ScenarioSpec, runtime: Runtime, models: Mapping[str, str] | None = None) -> list[Entrant]:
    """Every contender with every model.

    Args:
        models: given for this time; they go before those of the scenario.

    Raises:
        RebutError: a workflow or model does not fit.
    """
    given = models or {}
    choices: Sequence[str | None] = (spec.models if "*" not in given else ()) or (None,)
    return [
        _entrant(spec, contender, runtime, model, given) for contender in spec.contenders for model in choices
    ]


def _entrant(
    spec: ScenarioSpec, contender: Contender, runtime: Runtime, model: str | None, models: Mapping[str, str]
) -> Entrant:
    chosen = ({"*": model} if model else {}) | dict(contender.models) | dict(models)
    workflow = load_workflow(contender.workflow, runtime=runtime).with_(
        params=contender.params, kind=spec.kind
    )
    if spec.budget.any:
        workflow = workflow.with_(budget=spec.budget)
    workflow = workflow.with_(models=known_models(chosen, workflow))
    bound, mark = marked(workflow, runtime)
    label = f"{contender.label} @ {model}" if len(spec.models) > 1 and model else contender.label
    return Entrant(label=label, workflow=workflow, models=bound, mark=mark)


def marked(workflow: Workflow, runtime: Runtime) -> tuple[dict[str, str], bytes]:
    """The models of a workflow's agents, and the mark of all that it is."""
    settings = runtime.settings
    bound = workflow.own_voices(settings.models, settings.model)
    return bound, _hash(plain(decisive(snapshot_of(workflow, bound, {}))))


def known_models(models: Mapping[str, str], workflow: Workflow) -> dict[str, str]:
    """The models that a workflow has use for: one given for a role may mean another contender's."""
    agents = workflow.spec.agents
    own = {"*", *agents, *(agent.role for agent in agents.values())}
    own |= {seat for agent in agents.values() for seat in agent.seats}
    return {name: model for name, model in models.items() if name in own}


def _hash(*parts: Any) -> bytes:
    packed = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(packed, digest_size=15).digest()


def run_id(spec: ScenarioSpec, entrant: Entrant, item: Item, seed: int) -> str:
    """The id of a trial's run: the same whenever nothing that decides its outcome has changed."""
    inputs = {name: item.inputs[name] for name in entrant.workflow.spec.inputs if name in item.inputs}
    mark = _hash(entrant.mark.hex(), inputs, item.id, seed)
    return f"{spec.name}.{b32encode(mark).decode().lower()}"


def seed_of(item: Item, seed: int) -> int:
    """The seed of a run: the same for all entrants, another for each item."""
    return int.from_bytes(_hash(seed, item.id)[:4], "big") & 0x7FFFFFFF


def cluster_of(trial: Trial) -> tuple[str, str]:
    """Trials of one item belong together; so do items whose data says that they do."""
    return ("group", trial.group) if trial.group else ("item", trial.item)


def needed(found: Sequence[Entrant]) -> frozenset[str]:
    """The inputs that the items must have.

    Raises:
        InputError: a workflow takes none.
    """
    for entrant in found:
        if not entrant.workflow.spec.inputs:
            raise InputError(
                f"workflow {entrant.workflow.name!r} takes no input: it cannot be measured on items"
            )
    return frozenset(name for entrant in found for name in entrant.workflow.spec.inputs)


def told(error: BaseException) -> str:
    """An error as a trial keeps it."""
    return f"{type(error).__name__}: {error}"[:_ERROR]
