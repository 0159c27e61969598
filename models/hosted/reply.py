"""What a server of OpenAI's protocol answered, read strictly: what is missing is an error, no default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from rebut.errors import ModelGarbled
from rebut.records import Usage

from ..prices import Price
from ..wire import Completion, Finish, Request, Response, Sink, TokenLogprob

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "error": "error",
    "abort": "error",
}
"""Other reasons (``eos``, ``end_turn``, ``stop_sequence``) are a plain stop."""


def response_of(
    data: Mapping[str, Any], request: Request, price: Price | None, seconds: float, paid: float | None = None
) -> Response:
    """The response that a chat completion object says.

    Args:
        paid: US dollars, where the server said so in a header.

    Raises:
        ModelGarbled: no choices, or not the protocol.
    """
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ModelGarbled("the reply has no choices", model=request.model)
    try:
        if len(choices) > 1:
            choices = sorted(choices, key=_index)
        completions = tuple([completion_of(choice, request.logprobs) for choice in choices])
        usage = usage_of(data.get("usage") or {}, completions, request, price, paid)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelGarbled(
            f"the reply is not a chat completion ({reason[:200]})", model=request.model
        ) from None
    return Response(
        completions=completions,
        usage=usage,
        model=request.model,
        seconds=seconds,
        id=str(data.get("id") or ""),
    )


def _index(choice: Mapping[str, Any]) -> int:
    return int(choice.get("index", 0))


def completion_of(choice: Mapping[str, Any], kept: int | None = None) -> Completion:
    """One choice, with as many alternatives per token as were asked for; None for all there are."""
    message = choice["message"]
    text, finish = (
        text_of(message.get("content")),
        FINISHES.get(choice.get("finish_reason") or "stop", "stop"),
    )
    if not text and (refusal := message.get("refusal")):
        text, finish = str(refusal), "content_filter"
    logprobs = choice.get("logprobs")
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if logprobs is None and reasoning is None:
        return Completion(text=text, finish=finish)
    tokens = (logprobs or {}).get("content")
    return Completion(
        text=text,
        finish=finish,
        logprobs=None if tokens is None else logprobs_of(tokens, kept),
        reasoning=str(reasoning) if reasoning else None,
    )


def text_of(content: Any) -> str:
    """A message's text, which some servers give in parts."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    return "".join(part.get("text") or "" for part in content)


def logprobs_of(tokens: list[Mapping[str, Any]], kept: int | None = None) -> tuple[TokenLogprob, ...]:
    """Token log-probabilities; servers write minus infinity as a very low number or as null.

    Some give alternatives that nobody asked for: only the `kept` likeliest are taken, the likeliest first.
    """
    return tuple(
        TokenLogprob(
            str(token["token"]),
            _logprob(token["logprob"]),
            _likeliest(token.get("top_logprobs") or (), kept),
        )
        for token in tokens
    )


def _likeliest(tokens: Sequence[Mapping[str, Any]], kept: int | None) -> tuple[tuple[str, float], ...]:
    pairs = [(str(token["token"]), _logprob(token["logprob"])) for token in tokens]
    return tuple(sorted(pairs, key=lambda pair: -pair[1])[:kept])


def _logprob(value: float | None) -> float:
    return -9999.0 if value is None else max(float(value), -9999.0)


def usage_of(
    usage: Mapping[str, Any],
    completions: tuple[Completion, ...],
    request: Request,
    price: Price | None,
    paid: float | None = None,
) -> Usage:
    """What the server counted; where it counted nothing, upper bounds from the bytes."""
    if usage.get("prompt_tokens") is None:
        prompt, completion = _bounds(completions, request)
    else:
        prompt, completion = _count(usage["prompt_tokens"]), _count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens") if details else usage.get("prompt_cache_hit_tokens"))
    thought = usage.get("completion_tokens_details")
    cost = usage.get("cost", paid)
    if cost is None or float(cost) < 0:
        written = _count(usage.get("cache_creation_input_tokens"))
        cost = None if price is None else price.of(prompt, completion, cached, written)
    return Usage(
        calls=request.n,
        requests=1,
        prompt=prompt,
        completion=completion,
        cached=cached,
        reasoning=_count(thought.get("reasoning_tokens")) if thought else 0,
        usd=None if cost is None else float(cost),
    )


def _count(value: Any) -> int:
    """A number of tokens; a server may not give budget back by counting below zero."""
    return max(0, int(value or 0))


def _bounds(completions: tuple[Completion, ...], request: Request) -> tuple[int, int]:
    prompt = sum(len(m.content.encode("utf-8", "replace")) + 16 for m in request.messages)
    most = request.max_tokens
    sizes = (len(c.text.encode("utf-8", "replace")) for c in completions)
    return prompt, sum(size if most is None else min(size, most) for size in sizes)


def parse(raw: bytes, model: str, kind: str, hide: Callable[[str], str]) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        ModelGarbled: something else; the message quotes its beginning.
    """
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        start = hide(raw[:160].decode("utf-8", "replace"))
        raise ModelGarbled(
            f"the reply is not JSON ({kind or 'no content type'}): {start!r}", model=model
        ) from None
    if not isinstance(data, dict):
        raise ModelGarbled(f"the reply is a JSON {type(data).__name__}, not an object", model=model)
    return data


def pass_on(response: Response, sink: Sink) -> None:
    """The text of a server that does not stream, in one piece."""
    for index, completion in enumerate(response.completions):
        if completion.text:
            sink(index, completion.text)
