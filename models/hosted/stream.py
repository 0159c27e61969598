"""Completions that arrive piece by piece: server-sent events of OpenAI's protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from rebut.errors import ModelGarbled

from ..wire import Sink
from .reply import text_of


class Assembly:
    """Puts the pieces of a streamed chat completion together again, and passes them on."""

    def __init__(self, model: str, sink: Sink | None) -> None:
        self.model, self.sink = model, sink
        self.id = ""
        self._usages: list[Mapping[str, Any]] = []
        self._within: Mapping[str, Any] | None = None
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk."""
        self.id = self.id or str(chunk.get("id") or "")
        if usage := chunk.get("usage"):
            if chunk.get("choices"):
                self._within = usage
            else:
                self._usages.append(usage)
        try:
            pieces = [self._add(choice) for choice in chunk.get("choices") or ()]
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            raise ModelGarbled(f"the stream is not a chat completion ({reason})", model=self.model) from None
        if self.sink is not None:
            for index, text in pieces:
                if text:
                    self.sink(index, text)

    def _add(self, choice: Mapping[str, Any]) -> tuple[int, str]:
        index, delta = int(choice.get("index", 0)), choice.get("delta") or {}
        so_far = self._choices.setdefault(index, {"text": [], "thought": [], "tokens": None, "finish": None})
        text = text_of(delta.get("content"))
        so_far["text"].append(text)
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            so_far["thought"].append(str(thought))
        if tokens := (choice.get("logprobs") or {}).get("content"):
            so_far["tokens"] = [*(so_far["tokens"] or ()), *tokens]
        so_far["finish"] = choice.get("finish_reason") or so_far["finish"]
        return index, text

    def finished(self) -> dict[str, Any]:
        """The chat completion as if it had come in one piece.

        Raises:
            ModelGarbled: the stream ended before every choice had.
        """
        if not self._choices or any(c["finish"] is None for c in self._choices.values()):
            raise ModelGarbled("the stream was cut off before its end", model=self.model)
        choices = [_whole(index, self._choices[index]) for index in sorted(self._choices)]
        return {"id": self.id, "choices": choices, "usage": self.usage}

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """The last count, for it covers all; llama.cpp gives one for each choice."""
        if len(self._usages) > 1 and len(self._usages) == len(self._choices):
            written = sum(int(u.get("completion_tokens") or 0) for u in self._usages)
            return {**self._usages[0], "completion_tokens": written}
        return self._usages[-1] if self._usages else self._within


def _whole(index: int, parts: Mapping[str, Any]) -> dict[str, Any]:
    message = {"content": "".join(parts["text"]), "reasoning_content": "".join(parts["thought"]) or None}
    logprobs = None if parts["tokens"] is None else {"content": parts["tokens"]}
    return {"index": index, "message": message, "finish_reason": parts["finish"], "logprobs": logprobs}


async def chunks(lines: AsyncIterator[bytes], model: str) -> AsyncIterator[Mapping[str, Any]]:
    """The objects in a stream of server-sent events, until ``[DONE]`` or its end.

    Raises:
        ModelGarbled: an event is not a JSON object.
    """
    async for line in lines:
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise ModelGarbled("the stream holds an event that is not JSON", model=model) from None
        if not isinstance(chunk, dict):
            raise ModelGarbled("the stream holds an event that is not an object", model=model)
        yield chunk
