"""What a back end declares is true, and what it does not is refused or left out, never made up."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rebut.errors import ModelRefused
from rebut.models.wire import Message, Probe

from .subject import LIST, Subject


async def test_declaring_takes_no_time_and_loads_nothing(subject: Subject) -> None:
    fresh = subject.fresh()
    start = time.perf_counter()
    declared = fresh.capabilities(subject.model)
    assert time.perf_counter() - start < 5
    assert declared == subject.backend.capabilities(subject.model) and declared.concurrency >= 1
    price = fresh.price(subject.model)
    assert price is None or (price[0] >= 0 and price[1] >= 0)
    await fresh.close()


async def probed(subject: Subject, probe: Probe, *messages: Message, **options: int) -> object:
    """What a probe finds; None where the back end refuses it."""
    request = subject.ask(*(messages or (LIST,)), **{"max_tokens": 4, **options})
    try:
        return (await subject.backend.complete(replace(request, probe=probe))).completions[0].inside
    except ModelRefused:
        return None


async def test_certainty_is_a_number_for_each_token(subject: Subject) -> None:
    request = replace(subject.ask(LIST, max_tokens=5), probe=Probe(certainty=True))
    if not subject.can.certainty:
        found = await probed(subject, Probe(certainty=True))
        assert found is None or found == type(found)()
        return
    response = await subject.backend.complete(request)
    inside = response.completions[0].inside
    assert inside is not None and inside.certainty is not None
    assert len(inside.certainty) == response.usage.completion == 5
    assert all(0 <= value < 100 for value in inside.certainty)


async def test_labels_have_probabilities_as_the_next_thing_said(subject: Subject) -> None:
    question = (Message("user", "Is Paris in France? Answer yes or no."),)
    labels = ("Yes", "No", "perhaps not")
    if not subject.can.labels:
        found = await probed(subject, Probe(labels=labels), *question)
        assert found is None or found == type(found)()
        return
    request = replace(subject.ask(*question, max_tokens=1), probe=Probe(labels=labels))
    inside = (await subject.backend.complete(request)).completions[0].inside
    assert inside is not None and inside.labels is not None
    assert len(inside.labels) == 3 and all(value <= 0 for value in inside.labels)
    assert max(inside.labels[:2]) > inside.labels[2]


async def test_every_layer_has_its_view_of_the_labels(subject: Subject) -> None:
    probe = Probe(labels=("Yes", "No"), layers=True)
    if not subject.can.layers:
        found = await probed(subject, probe)
        assert found is None or getattr(found, "layers", None) is None
        return
    request = replace(subject.ask("Is Paris in France?", max_tokens=1), probe=probe)
    inside = (await subject.backend.complete(request)).completions[0].inside
    assert inside is not None and inside.layers is not None and inside.labels is not None
    assert len(inside.layers) > 3 and all(len(layer) == 2 for layer in inside.layers)
    assert inside.layers[-1] == pytest.approx(inside.labels, abs=1e-2)


async def test_what_is_no_reward_model_gives_no_reward(subject: Subject) -> None:
    judged = (Message("user", "2 + 2?"), Message("assistant", "It is 4."))
    if not subject.can.reward:
        found = await probed(subject, Probe(reward="outcome"), *judged)
        assert found is None or found == type(found)()
        return
    request = replace(subject.ask(*judged), probe=Probe(reward="outcome"))
    inside = (await subject.backend.complete(request)).completions[0].inside
    assert inside is not None and inside.rewards is not None and len(inside.rewards) == 1
