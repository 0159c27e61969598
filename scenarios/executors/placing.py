"""What a worker needs of a machine: cores for its share of the work, GPUs for an engine of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..trials import Entrant
from .rationed import IN_PROCESS

Resources = Mapping[str, float]
"""Of a machine, as Ray counts them: ``CPU``, ``GPU``."""


@dataclass(frozen=True, slots=True)
class Place:
    """What Ray sets aside for a worker. `cpus` is the threads of an engine that computes on the processor."""

    cpus: int = 1
    gpus: int = 0


def engines_of(entrant: Entrant) -> frozenset[str]:
    """The models of an entrant that a worker runs itself; workers for others need no engine."""
    found = {model for model in entrant.models.values() if _prefix(model) in IN_PROCESS}
    return frozenset(model for model in found if _prefix(model) != "scripted")


def place_of(engines: frozenset[str], workers: int, machines: Sequence[Resources]) -> Place:
    """What a worker with these engines needs, where so many are wanted on these machines.

    An engine that can use a GPU gets one, or as many as its model string says, where any machine has that
    many. Engines on the processor share the cores evenly; a worker that only waits for servers takes one.
    """
    gpus = max((_gpus(model) for model in engines), default=0)
    if gpus and any(machine.get("GPU", 0) >= gpus for machine in machines):
        return Place(gpus=gpus)
    return Place(cpus=cores_each(workers, machines) if engines else 1)


def cores_each(workers: int, machines: Sequence[Resources]) -> int:
    """The most whole cores that so many workers can each have; 1 where there are more workers than cores.

    >>> cores_each(2, [{"CPU": 16.0}]), cores_each(3, [{"CPU": 8.0}, {"CPU": 8.0}])
    (8, 4)
    """
    cores = [int(machine.get("CPU", 0)) for machine in machines]
    fits = (each for each in range(max(cores, default=1), 0, -1) if sum(c // each for c in cores) >= workers)
    return next(fits, 1)


def _gpus(model: str) -> int:
    """GPUs that the engine of a model can use; 0 for one that rebut runs on the processor."""
    prefix = _prefix(model)
    if prefix in ("vllm", "vllm-server"):
        from ...models.vllm.options import split

        options = split(model, f"{prefix}/")[1]
        return options.tensor * options.data
    return int(prefix == "transformers")


def _prefix(model: str) -> str:
    return model.partition("/")[0]
