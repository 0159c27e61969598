"""How likely each of some texts is to be written next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module

from .engine import Engine
from .failures import refused, too_long
from .prompts import tokens_of
from .reply import finite
from .sampling import built

_MOST = 128  # ids for which vLLM gives single log-probabilities

Tokens = tuple[int, ...]


async def label_logprobs(
    engine: Engine, prompt: list[int], labels: Sequence[str], lora: str, model: str
) -> tuple[float, ...]:
    """The natural-log probability of each label: the sum over its tokens.

    The first tokens of all labels are asked for at once; a label of several tokens is followed along its own
    path, on a prompt that is by then in the cache.

    Raises:
        ModelRefused: a label is empty, or there is no room for the longest.
    """
    written = [tokens_of(engine.tokenizer, label) for label in labels]
    if not all(written):
        raise refused("a label without any text", model)
    longest = len(prompt) + max(map(len, written))
    if longest >= engine.ctx:
        raise too_long(longest, engine.ctx, model)
    wanted = followers(written)
    found: dict[Tokens, Mapping[int, float]] = {(): await _next(engine, prompt, wanted.pop(()), lora)}
    async with asyncio.TaskGroup() as group:
        tasks = {
            path: group.create_task(_next(engine, [*prompt, *path], ids, lora))
            for path, ids in wanted.items()
        }
    found |= {path: task.result() for path, task in tasks.items()}
    return tuple(
        finite(sum(found[tokens[:i]][token] for i, token in enumerate(tokens))) for tokens in written
    )


def followers(labels: Sequence[Tokens]) -> dict[Tokens, list[int]]:
    """For each beginning of a label, the tokens with which a label goes on.

    >>> followers([(1, 2), (1, 3), (4,)])
    {(): [1, 4], (1,): [2, 3]}
    """
    after: dict[Tokens, list[int]] = {}
    for tokens in labels:
        for i, token in enumerate(tokens):
            known = after.setdefault(tokens[:i], [])
            if token not in known:
                known.append(token)
    return after


async def _next(engine: Engine, prompt: list[int], ids: list[int], lora: str) -> Mapping[int, float]:
    """The log-probabilities of some tokens as the next one."""
    single = len(ids) <= _MOST and hasattr(
        import_module("vllm.sampling_params").SamplingParams, "logprob_token_ids"
    )
    asked = {"logprob_token_ids": ids} if single else {"logprobs": -1}
    params = built({"temperature": 0.0, "max_tokens": 1, "detokenize": False, **asked}, stream=False)
    row: Mapping[int, float] = {}
    async for output in engine.outputs(prompt, params, lora):
        row = {token: entry.logprob for token, entry in output.outputs[0].logprobs[0].items()}
    return row
