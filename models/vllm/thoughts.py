"""What a reasoning model thinks aloud, apart from what it answers, by vLLM's own parsers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from rebut.errors import SettingsError, suggest


def check(name: str) -> None:
    """
    Raises:
        SettingsError: vLLM has no parser of that name.
    """
    _parser(name)


def _parser(name: str) -> Any:
    manager = import_module("vllm.reasoning").ReasoningParserManager
    try:
        return manager.get_reasoning_parser(name)
    except KeyError:
        known = list(manager.list_registered())
        raise SettingsError(f"vLLM has no reasoning parser {name!r}{suggest(name, known)}") from None


class Thoughts:
    """Splits one completion. A parser keeps state, so each completion has its own."""

    def __init__(self, name: str, tokenizer: Any, prompt: Sequence[int]) -> None:
        self._parser = _parser(name)(tokenizer)
        self._chat = _chat()
        if adjust := getattr(self._parser, "adjust_initial_state_from_prompt", None):
            adjust(prompt)
        self._text, self._tokens = "", list[int]()

    @property
    def special(self) -> bool:
        """Whether the parser must see special tokens."""
        adjusted = (
            self._parser.adjust_request(self._chat) if hasattr(self._parser, "adjust_request") else None
        )
        return adjusted is not None and not adjusted.skip_special_tokens

    def feed(self, text: str, tokens: Sequence[int]) -> str:
        """The part of a new piece that belongs to the answer."""
        before, read = self._text, self._tokens
        self._text, self._tokens = before + text, [*read, *tokens]
        piece = self._parser.extract_reasoning_streaming(
            before, self._text, text, read, self._tokens, list(tokens)
        )
        return (piece.content or "") if piece is not None else ""

    def split(self, text: str) -> tuple[str | None, str]:
        """The thoughts and the answer of a whole text."""
        reasoning, content = self._parser.extract_reasoning(text, self._chat)
        return reasoning or None, content or ""

    def count(self, tokens: Sequence[int]) -> int:
        """How many tokens were thoughts, as far as the parser can tell."""
        counter = getattr(self._parser, "count_reasoning_tokens", None)
        return int(counter(tokens)) if counter else 0


def _chat() -> Any:
    """The request of OpenAI's protocol that parsers want to see."""
    for place in ("openai.chat_completion", "openai"):
        try:
            module = import_module(f"vllm.entrypoints.{place}.protocol")
            return module.ChatCompletionRequest(messages=[{"role": "user", "content": ""}], model="model")
        except (ImportError, AttributeError):
            continue
    return None
