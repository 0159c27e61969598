"""A real vLLM engine on the processor, with SmolLM2-135M (`.ci/vllm` makes the environment)."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rebut.errors import ModelRefused, ModelTimeout, ModelUnavailable, SettingsError
from rebut.models.vllm import VllmBackend
from rebut.models.vllm.engine import Engine, _engines
from rebut.models.wire import Completion, Message, Probe, Request, Response

from .real import ENGINE, folder

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore"),  # torch and vLLM warn of their own parts
]

MODEL = f"vllm/{folder()}{ENGINE}"
QUESTION = Message("user", "What is the capital of France?")
ENDLESS = {"ignore_eos": True}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(lasting_engine: Path) -> AsyncIterator[VllmBackend]:
    made = VllmBackend(lasting_engine)
    yield made
    await made.close()


def ask(*messages: Message, **options: Any) -> Request:
    settings: dict[str, Any] = {"temperature": 0.0, "max_tokens": 12, **options}
    settings.setdefault("model", MODEL)
    return Request(messages=messages or (QUESTION,), **settings)


async def one(backend: VllmBackend, *messages: Message, **options: Any) -> Completion:
    return (await backend.complete(ask(*messages, **options))).completions[0]


def engine_of(backend: VllmBackend) -> Engine:
    return next(iter(backend._using.values()))


async def test_it_answers_and_counts(backend: VllmBackend) -> None:
    response = await backend.complete(ask())
    assert response.completions[0] == Completion(text="The capital of France is Paris.")
    usage = response.usage
    assert (usage.calls, usage.requests, usage.usd) == (1, 1, 0.0)
    assert usage.prompt > 30 and usage.completion == 8 and response.seconds > 0


async def test_samples_are_drawn_by_their_seed(backend: VllmBackend) -> None:
    async def drawn(seed: int) -> list[str]:
        response = await backend.complete(ask(n=3, temperature=1.0, seed=seed))
        assert response.usage.calls == 3
        return [c.text for c in response.completions]

    first = await drawn(5)
    assert first == await drawn(5) and len(set(first)) > 1
    assert (await drawn(6))[0] == first[1] and await drawn(99) != first


async def test_without_temperature_several_are_one(backend: VllmBackend) -> None:
    heard: dict[int, str] = {}

    def hear(index: int, text: str) -> None:
        heard[index] = heard.get(index, "") + text

    response = await backend.complete(ask(n=2), hear)
    assert [c.text for c in response.completions] == ["The capital of France is Paris."] * 2
    assert heard == dict(enumerate(c.text for c in response.completions))
    assert response.usage.calls == 2 and response.usage.completion == 8


async def test_what_was_read_lately_is_cached(backend: VllmBackend) -> None:
    long = Message("system", "You know a great deal about fruit and about roots. " * 8)
    await backend.complete(ask(long, Message("user", "Name a red one."), max_tokens=2))
    usage = (await backend.complete(ask(long, Message("user", "Name a green one."), max_tokens=2))).usage
    assert 0.7 * usage.prompt < usage.cached < usage.prompt


async def test_it_stops_continues_and_keeps_to_a_schema(backend: VllmBackend) -> None:
    stopped = await one(backend, stop=("Paris",))
    assert (stopped.text, stopped.finish) == ("The capital of France is ", "stop")
    begun = await one(backend, QUESTION, Message("assistant", "The capital of France"))
    assert begun.text == " is Paris."
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Rome", "Paris"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    assert json.loads((await one(backend, schema=schema, max_tokens=40)).text) == {"city": "Paris"}
    with pytest.raises(ModelRefused, match="objekt"):
        await one(backend, schema={"type": "objekt"})


async def test_log_probabilities_are_those_of_what_was_written(backend: VllmBackend) -> None:
    completion = await one(backend, logprobs=2, max_tokens=4)
    assert completion.logprobs is not None
    assert "".join(t.token for t in completion.logprobs) == completion.text
    assert all(t.top[0] == (t.token, t.logprob) and len(t.top) == 2 for t in completion.logprobs)


async def test_self_certainty_agrees_with_the_model_computed_by_torch(
    backend: VllmBackend,
) -> None:
    probe = Probe(certainty=True)
    plain = await one(backend, max_tokens=5)
    completion = await one(backend, max_tokens=5, probe=probe, logprobs=1)
    assert completion.text == plain.text and completion.logprobs is not None
    assert completion.inside is not None and completion.inside.certainty is not None
    expected = await asyncio.to_thread(certainty_by_torch, folder(), completion.text)
    assert len(completion.inside.certainty) == 5
    assert completion.inside.certainty == pytest.approx(expected, rel=0.03)


def certainty_by_torch(weights: Path, text: str) -> list[float]:
    """The same by another way: all logits of the reply, by the formula."""
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(weights)
    model = transformers.AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    chat = [{"role": "user", "content": QUESTION.content}]
    prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    ids = before + tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        rows = torch.log_softmax(model(torch.tensor([ids])).logits[0, len(before) - 1 : -1], dim=-1)
    return [float(-math.log(rows.shape[1]) - row.mean()) for row in rows]


async def test_self_certainty_of_samples_that_stop(backend: VllmBackend) -> None:
    options: dict[str, Any] = {"n": 2, "temperature": 1.0, "seed": 5, "stop": (" is",)}
    plain = await backend.complete(ask(**options))
    heard: dict[int, str] = {}

    def hear(index: int, text: str) -> None:
        heard[index] = heard.get(index, "") + text

    looked = await backend.complete(ask(**options, probe=Probe(certainty=True)), hear)
    assert [c.text for c in looked.completions] == [c.text for c in plain.completions]
    assert heard == dict(enumerate(c.text for c in looked.completions))
    insides = [c.inside.certainty for c in looked.completions if c.inside and c.inside.certainty]
    assert len(insides) == 2 and all(v > 0 for inside in insides for v in inside)


async def test_labels_have_the_probability_of_being_written_next(backend: VllmBackend) -> None:
    labels = ("The", "Paris", "The capital", "Paris is")
    completion = await one(backend, logprobs=0, max_tokens=2, probe=Probe(labels=labels))
    assert completion.inside is not None and completion.inside.labels is not None
    the, paris, capital, paris_is = completion.inside.labels
    assert completion.logprobs is not None
    first, second = (t.logprob for t in completion.logprobs)
    assert the == pytest.approx(first, abs=0.05) and capital == pytest.approx(first + second, abs=0.1)
    assert paris_is < paris < the
    with pytest.raises(ModelRefused, match="label without"):
        await one(backend, probe=Probe(labels=("", "a")))


async def test_what_it_cannot_do_is_refused(backend: VllmBackend) -> None:
    with pytest.raises(ModelRefused, match=r"prompt of 30\d\d tokens .* context of 1024 tokens"):
        await one(backend, Message("user", "word " * 3000))
    with pytest.raises(ModelRefused, match="layers"):
        await one(backend, probe=Probe(labels=("a",), layers=True))
    with pytest.raises(ModelRefused, match="no reward model"):
        await one(backend, probe=Probe(reward="outcome"))
    with pytest.raises(ModelRefused, match=r"unknown parameter 'topk' \(did you mean 'top_k'"):
        await one(backend, extra={"topk": 1})


async def test_models_that_are_not_there_are_named(backend: VllmBackend) -> None:
    with pytest.raises(SettingsError, match="no such folder"):
        await one(backend, model="vllm//nowhere/at-all")
    with pytest.raises(ModelUnavailable, match="no such model"):
        await one(backend, model=f"vllm/nobody/made-these{ENGINE}")
    with pytest.raises(SettingsError, match="no reasoning parser 'qwen33'"):
        await one(backend, model=f"{MODEL}&reasoning=qwen33")
    with pytest.raises(ModelUnavailable, match="ctx is more than the model was trained for"):
        await one(backend, model=f"vllm/{folder()}?ctx=16777216&eager=1")


async def test_a_cancelled_call_leaves_the_engine_nothing_to_do(backend: VllmBackend) -> None:
    engine = engine_of(backend)
    request = ask(max_tokens=900, extra=ENDLESS, n=2, temperature=1.0)
    task = asyncio.create_task(backend.complete(request))
    await until(lambda: engine.unfinished == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await idle(engine)


async def test_a_call_that_takes_too_long_is_aborted(backend: VllmBackend) -> None:
    with pytest.raises(ModelTimeout, match=r"not done within 0.3 s"):
        await backend.complete(ask(max_tokens=900, extra=ENDLESS, timeout=0.3))
    await idle(engine_of(backend))


async def idle(engine: Engine) -> None:
    await until(lambda: engine.unfinished == 0)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread brings about."""
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come true")


async def test_gateways_share_an_engine_and_any_loop_may_call(backend: VllmBackend) -> None:
    other = VllmBackend()

    def elsewhere() -> Response:
        async def call() -> Response:
            try:
                return await other.complete(ask())
            finally:
                await other.close()

        return asyncio.run(call())

    for _ in range(2):
        assert (await asyncio.to_thread(elsewhere)).completions[0].text.startswith("The capital")
    assert len([e for e in _engines.values() if e is engine_of(backend)]) == 1
    assert engine_of(backend).alive and (await one(backend, max_tokens=1)).text


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A LoRA adapter of noise, strong enough to be seen."""
    torch, safe = importlib.import_module("torch"), importlib.import_module("safetensors.torch")
    shape = json.loads((folder() / "config.json").read_text())
    width, heads = shape["hidden_size"], shape["num_attention_heads"]
    torch.manual_seed(2)
    tensors = {}
    for layer in range(shape["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{name}.lora_A.weight"] = torch.randn(8, width)
        tensors[f"{name}.lora_B.weight"] = torch.randn(width // heads * heads, 8)
    place = tmp_path / "adapter"
    place.mkdir()
    safe.save_file(tensors, str(place / "adapter_model.safetensors"))
    facts = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "bias": "none"}
    (place / "adapter_config.json").write_text(json.dumps(facts | {"task_type": "CAUSAL_LM"}))
    return place


async def test_model_strings_that_differ_in_their_adapter_share_an_engine(
    backend: VllmBackend, adapter: Path, tmp_path: Path
) -> None:
    adapted = await one(backend, model=f"{MODEL}&lora={adapter}")
    plain = await one(backend)
    again = await one(backend, model=f"{MODEL}&lora={adapter}&reply=3")
    assert plain.text == "The capital of France is Paris." != adapted.text
    assert adapted.text.startswith(again.text) and again.text != adapted.text
    assert len({id(engine) for engine in backend._using.values()}) == 1
    with pytest.raises(SettingsError, match="no LoRA adapter"):
        await one(backend, model=f"{MODEL}&lora={tmp_path / 'nowhere'}")


async def test_an_engine_that_dies_says_so_and_the_next_call_starts_another(backend: VllmBackend) -> None:
    engine = engine_of(backend)
    first = list(engine.pids)
    task = asyncio.create_task(backend.complete(ask(max_tokens=900, extra=ENDLESS)))
    await until(lambda: engine.unfinished > 0)
    os.kill(first[0], signal.SIGKILL)
    with pytest.raises(ModelUnavailable, match=r"engine .* died.*next call starts a new one") as died:
        await task
    assert died.value.retryable
    assert (await one(backend)).text == "The capital of France is Paris."
    assert engine.pids and set(engine.pids).isdisjoint(first)
