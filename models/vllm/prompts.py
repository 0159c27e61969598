"""A conversation as the tokens that the model reads, by the chat template of its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..wire import Message
from .failures import refused

_ANCHOR = "\n"


def prompt_of(
    tokenizer: Any, messages: Sequence[Message], model: str, template: Mapping[str, Any] | None = None
) -> list[int]:
    """The tokens after which the model writes; a last assistant message is left open, to be continued.

    Args:
        template: further variables for the chat template, such as ``{"enable_thinking": False}``.

    Raises:
        ModelRefused: the tokenizer has no chat template, or it does not take the messages.
    """
    if messages and messages[-1].role == "assistant" and not messages[-1].content:
        messages = messages[:-1]
    begun = bool(messages) and messages[-1].role == "assistant"
    return _rendered(
        tokenizer,
        messages,
        model,
        {"add_generation_prompt": not begun, "continue_final_message": begun, **(template or {})},
    )


def conversation_of(tokenizer: Any, messages: Sequence[Message], model: str) -> list[int]:
    """The tokens of a conversation that is complete, for a reward model to read.

    Raises:
        ModelRefused: as `prompt_of`.
    """
    return _rendered(tokenizer, messages, model, {"add_generation_prompt": False})


def _rendered(
    tokenizer: Any, messages: Sequence[Message], model: str, options: Mapping[str, Any]
) -> list[int]:
    if not messages:
        raise refused("a conversation without a message", model)
    chat = [{"role": m.role, "content": _sound(m.content)} for m in messages]
    try:
        tokens = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False, **options)
    except Exception as error:  # a template may raise anything
        if not getattr(tokenizer, "chat_template", "unknown"):
            raise refused("the model's tokenizer has no chat template: it is no chat model", model) from None
        raise refused(error, model) from None
    return [int(token) for token in tokens]


def _sound(text: str) -> str:
    """Half of a surrogate pair is no text that any tokenizer knows."""
    return text.encode("utf-8", "replace").decode("utf-8")


def tokens_of(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The tokens of a text that follows other text: without the blank that some tokenizers put before it."""
    anchor = list(tokenizer.encode(_ANCHOR, add_special_tokens=False))
    both = list(tokenizer.encode(_ANCHOR + _sound(text), add_special_tokens=False))
    if both[: len(anchor)] == anchor:
        return tuple(both[len(anchor) :])
    return tuple(tokenizer.encode(_sound(text), add_special_tokens=False))


class Decoder:
    """Text of tokens that follow a prompt; some tokenizers write a text's first token in a way of its own."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int], special: bool = False) -> None:
        self._tokenizer, self._special = tokenizer, special
        self._tail = list(prompt[-6:])
        self._before = self._decode(self._tail)

    def text(self, tokens: Sequence[int]) -> str:
        """What the tokens add to the prompt."""
        whole = self._decode([*self._tail, *tokens])
        if whole.startswith(self._before):
            return whole[len(self._before) :]
        return self._decode(list(tokens))

    def token(self, token: int) -> str:
        """One token by itself."""
        return str(self._tokenizer.decode([token]))

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=not self._special))
