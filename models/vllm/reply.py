"""vLLM's outputs, put together to completions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rebut.errors import ModelGarbled
from rebut.records import Usage

from ..hosted.reply import FINISHES
from ..wire import Completion, Request, TokenLogprob
from .thoughts import Thoughts

LEAST = -9999.0
"""The log-probability of what is impossible; JSON knows no infinity."""

Hear = Callable[[int, str], None]


@dataclass
class _Reply:
    """One completion while it is written."""

    thoughts: Thoughts | None
    text: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    tokens: list[TokenLogprob] = field(default_factory=list)
    finish: str | None = None


class Reader:
    """Takes whole outputs, or pieces of them as they come."""

    def __init__(
        self, request: Request, n: int, thoughts: Callable[[], Thoughts] | None, hear: Hear | None
    ) -> None:
        self._request, self._hear = request, hear
        self._replies = [_Reply(thoughts() if thoughts else None) for _ in range(n)]
        self._prompt = 0
        self._cached: int | None = None

    def feed(self, output: Any) -> None:
        """Take one `RequestOutput`."""
        self._prompt = len(output.prompt_token_ids or ()) or self._prompt
        if output.num_cached_tokens is not None:
            least = self._cached if self._cached is not None else output.num_cached_tokens
            self._cached = min(least, output.num_cached_tokens)
        for piece in output.outputs:
            self._take(piece)

    def _take(self, piece: Any) -> None:
        reply = self._replies[piece.index]
        reply.text.append(piece.text)
        reply.ids.extend(piece.token_ids)
        reply.finish = piece.finish_reason or reply.finish
        if self._request.logprobs is not None and piece.logprobs is not None:
            kept = self._request.logprobs
            reply.tokens += [
                token_of(row, token, kept)
                for row, token in zip(piece.logprobs, piece.token_ids, strict=False)
            ]
        if self._hear is not None:
            text = reply.thoughts.feed(piece.text, piece.token_ids) if reply.thoughts else piece.text
            if text:
                self._hear(piece.index, text)

    def completions(self) -> tuple[Completion, ...]:
        """The completions, once the outputs have ended.

        Raises:
            ModelGarbled: they ended too early.
        """
        if any(reply.finish is None for reply in self._replies):
            raise ModelGarbled("the engine stopped before the reply was complete", model=self._request.model)
        return tuple(self._completion(reply) for reply in self._replies)

    def _completion(self, reply: _Reply) -> Completion:
        text, reasoning = "".join(reply.text), None
        if reply.thoughts:
            reasoning, text = reply.thoughts.split(text)
        logprobs = tuple(reply.tokens) if self._request.logprobs is not None else None
        finish = FINISHES.get(reply.finish or "", "stop")
        return Completion(text=text, finish=finish, logprobs=logprobs, reasoning=reasoning)

    def usage(self) -> Usage:
        """What was read and written, by the engine's own count."""
        return Usage(
            calls=len(self._replies),
            requests=1,
            prompt=self._prompt,
            cached=min(self._cached or 0, self._prompt),
            completion=sum(len(reply.ids) for reply in self._replies),
            reasoning=sum(r.thoughts.count(r.ids) for r in self._replies if r.thoughts),
            usd=0.0,
        )


def token_of(row: Mapping[int, Any], token: int, kept: int) -> TokenLogprob:
    """The chosen token and the `kept` likeliest, of vLLM's row of them."""
    ranked = sorted(row.values(), key=lambda entry: entry.rank or 0)
    top = tuple((str(entry.decoded_token), finite(entry.logprob)) for entry in ranked[:kept])
    chosen = row[token]
    return TokenLogprob(str(chosen.decoded_token), finite(chosen.logprob), top)


def finite(value: float) -> float:
    """A log-probability that can be written as JSON."""
    return max(float(value), LEAST)


def repeated(completions: Sequence[Completion], n: int) -> tuple[Completion, ...]:
    """As many as were asked for, of one that would be the same each time."""
    return tuple(completions) if len(completions) == n else tuple(completions[0] for _ in range(n))
