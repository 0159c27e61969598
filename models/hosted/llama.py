"""What is particular to llama.cpp's server, which is known by a header of its replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wire import Request
from .reply import text_of


def is_llama(headers: Mapping[str, str]) -> bool:
    """Whether a reply comes from llama.cpp's server.

    It notices only while it streams that a caller has left; else it writes on for nobody. And it gives a
    prefill back with what it added, unless it streams.
    """
    return headers.get("Server") == "llama.cpp"


def count_all(data: dict[str, Any], request: Request) -> None:
    """Complete the count of a reply in one piece: the server counts the tokens of the first choice alone."""
    usage, choices = data.get("usage"), data.get("choices")
    if isinstance(usage, dict) and isinstance(choices, list) and len(choices) > 1:
        others = (c for c in choices if isinstance(c, Mapping) and c.get("index"))
        usage["completion_tokens"] = usage.get("completion_tokens", 0) + sum(
            _most(c, request) for c in others
        )


def _most(choice: Mapping[str, Any], request: Request) -> int:
    """Tokens of a choice: as many as were allowed if that ended it, else an upper bound from the bytes."""
    if choice.get("finish_reason") == "length" and request.max_tokens is not None:
        return request.max_tokens
    size = len(text_of((choice.get("message") or {}).get("content")).encode("utf-8", "replace")) + 1
    return size if request.max_tokens is None else min(size, request.max_tokens)
