"""Marks where the cached part of a prompt ends, for providers that cache only what is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..leading import SHARED
from ..prefixes import text_of
from ..prices import traits_of
from ..wire import Message

LEAST = 1024
"""Tokens from which providers cache a prompt, where LiteLLM's table does not say."""

_MARKING = frozenset({"anthropic", "bedrock", "vertex_ai"})
_MARK = {"type": "ephemeral"}
_NEAR = 0.75  # of the shared part that a cut at the end of a line must keep


def takes_marks(model: str) -> bool:
    """Whether the provider caches only what is marked: Anthropic's models, wherever they run."""
    provider = model.partition("/")[0]
    return (
        provider in _MARKING and "claude" in model and bool(traits_of(model).get("supports_prompt_caching"))
    )


def least(model: str) -> int:
    """Tokens from which the provider caches the beginning of a prompt."""
    return int(traits_of(model).get("prompt_cache_min_tokens") or LEAST)


def marked(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages in OpenAI's words, with LiteLLM's mark at the end of what other requests begin with too.

    The mark stands at the end of a message or of a line, so that it stands at the same place for all of them.
    """
    found: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in messages]
    left = SHARED.get()
    last: int | None = None
    for index, message in enumerate(messages):
        whole = len(text_of((message,)))
        if whole > left:
            _split(found, index, len(message.content) - (whole - left), last)
            return found
        left -= whole
        last = index if message.role != "assistant" and message.content.strip() else last
    if last is not None:
        found[last]["content"] = [_part(messages[last].content, mark=True)]
    return found


def _split(found: list[dict[str, Any]], index: int, there: int, before: int | None) -> None:
    """Mark a message up to the last line that is shared, or else the message before it."""
    text: str = found[index]["content"]
    cut = text.rfind("\n", 0, max(0, there)) + 1
    if (
        found[index]["role"] != "assistant"
        and cut >= _NEAR * there
        and text[:cut].strip()
        and text[cut:].strip()
    ):
        found[index]["content"] = [_part(text[:cut], mark=True), _part(text[cut:])]
    elif before is not None:
        found[before]["content"] = [_part(found[before]["content"], mark=True)]


def _part(text: str, *, mark: bool = False) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"cache_control": _MARK} if mark else {})
