"""Labels and self-certainty of the embedded model: two ways to the same probabilities."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from rebut.graphs.runtime import Runtime
from rebut.graphs.workflow import loads
from rebut.models.gateway import Gateway
from rebut.models.local import LocalBackend
from rebut.models.wire import Capabilities
from rebut.settings import Settings

pytest.importorskip("xllamacpp")

MODEL = "local/smollm2-135m?ctx=512&slots=2&threads=1"
CHECK = """
name: check
agents: {judge: judge, solver: {role: solver, temperature: 0.6, max_tokens: 6}}
nodes:
  ask: {ask: judge, mode: truth, with: {ideas: [], proposal: "42"}, save: told}
  draw: {sample: solver, n: 2, certainty: true, save: samples}
edges: {start: ask, ask: draw, draw: end}
answer: told.value
"""


class Blind(LocalBackend):
    """The embedded model as one that tells no more than its likeliest tokens."""

    def capabilities(self, model: str) -> Capabilities:
        return replace(super().capabilities(model), labels=False)


@pytest.fixture
async def told() -> AsyncIterator[list[Any]]:
    """The state of a run with exact probabilities, and of one with the likeliest tokens."""
    local, blind = LocalBackend.from_settings(Settings()), Blind.from_settings(Settings())
    found = []
    for backend in (local, blind):
        runtime = Runtime("none", settings=Settings(), gateway=Gateway(Settings(), {"local": backend}))
        workflow = loads(CHECK).with_(models=MODEL, runtime=runtime)
        found.append((await workflow.run("What is 6 * 7?", seed=1)).state)
    yield found
    for backend in (local, blind):
        await backend.close()


@pytest.mark.slow
async def test_the_likeliest_tokens_tell_about_what_the_exact_probabilities_do(told: list[Any]) -> None:
    exact, read = told[0]["told"], told[1]["told"]
    assert exact.probabilities is not None and read.probabilities is not None
    assert sum(exact.probabilities.values()) == pytest.approx(1)
    # Beside the bare letters the likeliest tokens hold a few variants of them, such as " A".
    assert read.probabilities["A"] == pytest.approx(exact.probabilities["A"], abs=0.05)
    assert read.mass == pytest.approx(exact.mass, abs=0.05)
    for sample in told[0]["samples"]:
        assert 0 < sample.certainty < 40
