"""The back ends that are examined, each opened for as long as its tests last."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from rebut.models.hosted import HostedBackend
from rebut.models.local import LocalBackend, engine, find
from rebut.models.local.options import Options, split
from rebut.models.script import count_tokens
from rebut.models.scripted import ScriptedBackend
from rebut.models.wire import Backend, Message
from rebut.settings import Settings

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


def folder() -> Path:
    """SmolLM2-135M-Instruct in the format of Hugging Face."""
    usual = Path(platformdirs.user_cache_dir("rebut", appauthor=False)) / "vllm-cpu/smollm2-135m-instruct"
    return Path(os.environ.get("REBUT_TEST_VLLM_MODEL") or usual)


async def _count_by_tokenizer(messages: Sequence[Message]) -> int:
    tokenizer = importlib.import_module("transformers").AutoTokenizer.from_pretrained(folder())
    chat = [{"role": m.role, "content": m.content} for m in messages]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


async def _in_process(module: str, kind: str, model: str, unknown: str) -> AsyncGenerator[Subject]:
    if not (folder() / "config.json").is_file():
        pytest.fail(f"no model in {folder()} (set REBUT_TEST_VLLM_MODEL)")
    factory: Callable[[], Backend] = getattr(importlib.import_module(f"rebut.models.{module}"), kind)
    backend = factory()
    yield Subject(
        name=module,
        backend=backend,
        model=model,
        fresh=factory,
        unknown=unknown,
        context=CONTEXT,
        count=_count_by_tokenizer,
        after_close=False,
    )
    await backend.close()
    await backend.close()


@asynccontextmanager
async def vllm(home: Path) -> AsyncGenerator[Subject]:
    """vLLM in this process."""
    model = f"vllm/{folder()}?ctx={CONTEXT}"
    async for subject in _in_process("vllm", "VllmBackend", model, "vllm//nowhere/at-all"):
        yield subject


@asynccontextmanager
async def transformers(home: Path) -> AsyncGenerator[Subject]:
    """Hugging Face transformers in this process."""
    model = f"transformers/{folder()}?ctx={CONTEXT}"
    async for subject in _in_process("transformers", "TransformersBackend", model, "transformers//nowhere"):
        yield subject
