"""A request's options in OpenAI's words, the tongue that LiteLLM translates from."""

from __future__ import annotations

from typing import Any

import orjson

from ..leading import SHARED
from ..wire import Request
from .body import response_format, words_of
from .marks import marked, takes_marks


def messages_of(request: Request) -> list[dict[str, Any]]:
    """The messages, new ones for each call: some transformations change them."""
    if SHARED.get() and takes_marks(request.model) and not any(m.images for m in request.messages):
        return marked(request.messages)
    return [words_of(message) for message in request.messages]


def options_of(request: Request) -> dict[str, Any]:
    """The options that the request sets."""
    options: dict[str, Any] = {
        "n": request.n if request.n != 1 else None,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "response_format": None if request.schema is None else response_format(request.schema),
        "logprobs": None if request.logprobs is None else True,
        "top_logprobs": request.logprobs or None,
    }
    return {name: value for name, value in options.items() if value is not None}


def key_of(options: dict[str, Any]) -> bytes:
    """The options as a key for a cache."""
    return orjson.dumps(options, option=orjson.OPT_SORT_KEYS)
