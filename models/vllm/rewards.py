"""What a reward model thinks of the last message: one number for the whole, or one for each step."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

from rebut.records import Usage

from ..wire import Completion, Inside, Message, Request
from .engine import Engine
from .failures import refused, too_long
from .options import Options
from .prompts import conversation_of, tokens_of

STEP = "<extra_0>"
"""The token behind each step where the model string names none (Qwen2.5-Math-PRM; Zhang et al. 2025)."""


class Judge(Protocol):
    """A reward model, in this process or on a server."""

    async def conversation(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a conversation that is complete."""
        ...

    async def tokens(self, text: str) -> tuple[int, ...]:
        """The tokens of a text that follows other text."""
        ...

    async def pooled(self, prompt: list[int], task: str) -> list[Any]:
        """The raw outputs: numbers, or a row of them for each token."""
        ...


async def rewards_of(
    judge: Judge, options: Options, request: Request
) -> tuple[tuple[Completion, ...], Usage]:
    """The judgement of the last message, in the raw outputs of the model.

    Raises:
        ModelRefused: no judgement is asked for, or it is none that this model can give.
    """
    probe = request.probe
    if probe is None or not probe.reward:
        raise refused("a reward model writes nothing: ask for its judgement (a scorer)", request.model)
    if not options.pools:
        raise refused("no reward model (say runner=pooling in its model string)", request.model)
    if not request.messages or request.messages[-1].role != "assistant":
        raise refused("the last message, which is judged, must be an assistant's", request.model)
    if probe.reward == "steps":
        rewards, read = await _of_steps(judge, options, request, probe.steps)
    else:
        rewards, read = await _of_outcome(judge, request)
    completion = Completion(text="", inside=Inside(rewards=tuple(rewards)))
    return (completion,) * request.n, Usage(calls=request.n, requests=1, prompt=read, usd=0.0)


async def _of_outcome(judge: Judge, request: Request) -> tuple[list[float], int]:
    prompt = await judge.conversation(request.messages)
    return [one_number(await judge.pooled(prompt, "classify"), request.model)], len(prompt)


async def _of_steps(
    judge: Judge, options: Options, request: Request, steps: Sequence[str]
) -> tuple[list[float], int]:
    mark = options.step or STEP
    ids = await judge.tokens(mark)
    if len(ids) != 1:
        raise refused(
            f"{mark!r} is not one token of the model; name the token behind each step (step=TOKEN)",
            request.model,
        )
    prompt = await judge.conversation(marked(request.messages, steps, mark))
    places = [at for at, token in enumerate(prompt) if token == ids[0]]
    if not steps or len(places) != len(steps):
        raise refused(f"{len(steps)} steps, but {len(places)} marks {mark!r} in the prompt", request.model)
    outputs = await judge.pooled(prompt, "token_classify")
    rows = at_places(outputs, places, len(prompt), request.model)
    return [one_number(row, request.model) for row in rows], len(prompt)


def marked(messages: Sequence[Message], steps: Sequence[str], mark: str) -> list[Message]:
    """The conversation with the mark behind each step of its last message."""
    text = "".join(step.strip() + mark for step in steps)
    return [*messages[:-1], Message("assistant", text)]


def at_places(rows: list[Any], places: list[int], length: int, model: str) -> list[list[float]]:
    """The rows at the marks, of a model that gives them alone or of one that gives a row for each token."""
    if len(rows) == length:
        rows = [rows[place] for place in places]
    if len(rows) != len(places):
        raise refused(f"{len(rows)} outputs for {len(places)} steps: no process reward model", model)
    return [row if isinstance(row, list) else [row] for row in rows]


def one_number(outputs: Sequence[float], model: str) -> float:
    """A judgement in one number: the only output, or the log-odds of good against bad."""
    if len(outputs) == 1:
        return float(outputs[0])
    if len(outputs) == 2:
        return float(outputs[1]) - float(outputs[0])
    raise refused(f"{len(outputs)} outputs where a reward model gives one, or bad and good", model)


class Here:
    """A reward model in this process."""

    def __init__(self, engine: Engine, model: str) -> None:
        self._engine, self._model = engine, model

    async def conversation(self, messages: Sequence[Message]) -> list[int]:
        """See `Judge`."""
        return conversation_of(self._engine.tokenizer, messages, self._model)

    async def tokens(self, text: str) -> tuple[int, ...]:
        """See `Judge`."""
        return tokens_of(self._engine.tokenizer, text)

    async def pooled(self, prompt: list[int], task: str) -> list[Any]:
        """See `Judge`.

        Raises:
            ModelRefused: too long for the context, or nothing that the model does.
        """
        if len(prompt) > self._engine.ctx:
            raise too_long(len(prompt), self._engine.ctx, self._model)
        possible = await self._engine.tasks()
        if task not in possible:
            raise refused(f"the model does not {task} (it can {', '.join(possible)})", self._model)
        params = import_module("vllm.pooling_params").PoolingParams(task=task, use_activation=False)
        output = await self._engine.pooled(prompt, params)
        if getattr(output, "error", None) is not None:
            raise refused(output.error.message, self._model)
        data: Any = output.outputs.data.float().tolist()
        return data if isinstance(data, list) else [data]
