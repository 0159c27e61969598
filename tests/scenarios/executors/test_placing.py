"""Workers get what their engines need of a machine."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.scenarios.executors.placing import Place, cores_each, engines_of, place_of

TWO = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 4.0}]
BARE = [{"CPU": 8.0}, {"CPU": 8.0}]


class Contender:
    def __init__(self, **models: str) -> None:
        self.models = models


def engines(**models: str) -> Any:
    entrant: Any = Contender(**models)
    return engines_of(entrant)


def test_engines_are_the_models_that_a_worker_runs_itself() -> None:
    assert engines(a="openai/x", b="scripted/x.py") == frozenset()
    assert engines(a="openai/x", b="local/x?ctx=512", c="vllm/y") == {"local/x?ctx=512", "vllm/y"}


@pytest.mark.parametrize(
    ("model", "machines", "place"),
    [
        ("openai/x", TWO, Place(cpus=1)),
        ("local/x", TWO, Place(cpus=8)),
        ("vllm/x", TWO, Place(gpus=1)),
        ("vllm/x?tensor=2&data=2", TWO, Place(gpus=4)),
        ("vllm/x?tensor=8", TWO, Place(cpus=8)),
        ("transformers/x", TWO, Place(gpus=1)),
        ("vllm/x", BARE, Place(cpus=8)),
    ],
)
def test_an_engine_gets_gpus_where_there_are_any(model: str, machines: Any, place: Place) -> None:
    assert place_of(engines(a=model), 2, machines) == place


@pytest.mark.parametrize(
    ("workers", "cores", "each"),
    [(1, [2], 2), (2, [2], 1), (5, [2], 1), (3, [8, 8], 4), (2, [], 1), (2, [6, 2], 3)],
)
def test_cores_are_shared_by_all_workers(workers: int, cores: list[int], each: int) -> None:
    assert cores_each(workers, [{"CPU": float(n)} for n in cores]) == each
