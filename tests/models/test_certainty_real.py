"""Self-certainty on real models and real questions, held against a direct computation from the logits.

What the back ends tell while they write (or after it) must be what one pass of the network over prompt and
text gives, computed here from its logits as the formula stands. `-o log_cli=1 --log-cli-level=info` shows the
differences.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rebut.models.local import LocalBackend
from rebut.models.local.chat import body_of
from rebut.models.local.weights import find
from rebut.models.transformers import TransformersBackend, sampling
from rebut.models.transformers.engine import Desk
from rebut.models.transformers.prompt import tokens_of
from rebut.models.wire import Backend, Completion, Message, Probe, Request
from rebut.records import Usage

from .real import folder, present

DATA = Path(os.environ.get("REBUT_DATA") or Path(__file__).parents[3] / "shared" / "data")
FOLDER = folder()
_LOG = logging.getLogger(__name__)
ROWS = 30
TOKENS = 12
SURE = Probe(certainty=True)

pytestmark = pytest.mark.timeout(900)
on_one_loop = pytest.mark.asyncio(loop_scope="module")


def questions(count: int) -> list[str]:
    path = DATA / "gsm8k" / "gsm8k.jsonl"
    if not path.exists():
        pytest.skip(f"no data set gsm8k in {DATA} (set REBUT_DATA)")
    with path.open(encoding="utf-8") as lines:
        found = [json.loads(line)["question"] for _, line in zip(range(count), lines, strict=False)]
    assert len(found) == count
    return found


def asked(model: str, question: str, seed: int, **options: Any) -> Request:
    said = (Message("user", f"{question}\nThink step by step."),)
    usual: dict[str, Any] = {
        "temperature": 0.7,
        "top_p": 0.95,
        "max_tokens": TOKENS,
        "seed": seed,
        "probe": SURE,
    }
    return Request(model=model, messages=said, **usual | options)


def told(completion: Completion) -> tuple[float, ...]:
    assert completion.inside is not None and completion.inside.certainty is not None
    return completion.inside.certainty


def desk_of(backend: TransformersBackend) -> Desk:
    (engine,) = backend._engines.values()
    assert engine._desk is not None
    return engine._desk


def direct(net: Any, prompt: list[int], written: list[int]) -> list[float]:
    """The formula on the logits of one pass over prompt and text: -ln V - (1/V) sum_j ln p_j."""
    torch = import_module("torch")
    with torch.inference_mode():
        logits = net(input_ids=torch.tensor([prompt + written]), use_cache=False).logits[0].double()
    rows = torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
    values: list[float] = (-math.log(rows.shape[1]) - rows.sum(-1) / rows.shape[1]).tolist()
    return values


def worst(found: tuple[float, ...], expected: list[float]) -> float:
    assert len(found) == len(expected) > 0
    return max(abs(a - b) for a, b in zip(found, expected, strict=True))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain() -> AsyncIterator[TransformersBackend]:
    """SmolLM2-135M in float32, by transformers."""
    present()
    import_module("torch").set_num_threads(1)
    backend = TransformersBackend()
    await backend.complete(Request(model=PLAIN, messages=(Message("user", "Hi."),), max_tokens=1))
    yield backend
    await backend.close()


PLAIN = f"transformers/{FOLDER}?ctx=1024&dtype=float32&device=cpu"


@pytest.mark.torch
@on_one_loop
async def test_transformers_tells_what_a_pass_over_the_text_gives(
    plain: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty questions, each with another prompt length and seed; tokens are noted where they are drawn."""
    drawn: list[int] = []
    draw = sampling.draw

    def noted(*given: Any) -> int:
        drawn.append(draw(*given))
        return drawn[-1]

    monkeypatch.setattr(sampling, "draw", noted)
    desk, largest, tokens = desk_of(plain), 0.0, 0
    for i, question in enumerate(questions(ROWS)):
        drawn.clear()
        request = asked(PLAIN, question, seed=i)
        found = told((await plain.complete(request)).completions[0])
        prompt = tokens_of(desk.loaded.tokenizer, request, 1024)
        largest = max(largest, worst(found, direct(desk.loaded.net, prompt, drawn[: len(found)])))
        tokens += len(found)
    _LOG.info("transformers: largest difference %.2g nats over %d tokens", largest, tokens)
    assert tokens > ROWS * TOKENS / 2
    assert largest < 1e-4


LOCAL = "local/smollm2-135m?ctx=1024&slots=1&threads=1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalBackend]:
    pytest.importorskip("xllamacpp")
    backend = LocalBackend(tmp_path_factory.mktemp("home"))
    yield backend
    await backend.close()


@pytest.mark.slow
@on_one_loop
async def test_local_tells_what_its_own_rows_give(local: LocalBackend) -> None:
    """The back end goes through a text after it is written; here the rows are those told while it is."""
    largest = 0.0
    for i, question in enumerate(questions(ROWS)):
        request = asked(LOCAL, question, seed=i, max_tokens=2)
        found = told((await local.complete(request)).completions[0])
        said = (await local.complete(replace(request, probe=None, logprobs=1 << 20))).completions[0]
        expected: list[float] = []
        for token in said.logprobs or ():
            row = [value for _, value in token.top]
            total = math.log(math.fsum(map(math.exp, row)))  # added up in float32, one by one: not quite 0
            expected.append(-math.log(len(row)) - math.fsum(value - total for value in row) / len(row))
        largest = max(largest, worst(found, expected))
    _LOG.info("local: largest difference %.2g nats", largest)
    assert largest < 1e-4


@pytest.mark.torch
@on_one_loop
async def test_local_tells_much_the_same_as_the_same_weights_in_float32(
    local: LocalBackend, tmp_path: Path
) -> None:
    """llama.cpp multiplies by weights of 4 bits and rounds what it multiplies to 8; the other network is made
    of the same file, its weights spread out to float32, and multiplies exactly. The rest is the same, so the
    difference is what the rounding costs: some tenths of a nat at a token, less than one in the mean."""
    weights = find("smollm2-135m", home=tmp_path)
    model = f"transformers/{weights}?ctx=1024&dtype=float32&device=cpu"
    exact = TransformersBackend()
    await exact.complete(Request(model=model, messages=(Message("user", "Hi."),), max_tokens=1))
    desk, differences = desk_of(exact), list[float]()
    for i, question in enumerate(questions(8)):
        request = asked(LOCAL, question, seed=i, max_tokens=6)
        completion = (await local.complete(request)).completions[0]
        prompt, written = await local_tokens(local, request, completion)
        assert prompt == tokens_of(desk.loaded.tokenizer, request, 1024)
        expected = direct(desk.loaded.net, prompt, written)
        differences += [a - b for a, b in zip(told(completion), expected, strict=True)]
    await exact.close()
    average = math.fsum(differences) / len(differences)
    _LOG.info(
        "local, quantised: largest difference %.2g nats, mean %.2g", max(map(abs, differences)), average
    )
    assert max(map(abs, differences)) < 1.0 and abs(average) < 0.15


async def local_tokens(
    backend: LocalBackend, request: Request, completion: Completion
) -> tuple[list[int], list[int]]:
    """The tokens of the prompt and of what was written, as the engine's own tokenizer has them."""
    (engine,) = backend._using.values()

    def tokens(server: Any, slots: Any, stop: Any) -> tuple[list[int], list[int]]:
        prompt = slots.rendered(body_of(request, 1))
        said = {"content": completion.text, "add_special": False, "parse_special": False}
        return (
            slots.post("/tokenize", {"content": prompt, "parse_special": True})["tokens"],
            slots.post("/tokenize", said)["tokens"],
        )

    return await engine.look("", tokens)


@pytest.mark.vllm
@pytest.mark.filterwarnings("ignore")
@on_one_loop
async def test_vllm_tells_what_transformers_gives_for_the_same_text(
    plain: TransformersBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in float32, each with its own order of adding up."""
    pytest.importorskip("vllm")
    certain = import_module("rebut.models.vllm.certain")
    written: list[list[int]] = []
    finished = certain.Writing.completion

    def noted(self: Any, model: str) -> Any:
        written.append(self.ids)
        return finished(self, model)

    monkeypatch.setattr(certain.Writing, "completion", noted)
    model = f"vllm/{FOLDER}?ctx=1024&kv=0.5&eager=1&seqs=4&dtype=float32"
    backend: Backend = import_module("rebut.models.vllm").VllmBackend(tmp_path)
    desk, largest, used = desk_of(plain), 0.0, Usage()
    try:
        for i, question in enumerate(questions(ROWS)):
            response = await backend.complete(asked(model, question, seed=i))
            found = told(response.completions[0])
            prompt = tokens_of(desk.loaded.tokenizer, asked(PLAIN, question, seed=i), 1024)
            expected = direct(desk.loaded.net, prompt, written[-1][: len(found)])
            largest, used = max(largest, worst(found, expected)), used + response.usage
            assert response.usage.prompt == len(prompt)
    finally:
        await backend.close()
    _LOG.info("vllm: largest difference %.2g nats over %d tokens", largest, used.completion)
    assert used.completion > ROWS * TOKENS / 2
    assert largest < 1e-3
