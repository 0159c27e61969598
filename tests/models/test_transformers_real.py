"""The back end of Hugging Face transformers on a small real model; what only it can do, and its bad days."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import threading
import weakref
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import pytest_asyncio

from rebut.errors import ModelRefused, ModelTimeout, ModelUnavailable
from rebut.models.certainty import of_logits, of_logprobs
from rebut.models.spelling import spellings
from rebut.models.transformers import TransformersBackend, sampling
from rebut.models.transformers.engine import Desk
from rebut.models.transformers.prompt import encoder, tokens_of
from rebut.models.transformers.sampling import Taste
from rebut.models.wire import Completion, Message, Probe, Request

from .real import folder, present

pytestmark = [pytest.mark.torch, pytest.mark.asyncio(loop_scope="module")]

FOLDER = folder()
MODEL = f"transformers/{FOLDER}?ctx=512"
FRUITS = (Message("user", "Name three fruits."),)


def ask(*messages: Message, **options: Any) -> Request:
    usual: dict[str, Any] = {"max_tokens": 8, "temperature": 0.0}
    return Request(model=MODEL, messages=messages or FRUITS, **usual | options)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend() -> AsyncIterator[TransformersBackend]:
    present()
    import_module("torch").set_num_threads(1)
    opened = TransformersBackend()
    await opened.complete(ask(max_tokens=1))
    yield opened
    await opened.close()


def desk_of(backend: TransformersBackend) -> Desk:
    (engine,) = backend._engines.values()
    assert engine._desk is not None
    return engine._desk


async def first(backend: TransformersBackend, request: Request) -> Completion:
    return (await backend.complete(request)).completions[0]


def logits_of(desk: Desk, ids: list[int]) -> Any:
    """One pass over a text, with nothing kept from before: a row for each position, in float64."""
    torch = import_module("torch")
    with torch.inference_mode():
        return desk.loaded.net(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double()


async def test_the_likeliest_text_is_that_of_the_librarys_own_loop(backend: TransformersBackend) -> None:
    torch, desk = import_module("torch"), desk_of(backend)
    said = await first(backend, ask(max_tokens=20))
    ids = tokens_of(desk.loaded.tokenizer, ask(), 512)
    with torch.inference_mode():
        out = desk.loaded.net.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), do_sample=False, max_new_tokens=20
        )
    assert desk.loaded.decode(out[0, len(ids) :]) == said.text


async def test_a_completion_does_not_depend_on_its_neighbours(
    backend: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = ask(temperature=1.0, seed=5, max_tokens=12)
    together = await backend.complete(replace(hot, n=4))
    alone = [(await first(backend, replace(hot, seed=5 + i))).text for i in range(4)]
    assert [c.text for c in together.completions] == alone and len(set(alone)) == 4
    (engine,) = backend._engines.values()
    monkeypatch.setattr(engine, "options", replace(engine.options, batch=3))
    parted = await backend.complete(replace(hot, n=4))
    assert [c.text for c in parted.completions] == alone


async def test_a_prompt_that_begins_alike_is_read_from_where_it_differs(backend: TransformersBackend) -> None:
    long = Message("system", "You know a great deal about fruit. " * 12)
    cold = await backend.complete(ask(long, Message("user", "Name a red one."), logprobs=0))
    other = await backend.complete(ask(long, Message("user", "Name a green one."), logprobs=0))
    assert other.usage.cached > 0.8 * other.usage.prompt
    again = await backend.complete(ask(long, Message("user", "Name a red one."), logprobs=0))
    assert again.usage.cached == again.usage.prompt - 1
    for a, b in zip(cold.completions[0].logprobs or (), again.completions[0].logprobs or (), strict=True):
        assert a.token == b.token and a.logprob == pytest.approx(b.logprob, abs=1e-4)


async def test_the_prompts_that_are_kept_do_not_grow_beyond_the_context(backend: TransformersBackend) -> None:
    for i in range(6):
        await backend.complete(ask(Message("user", f"{i} " * 150), max_tokens=1))
    kept = desk_of(backend).reader._kept
    assert 0 < sum(len(ids) for ids, _ in kept) <= 512


async def test_certainty_stands_for_each_token_and_is_that_of_the_formula(
    backend: TransformersBackend,
) -> None:
    desk = desk_of(backend)
    request = ask(probe=Probe(certainty=True), logprobs=0, temperature=1.3, top_p=0.9, seed=2, max_tokens=10)
    said = await first(backend, request)
    prompt = tokens_of(desk.loaded.tokenizer, request, 512)
    ids = desk.loaded.tokenizer(said.text, add_special_tokens=False)["input_ids"]
    rows = logits_of(desk, prompt + ids)[len(prompt) - 1 : -1].tolist()
    assert said.inside is not None and said.inside.certainty is not None and said.logprobs is not None
    assert said.inside.certainty == pytest.approx([of_logits(row) for row in rows], abs=1e-4)


async def test_the_fast_formula_is_the_plain_one() -> None:
    torch = import_module("torch")
    row = torch.randn(5000, generator=torch.Generator().manual_seed(1)) * 9
    row[7] = -math.inf
    own = sampling.logprobs(row)
    assert sampling.certainty(own) == pytest.approx(of_logprobs(own.tolist()), abs=1e-12)
    assert sampling.certainty(own) == pytest.approx(of_logits(row.tolist()), abs=1e-9)
    assert sampling.certainty(sampling.logprobs(torch.zeros(9))) == pytest.approx(0.0, abs=1e-15)


async def test_labels_have_the_probabilities_of_a_pass_over_the_whole_text(
    backend: TransformersBackend,
) -> None:
    labels = ("Yes", "No", "1", "Strawberry ice cream", "é🎉")
    desk, request = desk_of(backend), ask(probe=Probe(labels=labels), max_tokens=1)
    found = (await first(backend, request)).inside
    prompt = tokens_of(desk.loaded.tokenizer, request, 512)
    assert found is not None and found.labels is not None
    for label, value in zip(labels, found.labels, strict=True):
        total = 0.0
        for way in spellings(encoder(desk.loaded.tokenizer), label):
            assert desk.loaded.decode(way).strip() == label
            rows = logits_of(desk, prompt + list(way))[len(prompt) - 1 : -1].log_softmax(-1)
            total += math.exp(sum(float(row[i]) for row, i in zip(rows, way, strict=True)))
        assert value == pytest.approx(math.log(total), abs=1e-4)


async def test_each_layer_says_what_the_networks_head_reads_in_it(backend: TransformersBackend) -> None:
    torch, desk = import_module("torch"), desk_of(backend)
    labels = ("Yes", "No", "Strawberry")
    request = ask(probe=Probe(labels=labels, layers=True, certainty=True), max_tokens=2, n=2)
    response = await backend.complete(request)
    found = response.completions[0].inside
    assert found is not None and found.layers is not None and found.labels is not None
    assert len(found.layers) == desk.loaded.net.config.num_hidden_layers
    assert found.layers[-1] == found.labels and len(found.certainty or ()) == 2
    assert (
        response.completions[1].inside is not None and response.completions[1].inside.layers == found.layers
    )
    prompt = tokens_of(desk.loaded.tokenizer, request, 512)
    states: list[Any] = []
    layer = desk.loaded.net.model.layers[11]
    hook = layer.register_forward_hook(lambda module, given, out: states.append(out))
    logits_of(desk, prompt)
    hook.remove()
    with torch.inference_mode():
        state = states[0][0] if isinstance(states[0], tuple) else states[0]
        row = desk.loaded.net.lm_head(desk.loaded.net.model.norm(state[..., -1, :])).flatten().log_softmax(-1)
    ways = [way for way in spellings(encoder(desk.loaded.tokenizer), "Yes") if len(way) == 1]
    expected = math.log(sum(math.exp(float(row[way[0]])) for way in ways))
    assert found.layers[11][0] == pytest.approx(expected, abs=1e-3)


async def test_an_empty_label_is_refused(backend: TransformersBackend) -> None:
    with pytest.raises(ModelRefused, match="a label of the probe is empty"):
        await backend.complete(ask(probe=Probe(labels=("Yes", ""))))


async def test_a_schema_is_kept_and_what_is_none_is_refused(backend: TransformersBackend) -> None:
    pytest.importorskip("xgrammar")
    schema = {
        "type": "object",
        "properties": {
            "winner": {"enum": ["A", "B"]},
            "score": {"type": "integer", "minimum": 0, "maximum": 9},
        },
        "required": ["winner", "score"],
        "additionalProperties": False,
    }
    request = ask(schema=schema, max_tokens=60, n=2, temperature=1.0, seed=3, probe=Probe(certainty=True))
    for completion in (await backend.complete(request)).completions:
        record = json.loads(completion.text)
        assert record["winner"] in ("A", "B") and record["score"] in range(10)
        assert completion.inside is not None and completion.inside.certainty is not None
        assert all(0 < value < 60 for value in completion.inside.certainty)  # of the model's own distribution
    with pytest.raises(ModelRefused, match="the schema cannot be held to"):
        await backend.complete(ask(schema={"type": "objekt"}))


async def test_a_cancelled_call_ends_within_a_token_and_the_next_is_served(
    backend: TransformersBackend,
) -> None:
    begun = asyncio.Event()
    endless = ask(max_tokens=400, extra={"ignore_eos": True})
    task = asyncio.create_task(backend.complete(endless, lambda i, piece: begun.set()))
    await begun.wait()
    waiting = asyncio.create_task(backend.complete(endless))
    await asyncio.sleep(0)
    waiting.cancel()
    task.cancel()
    start = perf_counter()
    await asyncio.gather(task, waiting, return_exceptions=True)
    assert perf_counter() - start < 2
    assert (await first(backend, ask(max_tokens=2))).text
    assert perf_counter() - start < 5  # 400 tokens take several times that
    await asyncio.sleep(0.1)  # a thread gives the result away, then ends
    assert not [t for t in threading.enumerate() if t.name == "rebut-transformers"]


async def test_a_deadline_ends_the_call(backend: TransformersBackend) -> None:
    with pytest.raises(ModelTimeout, match=r"not done within 0\.2 s"):
        await backend.complete(ask(max_tokens=400, timeout=0.2, extra={"ignore_eos": True}))


async def test_the_context_ends_a_reply(backend: TransformersBackend) -> None:
    long = Message("user", "word " * 470)
    response = await backend.complete(ask(long, max_tokens=None, extra={"ignore_eos": True}))
    usage = response.usage
    assert usage.prompt + usage.completion == 512 and response.completions[0].finish == "length"


async def test_want_of_memory_is_told_and_what_was_kept_is_let_go(
    backend: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(backend)
    await backend.complete(ask(max_tokens=1))

    def full(*given: object, **named: object) -> None:
        raise import_module("torch").OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    with monkeypatch.context() as patch:
        patch.setattr(desk.reader, "forward", full)
        with pytest.raises(ModelUnavailable, match=r"ran out of memory .*9 GiB.*batch"):
            await backend.complete(ask(max_tokens=2))
    assert not desk.reader._kept
    assert (await first(backend, ask(max_tokens=2))).text


@pytest.mark.parametrize(
    ("extra", "problem"),
    [({"top_k": -1}, "top_k must be a whole number"), ({"grammar": "x"}, "takes no extra 'grammar'")],
)
async def test_what_it_does_not_know_is_refused(
    backend: TransformersBackend, extra: dict[str, object], problem: str
) -> None:
    with pytest.raises(ModelRefused, match=problem):
        await backend.complete(ask(extra=extra))


async def test_places_that_hold_no_model_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/config.json").write_text('{"model_type": "no_such_kind"}')
    (tmp_path / "cut.gguf").write_bytes(b"GGUF")
    problems = {
        f"{tmp_path}/empty": "has no config.json",
        f"{tmp_path}/odd": "cannot load",
        f"{tmp_path}/none": "no such folder",
        f"{tmp_path}/none.gguf": "no such file",
        f"{tmp_path}/cut.gguf": "cannot load",
        f"{FOLDER}?device=cuda:99": "no device 'cuda:99' here .there is: cpu",
    }
    for name, problem in problems.items():
        backend = TransformersBackend()
        with pytest.raises(ModelUnavailable, match=problem):
            await backend.complete(Request(model=f"transformers/{name}", messages=FRUITS))
        await backend.close()


async def test_a_closed_back_end_lets_go_of_the_model() -> None:
    backend = TransformersBackend()
    await backend.complete(ask(max_tokens=1))
    net = weakref.ref(desk_of(backend).loaded.net)
    await backend.close()
    gc.collect()
    assert net() is None
    await backend.close()


@pytest.mark.parametrize(
    "taste", [Taste(0.0), Taste(1e-9), Taste(top_p=0.0), Taste(top_k=1), Taste(0.5, 1e-9)]
)
async def test_tastes_that_leave_one_token_take_the_likeliest(taste: Taste) -> None:
    torch = import_module("torch")
    row = torch.randn(300, generator=torch.Generator().manual_seed(4))
    for seed in range(5):
        assert sampling.draw(row, taste, sampling.generator(seed, 0)) == int(row.argmax())


async def test_tokens_come_as_often_as_they_are_likely() -> None:
    torch = import_module("torch")
    row = torch.tensor([0.5, 0.3, 0.15, 0.05]).log() * 0.7 + 3
    source = sampling.generator(1, 0)
    drawn = (
        torch.tensor([sampling.draw(row, Taste(0.7), source) for _ in range(8000)]).bincount(minlength=4)
        / 8000
    )
    assert drawn.tolist() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.02)
    drawn = torch.tensor([sampling.draw(row, Taste(0.7, 0.75), source) for _ in range(4000)])
    assert (drawn.bincount(minlength=4) / 4000).tolist() == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
