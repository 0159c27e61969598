"""Between rebut's requests and responses and the chat protocol of llama.cpp's server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rebut.errors import ModelBusy, ModelError, ModelGarbled, ModelRefused, ModelUnavailable
from rebut.records import Usage

from ..wire import Completion, Finish, Message, Request, TokenLogprob

_RANDOM = 2**32 - 1  # llama.cpp's seed for "any seed"
_FINISHES: Mapping[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


def body_of(request: Request, n: int, first: int = 0) -> dict[str, Any]:
    """The body of a request for the completions `first` to `first + n - 1` of `request.n`.

    It streams, with progress: each piece is a chance to stop early, also while the prompt is read.
    """
    body: dict[str, Any] = {
        **request.extra,
        "messages": [_message(m) for m in _said(request)],
        "n": n,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": True,
    }
    optional = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": None if request.seed is None else (request.seed + first) % _RANDOM,
    }
    body.update({key: value for key, value in optional.items() if value is not None})
    if request.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": dict(request.schema)}}
    if request.logprobs is not None or _certain(request):  # without them it does not name its tokens
        body.update(logprobs=True, top_logprobs=max(1, request.logprobs or 1))
    return body


def _certain(request: Request) -> bool:
    return request.probe is not None and request.probe.certainty


def _said(request: Request) -> tuple[Message, ...]:
    """The messages, without an empty beginning of the reply: the engine would take it for the reply."""
    last = request.messages[-1] if request.messages else None
    begun = last is not None and last.role == "assistant" and not last.content
    return request.messages[:-1] if begun else request.messages


def _message(message: Message) -> dict[str, str]:
    # Half of a surrogate pair is no text that any tokenizer knows; it would end the call with a TypeError.
    text = message.content.encode("utf-8", "replace").decode("utf-8")
    return {"role": message.role, "content": text}


Piece = tuple[int, str]
"""A token that was written and its text; of a character of several tokens the last, with the character."""


@dataclass
class _Reply:
    """One completion while it is written."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tokens: list[TokenLogprob] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    finish: Finish | None = None


class Reader:
    """Puts the pieces of a stream together."""

    def __init__(self, request: Request, n: int) -> None:
        self._request = request
        self._replies = [_Reply() for _ in range(n)]
        self._prompt = self._cached = self._written = 0

    def feed(self, chunk: Mapping[str, Any]) -> list[tuple[int, str]]:
        """Take in a piece; returns what it adds to which completion.

        Raises:
            ModelError: the piece is an error.
        """
        if "error" in chunk or "choices" not in chunk:
            raise error_of(chunk.get("error", chunk), self._request.model)
        self._count(chunk.get("usage") or {})
        return [piece for choice in chunk["choices"] for piece in self._choice(choice)]

    def _choice(self, choice: Mapping[str, Any]) -> list[tuple[int, str]]:
        index = choice.get("index", 0)
        reply, delta = self._replies[index], choice.get("delta") or {}
        if choice.get("finish_reason"):
            reply.finish = _FINISHES.get(choice["finish_reason"], "stop")
        if thought := delta.get("reasoning_content"):
            reply.reasoning.append(thought)
        tokens = (choice.get("logprobs") or {}).get("content") or []
        if self._request.logprobs is not None:
            kept = self._request.logprobs
            reply.tokens += [_token(t, kept) for t in tokens]
        reply.pieces += [(t["id"], t["token"]) for t in tokens if "id" in t]
        text = delta.get("content")
        if not text:
            return []
        reply.text.append(text)
        return [(index, text)]

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Each completion reports the one prompt that all of them share."""
        if usage:
            self._prompt = max(self._prompt, usage.get("prompt_tokens", 0))
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            self._cached = max(self._cached, cached)
            self._written += usage.get("completion_tokens", 0)

    def completions(self) -> tuple[Completion, ...]:
        """The completions, once the stream has ended.

        Raises:
            ModelGarbled: it ended too early.
        """
        if any(reply.finish is None for reply in self._replies):
            raise ModelGarbled("the engine stopped before the reply was complete", model=self._request.model)
        wanted = self._request.logprobs is not None
        return tuple(
            Completion(
                text="".join(r.text),
                finish=r.finish or "stop",
                logprobs=tuple(r.tokens) if wanted else None,
                reasoning="".join(r.reasoning) or None,
            )
            for r in self._replies
        )

    def pieces(self) -> list[list[Piece]]:
        """What each completion was written with; told where log-probabilities or certainty are asked for."""
        return [reply.pieces for reply in self._replies]

    def usage(self, seconds: float) -> Usage:
        """What the stream used, by the engine's own count; it costs nothing."""
        return Usage(
            calls=len(self._replies),
            requests=1,
            prompt=self._prompt,
            cached=self._cached,
            completion=self._written,
            usd=0.0,
            seconds=seconds,
        )


def refused(bad: Exception, model: str) -> ModelRefused:
    """The error for a request that the engine did not take: a schema, a template, a parameter."""
    return ModelRefused(f"the local engine refuses the request: {bad}", model=model, status=400)


def _token(data: Mapping[str, Any], kept: int) -> TokenLogprob:
    top = tuple((t["token"], float(t["logprob"])) for t in data.get("top_logprobs") or [])
    return TokenLogprob(data["token"], float(data["logprob"]), top[:kept])


def error_of(error: Any, model: str) -> ModelError:
    """The error that the engine's own words mean."""
    facts: Mapping[str, Any] = error if isinstance(error, Mapping) else {"message": str(error)}
    code, text = int(facts.get("code", 500)), facts.get("message", "unknown error")
    if facts.get("type") == "exceed_context_size_error":
        tokens, ctx = facts.get("n_prompt_tokens"), facts.get("n_ctx")
        return ModelRefused(
            f"the prompt of {tokens} tokens does not fit into the context of {ctx} tokens; "
            f"ask for more with local/NAME?ctx=TOKENS, up to what the model was trained for",
            model=model,
            status=400,
        )
    if code == 503:
        return ModelBusy(f"the local engine is busy: {text}", model=model, status=code)
    if 400 <= code < 500:
        return refused(ValueError(text), model)
    return ModelUnavailable(f"the local engine failed: {text}", model=model, status=code)
