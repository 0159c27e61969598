"""From messages to the tokens of a prompt, by the chat template of the model's tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rebut.errors import ModelRefused

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
    messages = [{"role": m.role, "content": _sound(m.content)} for m in request.messages]
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


def _sound(text: str) -> str:
    # Half of a surrogate pair is no text that any tokenizer knows.
    return text.encode("utf-8", "replace").decode("utf-8")


def spellings(tokenizer: Any, label: str) -> list[tuple[int, ...]]:
    """The token sequences that write a label: as it stands and after a space, each once.

    They are read off a text in which the label follows a line break, since some tokenizers put a space of
    their own before the first word of a text.
    """
    return list(dict.fromkeys(_spellings(tokenizer, _sound(label))))


def _spellings(tokenizer: Any, label: str) -> Iterator[tuple[int, ...]]:
    before = _ids(tokenizer, "\n")
    for text in (label, f" {label}"):
        whole = _ids(tokenizer, f"\n{text}")
        apart = len(whole) > len(before) and whole[: len(before)] == before
        yield whole[len(before) :] if apart else _ids(tokenizer, text)


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
