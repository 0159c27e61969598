"""The back ends that are examined, each opened for as long as its tests last."""

from __future__ import annotations

import asyncio
import importlib
import os
import urllib.request
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rebut.models.hosted import HostedBackend
from rebut.models.local import LocalBackend, engine, find
from rebut.models.local.options import Options, split
from rebut.models.script import count_tokens
from rebut.models.scripted import ScriptedBackend
from rebut.models.wire import Backend, Message
from rebut.settings import Settings

from ..real import ENGINE, present
from .llama_server import CONTEXT, KEY, SLOTS, LlamaServer, llama_server
from .speaker import Speaker
from .subject import Subject

Opening = Callable[[Path], AbstractAsyncContextManager[Subject]]

WEIGHTS = "smollm2-135m"
LOCAL = f"local/{WEIGHTS}?ctx={CONTEXT}&slots={SLOTS}&threads=1"
SCRIPT = """
capabilities: {n: false, schema: false, logprobs: false, seed: false, prefill: false, stream: false}
rules:
  - when: {any: "Tell me everything"}
    say: [{text: "So much 🗼.", delay: 20}]
  - say: ["Paris is the capital of France, é 🗼 and all."]
"""


async def count_words(messages: Sequence[Message]) -> int:
    return sum(count_tokens(m.content) for m in messages)


@asynccontextmanager
async def scripted(home: Path) -> AsyncGenerator[Subject]:
    """Replies by a function, with everything that can be declared."""
    backend = Speaker()

    async def idle() -> bool:
        return backend.working == 0

    yield Subject(
        name="scripted",
        backend=backend,
        model="scripted/speaker",
        fresh=Speaker,
        unknown="",
        count=count_words,
        idle=idle,
    )


@asynccontextmanager
async def script_file(home: Path) -> AsyncGenerator[Subject]:
    """Replies of a file, with nothing declared: what is asked beyond that must do no harm."""
    (home / "lines.yaml").write_text(SCRIPT, "utf-8")
    backend = ScriptedBackend(home)
    yield Subject(
        name="script-file",
        backend=backend,
        model="scripted/lines.yaml",
        fresh=lambda: ScriptedBackend(home),
        unknown="scripted/nowhere.yaml",
        count=count_words,
        writes=False,
    )


@asynccontextmanager
async def local(home: Path) -> AsyncGenerator[Subject]:
    """llama.cpp in this process."""
    backend = LocalBackend(home)
    name, options = split(LOCAL, Options())
    loaded = await asyncio.to_thread(engine.borrow, find(name, home=home), options)

    async def count(messages: Sequence[Message]) -> int:
        body = {"messages": [{"role": m.role, "content": m.content} for m in messages], "max_tokens": 1}
        chunks: list[Any] = []
        await asyncio.to_thread(loaded._server.handle_chat_completions, body, chunks.append)
        return int(chunks[-1]["usage"]["prompt_tokens"])

    async def idle() -> bool:
        return loaded.gate.free == loaded.options.slots

    try:
        yield Subject(
            name="local",
            backend=backend,
            model=LOCAL,
            fresh=lambda: LocalBackend(home),
            unknown="local/nobody-made-these",
            context=CONTEXT,
            count=count,
            idle=idle,
        )
        await backend.close()
        await backend.close()
    finally:
        await asyncio.to_thread(engine.give_back, loaded)


@asynccontextmanager
async def _hosted(
    server: LlamaServer, name: str, model: str, settings: Settings, unknown: str
) -> AsyncGenerator[Subject]:
    backend = HostedBackend(settings, os.environ)

    async def count(messages: Sequence[Message]) -> int:
        return await asyncio.to_thread(server.count, messages)

    async def idle() -> bool:
        return await asyncio.to_thread(server.working) == 0

    yield Subject(
        name=name,
        backend=backend,
        model=model,
        fresh=lambda: HostedBackend(settings, os.environ),
        unknown=unknown,
        context=CONTEXT,
        count=count,
        idle=idle,
        # llama.cpp's server writes on for whoever has left, unless it streams; only the direct way knows.
        left_at_any_time=name == "hosted",
        # Its forced tools, which LiteLLM makes of a schema, do not bind what is written.
        no_schema=name == "hosted-anthropic",
        # Mistral's own server does; this one would want an option that Mistral's does not know.
        counts_streams=name != "hosted-mistral",
    )
    await backend.close()
    await backend.close()


@asynccontextmanager
async def _served(
    home: Path, name: str, model: str, environ: Mapping[str, str], settings: Settings | None = None
) -> AsyncGenerator[Subject]:
    """A model of a llama.cpp server; ``{base}`` stands for its address."""
    with llama_server(find(WEIGHTS, home=home)) as server, pytest.MonkeyPatch.context() as patch:
        for variable, value in environ.items():
            patch.setenv(variable, value.format(base=server.address))
        unknown = f"openai/nobody@{server.address}/nowhere"
        said = model.format(base=server.address)
        async with _hosted(server, name, said, settings or Settings(), unknown) as subject:
            yield subject


def direct(home: Path) -> AbstractAsyncContextManager[Subject]:
    """A server of OpenAI's protocol, spoken to without LiteLLM."""
    return _served(home, "hosted", f"openai/{WEIGHTS}@{{base}}/v1", {"OPENAI_API_KEY": KEY})


def acompletion(home: Path) -> AbstractAsyncContextManager[Subject]:
    """The same server through `litellm.acompletion`."""
    settings = Settings(lanes={"openai": "acompletion"})
    model = f"openai/{WEIGHTS}@{{base}}/v1"
    return _served(home, "hosted-acompletion", model, {"OPENAI_API_KEY": KEY}, settings)


def mistral(home: Path) -> AbstractAsyncContextManager[Subject]:
    """The same server in the words of LiteLLM's configuration of Mistral."""
    environ = {"MISTRAL_API_BASE": "{base}/v1", "MISTRAL_API_KEY": KEY, "OPENAI_API_KEY": KEY}
    return _served(home, "hosted-mistral", f"mistral/{WEIGHTS}", environ)


def anthropic(home: Path) -> AbstractAsyncContextManager[Subject]:
    """The same server in the words of LiteLLM's configuration of Anthropic."""
    environ = {"ANTHROPIC_API_BASE": "{base}", "ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}
    return _served(home, "hosted-anthropic", f"anthropic/{WEIGHTS}", environ)


async def _count_by_tokenizer(messages: Sequence[Message]) -> int:
    tokenizer = importlib.import_module("transformers").AutoTokenizer.from_pretrained(present())
    chat = [{"role": m.role, "content": m.content} for m in messages]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


@asynccontextmanager
async def _of_folder(backend: Backend, **facts: Any) -> AsyncGenerator[Subject]:
    """A back end of the model in the folder; it is closed twice."""
    yield Subject(backend=backend, context=CONTEXT, count=_count_by_tokenizer, **facts)
    await backend.close()
    await backend.close()


@asynccontextmanager
async def vllm(home: Path) -> AsyncGenerator[Subject]:
    """vLLM in this process."""
    kind = importlib.import_module("rebut.models.vllm").VllmBackend
    backend, model = kind(home), f"vllm/{present()}{ENGINE}"

    async def idle() -> bool:
        return all(engine.unfinished == 0 for engine in backend._using.values())

    async with _of_folder(
        backend,
        name="vllm",
        model=model,
        fresh=lambda: kind(home),
        unknown="vllm//nowhere/at-all",
        idle=idle,
    ) as subject:
        yield subject


@asynccontextmanager
async def vllm_server(home: Path) -> AsyncGenerator[Subject]:
    """A server of vLLM that rebut starts, and that ends with its last user."""
    kind = importlib.import_module("rebut.models.vllm").VllmServerBackend
    backend, model = kind(home), f"vllm-server/{present()}{ENGINE}"

    async def idle() -> bool:
        return all([await asyncio.to_thread(_at_work, h.server.port) == 0 for h in backend._using.values()])

    async with _of_folder(
        backend,
        name="vllm-server",
        model=model,
        fresh=lambda: kind(home),
        unknown="vllm-server//nowhere/at-all",
        idle=idle,
        counts_long=False,  # it says "at least", and one more than would fit
    ) as subject:
        yield subject


def _at_work(port: int) -> float:
    """The sequences that a server is busy with, by its own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        lines = reply.read().decode().splitlines()
    counts = [
        line for line in lines if line.startswith(("vllm:num_requests_running", "vllm:num_requests_waiting{"))
    ]
    assert len(counts) >= 2
    return sum(float(line.rpartition(" ")[2]) for line in counts)


@asynccontextmanager
async def transformers(home: Path) -> AsyncGenerator[Subject]:
    """Hugging Face transformers in this process."""
    kind = importlib.import_module("rebut.models.transformers").TransformersBackend
    async with _of_folder(
        kind(),
        name="transformers",
        model=f"transformers/{present()}?ctx={CONTEXT}",
        fresh=kind,
        unknown="transformers//nowhere",
        after_close=False,
    ) as subject:
        yield subject
