"""What a script says of the inside of its model, and to whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rebut.errors import InputError
from rebut.models.script import EVERYTHING, Line, Scripted
from rebut.models.scripted import ScriptedBackend
from rebut.models.wire import Inside, Message, Probe, Request

SCRIPT = """
capabilities: {certainty: true, labels: true, layers: 1, reward: steps, prefill: false}
rules:
  - when: judge
    inside: {labels: [-0.1, -2.5]}
    say: [A, {text: B, inside: {labels: [-3, -0.05], layers: [[-1, -2], [-2, -1]]}}]
  - say: {text: "4", inside: {certainty: [1, 2.5], rewards: [0.5, -1e2]}}
"""


def request(probe: Probe | None, text: str = "hello", model: str = "scripted/inside.yaml") -> Request:
    return Request(model=model, messages=(Message("user", text),), probe=probe)


@pytest.fixture
def backend(tmp_path: Path) -> ScriptedBackend:
    (tmp_path / "inside.yaml").write_text(SCRIPT, "utf-8")
    return ScriptedBackend(tmp_path)


def test_a_script_switches_what_its_model_can(backend: ScriptedBackend) -> None:
    can = replace(EVERYTHING, certainty=True, labels=True, layers=True, reward="steps", prefill=False)
    assert backend.capabilities("scripted/inside.yaml") == can


@pytest.mark.parametrize(
    "stated", ["{sight: true}", "{reward: words}", "{certainty: perhaps}", "{concurrency: x}"]
)
def test_capabilities_that_do_not_exist_are_named(tmp_path: Path, stated: str) -> None:
    (tmp_path / "odd.yaml").write_text(f"capabilities: {stated}\nrules: [{{say: hi}}]\n", "utf-8")
    with pytest.raises(InputError, match="capabilities"):
        ScriptedBackend(tmp_path).capabilities("scripted/odd.yaml")


async def test_the_inside_is_shown_to_those_whose_probe_asks_for_it(backend: ScriptedBackend) -> None:
    for probe, shown in (
        (None, None),
        (Probe(certainty=True), Inside(certainty=(1.0, 2.5))),
        (Probe(reward="outcome"), Inside(rewards=(0.5, -100.0))),
        (Probe(labels=("A", "B")), None),
    ):
        [said] = (await backend.complete(request(probe))).completions
        assert said.inside == shown


async def test_lines_have_an_inside_of_their_own_or_the_rules(backend: ScriptedBackend) -> None:
    probe = Probe(labels=("A", "B"), layers=True)
    found = [(await backend.complete(request(probe, "judge"))).completions[0].inside for _ in range(2)]
    assert found[0] == Inside(labels=(-0.1, -2.5))
    assert found[1] == Inside(labels=(-3.0, -0.05), layers=((-1.0, -2.0), (-2.0, -1.0)))


async def test_a_model_in_a_test_may_have_an_inside_too() -> None:
    model = Scripted([Line(text="4", inside=Inside(certainty=(3.0,)))] * 2)
    assert (await model.complete(request(Probe(certainty=True)))).completions[0].inside == Inside(
        certainty=(3.0,)
    )
    assert (await model.complete(request(None))).completions[0].inside is None
