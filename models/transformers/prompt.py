"""From messages to the tokens of a prompt, by the chat template of the model's tokenizer."""

from __future__ import annotations

from typing import Any

from rebut.errors import ModelRefused

from ..spelling import Encode, sound
from ..wire import Request


def tokens_of(tokenizer: Any, request: Request, ctx: int) -> list[int]:
    """The prompt of a request; a last assistant message is the beginning of the reply.

    Raises:
        ModelRefused: the model has no chat template, or one that does not take such messages; or the prompt
            leaves no room for a token in the context of `ctx` tokens.
    """
    text = _text(tokenizer, request)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) >= ctx:
        raise ModelRefused(
            f"the prompt of {len(ids)} tokens does not fit into the context of {ctx} tokens; "
            f"ask for more with transformers/NAME?ctx=TOKENS, up to what the model was trained for",
            model=request.model,
            status=400,
        )
    return ids


def _text(tokenizer: Any, request: Request) -> str:
    if not getattr(tokenizer, "chat_template", None):
        raise ModelRefused(
            f"{request.model} has no chat template: a base model, not one that was taught to answer "
            "(take its instruct or chat variant)",
            model=request.model,
        )
    messages = [{"role": m.role, "content": sound(m.content)} for m in request.messages]
    prefill = messages.pop()["content"] if messages and messages[-1]["role"] == "assistant" else ""
    try:
        said: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as bad:  # errors of the template's engine, or whatever its expressions raise
        raise ModelRefused(
            f"the chat template of {request.model} does not take the messages: {bad}",
            model=request.model,
            status=400,
        ) from None
    return said + prefill


def encoder(tokenizer: Any) -> Encode:
    """A tokenizer of transformers, as a function from a text to its tokens."""
    return lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
