"""Real reward models under vLLM, in process and on a server that is shared; their numbers are torch's."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any, Literal

import pytest

from rebut.errors import ModelRefused
from rebut.models.vllm import VllmBackend, VllmServerBackend
from rebut.models.wire import Message, Probe, Request

from .real import folder

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # torch and vLLM warn of their own parts
]

QUESTION = Message("user", "What is the capital of France?")
SMALL = "runner=pooling&ctx=256&eager=1&kv=0.1"


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two reward models that nobody trained: of the outcome, and of each token."""
    transformers, torch = importlib.import_module("transformers"), importlib.import_module("torch")
    torch.manual_seed(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder())
    folders = tmp_path_factory.mktemp("outcome"), tmp_path_factory.mktemp("steps")
    for place, kind in zip(folders, ("SequenceClassification", "TokenClassification"), strict=True):
        config = transformers.Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=512,
            num_labels=1 if kind.startswith("Seq") else 2,
            pad_token_id=tokenizer.pad_token_id,
        )
        model = getattr(transformers, f"Qwen2For{kind}")(config)
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
    return folders


STEPS = ("First, two and two.", "That is four.")


def ask(*messages: Message, **options: Any) -> Request:
    return Request(messages=messages or (QUESTION,), temperature=0.0, max_tokens=12, **options)


def judged(model: str, kind: Literal["outcome", "steps"], *steps: str) -> Request:
    said = Message("assistant", "".join(steps) or "It is Paris.")
    return ask(QUESTION, said, model=model, probe=Probe(reward=kind, steps=steps))


async def test_a_reward_model_judges_the_outcome(judges: tuple[Path, Path], tmp_path: Path) -> None:
    backend, model = VllmBackend(tmp_path), f"vllm/{judges[0]}?{SMALL}"
    assert backend.capabilities(model).reward == "outcome"
    try:
        response = await backend.complete(judged(model, "outcome"))
        inside = response.completions[0].inside
        assert inside is not None and inside.rewards is not None
        expected = await asyncio.to_thread(reward_by_torch, judges[0])
        assert inside.rewards == pytest.approx((expected,), abs=0.02)
        assert response.completions[0].text == "" and response.usage.prompt > 30
        for wrong, says in (
            (ask(model=model), "writes nothing"),
            (judged(model, "steps", *STEPS), "not one token|does not token_classify"),
            (ask(model=model, probe=Probe(reward="outcome")), "must be an assistant's"),
        ):
            with pytest.raises(ModelRefused, match=says):
                await backend.complete(wrong)
    finally:
        await backend.close()


def reward_by_torch(place: Path) -> float:
    """The raw output, by transformers."""
    transformers = importlib.import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(place)
    chat = [
        {"role": "user", "content": QUESTION.content},
        {"role": "assistant", "content": "It is Paris."},
    ]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    # The token at which the model is read is the last one, also where that is the one used for padding.
    hidden = model.model(ids).last_hidden_state[0, -1]
    return float(model.score(hidden)[0])


async def test_a_process_reward_model_judges_each_step(judges: tuple[Path, Path], tmp_path: Path) -> None:
    options = f"?{SMALL}&step=<|endoftext|>"
    backend, model = VllmBackend(tmp_path), f"vllm/{judges[1]}{options}"
    assert backend.capabilities(model).reward == "steps"
    try:
        response = await backend.complete(judged(model, "steps", *STEPS))
        inside = response.completions[0].inside
        assert inside is not None and inside.rewards is not None and len(inside.rewards) == 2
        alone = await backend.complete(judged(model, "steps", STEPS[0]))
        assert alone.completions[0].inside is not None and alone.completions[0].inside.rewards is not None
        # What comes later does not change the judgement of a step.
        assert alone.completions[0].inside.rewards == pytest.approx(inside.rewards[:1], abs=0.02)
    finally:
        await backend.close()


async def test_a_server_judges_for_all_its_users_and_ends_with_the_last(
    judges: tuple[Path, Path], tmp_path: Path
) -> None:
    said: list[str] = []
    first, second = VllmServerBackend(tmp_path, said.append), VllmServerBackend(tmp_path)
    request = judged(f"vllm-server/{judges[0]}?{SMALL}", "outcome")
    try:
        inside = (await first.complete(request)).completions[0].inside
        assert inside is not None and inside.rewards is not None and said
        expected = await asyncio.to_thread(reward_by_torch, judges[0])
        assert inside.rewards == pytest.approx((expected,), abs=0.02)
        server = next(iter(first._using.values())).server
        assert server is not None and server.healthy()
        assert (await second.complete(request)).completions[0].inside == inside
        assert next(iter(second._using.values())).server == server
        await first.close()
        assert server.alive and (await second.complete(request)).completions[0].inside == inside
    finally:
        await first.close()
        await second.close()
    assert not server.alive and not server.healthy(0.5)
