"""One call of an engine, on the engine's own thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rebut.records import Usage

from ..wire import Completion, Inside, Request
from .certain import certain
from .engine import Engine
from .failures import refused, too_long
from .labels import label_logprobs
from .options import Options
from .prompts import prompt_of
from .reply import Hear, Reader, repeated
from .rewards import Here, rewards_of
from .sampling import TEMPLATE, built, parameters
from .thoughts import Thoughts

Answer = tuple[tuple[Completion, ...], Usage]


async def answer(engine: Engine, options: Options, request: Request, hear: Hear | None) -> Answer:
    """What the request asks for: completions, with a look inside, or a judgement.

    Raises:
        ModelRefused: too long for the context, or nothing that this engine can do.
    """
    if request.n < 1:
        raise refused(f"{request.n} completions (from 1)", request.model)
    probe = request.probe
    if options.pools or (probe is not None and probe.reward):
        return await rewards_of(Here(engine, request.model), options, request)
    if probe is not None and probe.layers:
        raise refused("the layers of a network cannot be seen through vLLM", request.model)
    template = request.extra.get(TEMPLATE)
    prompt = prompt_of(engine.tokenizer, request.messages, request.model, template)
    if len(prompt) >= engine.ctx:
        raise too_long(len(prompt), engine.ctx, request.model)
    completions, usage = await _written(engine, options, request, prompt, hear)
    if probe is not None and probe.labels:
        found = await label_logprobs(engine, prompt, probe.labels, options.lora, request.model)
        completions = tuple(_with_labels(c, found) for c in completions)
    return completions, usage


async def _written(
    engine: Engine, options: Options, request: Request, prompt: list[int], hear: Hear | None
) -> Answer:
    chosen = parameters(request, engine.defaults, engine.ctx - len(prompt))
    n = int(chosen["n"])
    copies = request.n if n == 1 else 1

    def hear_all(index: int, text: str) -> None:
        for copy in range(copies):
            if hear is not None:
                hear(index + copy, text)

    listener = hear_all if hear is not None else None
    if request.probe is not None and request.probe.certainty:
        completions, usage = await certain(engine, options, request, prompt, chosen, listener)
    else:
        completions, usage = await _plain(engine, options, request, prompt, chosen, listener)
    return repeated(completions, request.n), usage.model_copy(update={"calls": request.n})


async def _plain(
    engine: Engine,
    options: Options,
    request: Request,
    prompt: list[int],
    chosen: dict[str, Any],
    hear: Hear | None,
) -> Answer:
    """All completions of one prefill."""

    def fresh() -> Thoughts:
        return Thoughts(options.reasoning, engine.tokenizer, prompt)

    if options.reasoning and fresh().special:
        chosen = {**chosen, "skip_special_tokens": False}
    reader = Reader(request, int(chosen["n"]), fresh if options.reasoning else None, hear)
    async for output in engine.outputs(prompt, built(chosen, stream=hear is not None), options.lora):
        reader.feed(output)
    return reader.completions(), reader.usage()


def _with_labels(completion: Completion, found: tuple[float, ...]) -> Completion:
    return replace(completion, inside=replace(completion.inside or Inside(), labels=found))
