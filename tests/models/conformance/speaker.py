"""A scripted back end that keeps every promise of the protocol: what it says follows from the request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from rebut.models.script import EVERYTHING, Scripted, count_tokens
from rebut.models.wire import Capabilities, Completion, Finish, Request, Response, Sink, TokenLogprob

WORDS = (
    "Paris", "is", "the", "capital", "of", "France", "and", "it", "has", "been", "so", "for", "years", "🗼",
)  # fmt: skip
PACE = 0.002
"""Seconds for a token of a reply without end."""


class Speaker(Scripted):
    """Draws words by the seed, in the number asked for; `working` counts the calls that it is busy with."""

    def __init__(self, can: Capabilities = EVERYTHING) -> None:
        super().__init__(self.say, can=can)
        self.working = 0
        self._last: Request | None = None
        self._index = 0

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.delay = PACE * (request.max_tokens or 0) if request.extra.get("ignore_eos") else 0.0
        self._last = None
        self.working += 1
        try:
            return await super().complete(request, sink)
        finally:
            self.working -= 1

    def say(self, request: Request) -> Completion:
        """The next completion of the request."""
        self._index = self._index + 1 if request is self._last else 0
        self._last = request
        if request.schema is not None:
            return Completion(text=json.dumps(_fitting(request.schema), ensure_ascii=False))
        likely, tokens = self._tokens(request, None), self._tokens(request, self._draw(request))
        finish: Finish = "length" if len(tokens) == request.max_tokens else "stop"
        pairs = zip(tokens, likely, strict=True)
        logprobs = tuple(_logprob(said, best, request.logprobs or 0) for said, best in pairs)
        return Completion(text="".join(tokens), finish=finish, logprobs=logprobs)

    def _draw(self, request: Request) -> tuple[int | None, int] | None:
        """What a completion hangs on beside its prompt; None where nothing is left to chance."""
        greedy = request.temperature == 0 or (request.top_p or 1) < 0.01
        return None if greedy else (request.seed, self._index)

    def _tokens(self, request: Request, draw: tuple[int | None, int] | None) -> list[str]:
        said = [m.content for m in request.messages if m.role != "assistant"]
        chance = Random(repr((said, draw)))
        words = [chance.choice(WORDS) for _ in range(1000 if request.extra.get("ignore_eos") else 40)]
        whole = [words[0], *(" " + word for word in words[1:])]
        begun = request.messages[-1].content if request.messages[-1].role == "assistant" else ""
        skipped = count_tokens(begun)
        return whole[skipped : skipped + (request.max_tokens or len(whole))]


def _logprob(said: str, likely: str, kept: int) -> TokenLogprob:
    """The likely token has the same probability whichever was drawn."""
    top = [(likely, -0.5), *((f" other{i}", -1.5 - i) for i in range(kept))]
    return TokenLogprob(said, -0.5 if said == likely else -4.0, tuple(top[:kept]))


def _fitting(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """A value that fits a schema of the kinds that the examination uses."""
    root = root or schema
    if "$ref" in schema:
        return _fitting(root["$defs"][schema["$ref"].rsplit("/")[-1]], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _fitting(part, root) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        return [_fitting(schema["items"], root)] * int(schema.get("minItems", 1))
    return {"string": "é 🎉", "integer": 3, "number": 0.5, "boolean": True}[schema["type"]]
