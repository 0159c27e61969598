"""Certainty and labels of the embedded engine, on the smallest real weights."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio

from rebut.errors import ModelGarbled, ModelRefused, ModelTimeout
from rebut.models.local import LocalBackend, probes
from rebut.models.local import engine as engines
from rebut.models.local.copying import Slots
from rebut.models.local.engine import Engine
from rebut.models.wire import Completion, Message, Probe, Request

pytest.importorskip("xllamacpp")
on_one_loop = pytest.mark.asyncio(loop_scope="module")

MODEL = "local/smollm2-135m?ctx=512&slots=2&threads=1"
FRUITS = (Message("user", "Name three fruits."),)
VOCABULARY = 49152


def ask(*messages: Message, **options: Any) -> Request:
    usual: dict[str, Any] = {"max_tokens": 4, "temperature": 0.0}
    return Request(model=MODEL, messages=messages or FRUITS, **usual | options)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(tmp_path_factory.mktemp("home"))
    await backend.complete(ask(max_tokens=1))
    yield backend
    await backend.close()


def engine_of(backend: LocalBackend) -> Engine:
    return next(iter(backend._using.values()))


async def first(backend: LocalBackend, request: Request) -> Completion:
    return (await backend.complete(request)).completions[0]


async def rows_while_writing(backend: LocalBackend, request: Request) -> list[list[float]]:
    """What the engine tells of the whole vocabulary while it writes, which is another way to the same."""
    whole = Request(
        model=request.model,
        messages=request.messages,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        seed=request.seed,
        logprobs=VOCABULARY,
    )
    said = await first(backend, whole)
    return [[value for _, value in token.top] for token in said.logprobs or ()]


def divergence(row: list[float]) -> float:
    """KL(uniform || p) of log-probabilities that add up to almost 1."""
    total = math.log(math.fsum(map(math.exp, row)))
    return math.fsum(-math.log(len(row)) - (value - total) for value in row) / len(row)


@on_one_loop
async def test_it_declares_what_it_answers(local: LocalBackend) -> None:
    can = local.capabilities(MODEL)
    assert can.certainty and can.labels and not can.layers and not can.reward


@on_one_loop
async def test_certainty_is_that_of_the_rows_that_it_tells_while_writing(local: LocalBackend) -> None:
    request = ask(temperature=1.0, seed=3, max_tokens=2)
    found = (await first(local, replace(request, probe=Probe(certainty=True)))).inside
    rows = await rows_while_writing(local, request)
    assert found is not None and found.certainty is not None and found.labels is None
    assert [len(row) for row in rows] == [VOCABULARY] * 2
    assert found.certainty == pytest.approx([divergence(row) for row in rows], abs=1e-4)


@on_one_loop
@pytest.mark.slow
async def test_a_probe_changes_neither_the_text_nor_what_else_is_told(local: LocalBackend) -> None:
    plain = await local.complete(ask(n=2, temperature=1.0, seed=5, max_tokens=3))
    probed = await local.complete(
        ask(n=2, temperature=1.0, seed=5, max_tokens=3, probe=Probe(certainty=True, labels=("A",)))
    )
    assert [c.text for c in plain.completions] == [c.text for c in probed.completions]
    assert all(c.logprobs is None for c in probed.completions)
    assert (plain.usage.prompt, plain.usage.completion) == (probed.usage.prompt, probed.usage.completion)
    assert [len((c.inside or pytest.fail()).certainty or ()) for c in probed.completions] == [3, 3]


@on_one_loop
@pytest.mark.slow
async def test_a_label_is_as_likely_as_the_tokens_that_spell_it(local: LocalBackend) -> None:
    """Of " The" and "The" the row tells the chances; the second token of a label is told after the first."""
    request = ask(max_tokens=1, probe=Probe(labels=("The", "Straw", "é🎉")))
    found = (await first(local, request)).inside
    assert found is not None and found.labels is not None and found.certainty is None
    said = await first(local, ask(max_tokens=1, logprobs=VOCABULARY))
    chances = dict((said.logprobs or pytest.fail())[0].top)
    assert math.exp(found.labels[0]) == pytest.approx(
        math.exp(chances["The"]) + math.exp(chances[" The"]), rel=1e-3
    )
    whole = found.labels[1]
    assert chances.get("Straw", -99) - 1e-3 <= whole <= 0 or "Straw" not in chances
    assert found.labels[2] < min(found.labels[0], -10)


@on_one_loop
@pytest.mark.slow
async def test_a_label_of_several_tokens_is_as_likely_as_each_after_the_other(local: LocalBackend) -> None:
    found = (await first(local, ask(max_tokens=1, probe=Probe(labels=("Strawberry",))))).inside
    ways = [await chance(local, "Strawberry"), await chance(local, " Strawberry")]
    assert found is not None and found.labels is not None
    assert math.exp(found.labels[0]) == pytest.approx(math.exp(ways[0]) + math.exp(ways[1]), rel=1e-2)


async def chance(backend: LocalBackend, text: str) -> float:
    """The log-probability of a text as the next thing, by continuing the reply a token at a time."""

    def pieces(server: object, slots: Slots, stop: threading.Event) -> list[str]:
        ids = slots.post("/tokenize", {"content": text})["tokens"]
        return [_piece(slots, i) for i in ids]

    total, said = 0.0, ""
    for piece in await engine_of(backend).look("", pieces):
        step = ask(*FRUITS, Message("assistant", said), max_tokens=1, logprobs=VOCABULARY)
        total += dict(((await first(backend, step)).logprobs or pytest.fail())[0].top)[piece]
        said += piece
    assert said == text
    return total


def _piece(slots: Slots, token: int) -> str:
    return str(slots.post("/detokenize", {"tokens": [token]})["content"])


@on_one_loop
@pytest.mark.slow
async def test_characters_of_several_tokens_are_certain_token_by_token(local: LocalBackend) -> None:
    said = await first(
        local,
        ask(
            Message("user", "Repeat: 🎉é🎉"),
            Message("assistant", "🎉é"),
            probe=Probe(certainty=True),
            extra={"logit_bias": [["🎉", 30.0]]},
        ),
    )
    assert "🎉" in said.text and said.inside is not None
    assert len(said.inside.certainty or ()) >= 2 * len(said.text)


@on_one_loop
@pytest.mark.slow
async def test_tokens_past_a_stop_string_are_not_told_of(local: LocalBackend) -> None:
    whole = await first(local, ask(max_tokens=6, logprobs=0))
    words = [token.token for token in whole.logprobs or ()]
    cut = await first(local, ask(max_tokens=6, stop=(words[3],), probe=Probe(certainty=True)))
    assert cut.text == "".join(words[:3]) and cut.inside is not None
    assert len(cut.inside.certainty or ()) == 3


@pytest.mark.parametrize(
    ("probe", "problem"),
    [
        (Probe(labels=("A",), layers=True), "does not show the layers"),
        (Probe(reward="outcome"), "no reward model"),
        (Probe(labels=("A", "")), "a label of the probe is empty"),
    ],
)
@on_one_loop
async def test_what_it_has_no_answer_to_is_refused(local: LocalBackend, probe: Probe, problem: str) -> None:
    with pytest.raises(ModelRefused, match=problem):
        await local.complete(ask(probe=probe))


@on_one_loop
@pytest.mark.slow
async def test_a_deadline_ends_a_probe_too(local: LocalBackend) -> None:
    engine = engine_of(local)
    words = tuple(f"strawberry ice cream {i}" for i in range(60))
    with pytest.raises(ModelTimeout):
        await local.complete(ask(max_tokens=1, timeout=1.0, probe=Probe(labels=words)))
    for _ in range(1000):
        if engine.gate.free == engine.options.slots:
            break
        await asyncio.sleep(0.01)
    assert engine.gate.free == engine.options.slots
    assert (await first(local, ask(max_tokens=2))).text


def test_rows_add_up_to_one_and_what_float32_cannot_tell_from_nothing_is_all_but_impossible() -> None:
    texts = {1: ("a", -0.5), 0: ('"id":7,"logprob":1}', -1.0), 2: ("\\", -3.4e38)}
    row = [{"id": i, "token": t, "bytes": [*t.encode()], "logprob": value} for i, (t, value) in texts.items()]
    told = orjson.dumps({"logprobs": {"content": [row[0] | {"top_logprobs": row}]}})
    found = probes._row_of(told)
    assert set(found) == {0, 1, 2} and found[2] < -103
    assert math.fsum(map(math.exp, found.values())) == pytest.approx(1.0, abs=1e-12)
    assert found[1] - found[0] == pytest.approx(0.5)


@on_one_loop
async def test_an_engine_that_tells_nothing_is_no_reason_to_make_something_up(
    local: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes._Book, "_asked", lambda self, after: b'{"choices":[]}')
    for probe in (Probe(certainty=True), Probe(labels=("A",))):
        with pytest.raises(ModelGarbled, match="does not tell the probabilities"):
            await local.complete(ask(probe=probe))
    assert engine_of(local) in engines._engines.values()
