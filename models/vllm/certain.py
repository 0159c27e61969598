"""Completions with the self-certainty of each of their tokens (Kang et al. 2025, arXiv:2502.18581)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rebut.errors import ModelGarbled
from rebut.records import Usage

from ..hosted.reply import FINISHES
from ..wire import Completion, Inside, Request, TokenLogprob
from .condensed import condensing, row_of
from .engine import Engine
from .options import Options
from .prompts import Decoder
from .reply import Hear
from .sampling import built
from .thoughts import Thoughts

Answer = tuple[tuple[Completion, ...], Usage]


async def certain(
    engine: Engine,
    options: Options,
    request: Request,
    prompt: list[int],
    chosen: Mapping[str, Any],
    hear: Hear | None,
) -> Answer:
    """The completions, side by side.

    Each token comes with the log-probabilities of the whole vocabulary. vLLM would make a text of each of
    them, so what is written is turned into text here, and stop strings are looked for here.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_one(engine, options, request, prompt, _single(chosen, index), index, hear))
            for index in range(chosen["n"])
        ]
    replies = [task.result() for task in tasks]
    usage = Usage(
        calls=len(replies),
        requests=1,
        prompt=len(prompt),
        cached=min(min(reply.cached for reply in replies), len(prompt)),
        completion=sum(len(reply.ids) for reply in replies),
        usd=0.0,
    )
    return tuple(reply.completion for reply in replies), usage


def _single(chosen: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The parameters of one of several completions, drawn as vLLM would draw it."""
    single = {name: value for name, value in chosen.items() if name not in ("n", "stop")}
    if single.get("seed") is not None:
        single["seed"] += index
    return single | {"logprobs": -1, "flat_logprobs": True, "detokenize": False}


@dataclass
class _Reply:
    """One completion."""

    completion: Completion
    ids: list[int] = field(default_factory=list)
    cached: int = 0


async def _one(
    engine: Engine,
    options: Options,
    request: Request,
    prompt: list[int],
    single: dict[str, Any],
    index: int,
    hear: Hear | None,
) -> _Reply:
    thoughts = Thoughts(options.reasoning, engine.tokenizer, prompt) if options.reasoning else None
    special = bool(thoughts and thoughts.special) or single.get("skip_special_tokens") is False
    writing = Writing(Decoder(engine.tokenizer, prompt, special), request.stop, request.logprobs)
    cached = 0
    with condensing(request.logprobs or 0):
        async for output in engine.outputs(prompt, built(single, stream=True), options.lora):
            cached = max(cached, output.num_cached_tokens or 0)
            piece = output.outputs[0]
            new = writing.add(piece.token_ids, piece.logprobs, piece.finish_reason)
            heard = thoughts.feed(new, piece.token_ids) if thoughts and new else new
            if hear is not None and heard:
                hear(index, heard)
            if writing.finish is not None:
                break
    completion = writing.completion(request.model)
    if thoughts:
        reasoning, text = thoughts.split(completion.text)
        completion = replace(completion, text=text, reasoning=reasoning)
    return _Reply(completion, writing.ids, cached)


class Writing:
    """A completion that is decoded and looked through for stop strings here.

    Attributes:
        finish: vLLM's reason, or None while it is written.
    """

    def __init__(self, decoder: Decoder, stop: Sequence[str], logprobs: int | None) -> None:
        self._decoder, self._stop, self._kept = decoder, stop, logprobs
        self._hold = max(map(len, stop), default=1) - 1
        self._text, self._said = "", 0
        self._certainty: list[float] = []
        self._tokens: list[TokenLogprob] = []
        self.ids: list[int] = []
        self.finish: str | None = None

    def add(self, tokens: Sequence[int], rows: Any, finish: str | None) -> str:
        """Take new tokens with the rows of their log-probabilities; returns the text that is now settled."""
        for place, token in enumerate(tokens):
            self.ids.append(token)
            self._measure(rows, place, token)
            if self._stops():
                break
        self.finish = self.finish or finish
        if not self._stop:
            self._text = self._decoder.text(self.ids)
        return self._settled()

    def _stops(self) -> bool:
        if not self._stop:
            return False
        self._text = self._decoder.text(self.ids)
        found = [at for s in self._stop if (at := self._text.find(s)) >= 0]
        if found:
            self._text, self.finish = self._text[: min(found)], "stop"
        return bool(found)

    def _settled(self) -> str:
        end = len(self._text)
        if self.finish is None:
            end = max(self._said, len(self._text.rstrip("\ufffd")) - self._hold)
        new = self._text[self._said : end]
        self._said = end
        return new

    def _measure(self, rows: Any, place: int, token: int) -> None:
        row = row_of(rows[place], token, self._kept or 0, self._decoder.token)
        self._certainty.append(row.certainty)
        if self._kept is not None:
            self._tokens.append(row.token)

    def completion(self, model: str) -> Completion:
        """The completion, once it has ended.

        Raises:
            ModelGarbled: it has not.
        """
        if self.finish is None:
            raise ModelGarbled("the engine stopped before the reply was complete", model=model)
        return Completion(
            text=self._text,
            finish=FINISHES.get(self.finish, "stop"),
            logprobs=tuple(self._tokens) if self._kept is not None else None,
            inside=Inside(certainty=tuple(self._certainty)),
        )
