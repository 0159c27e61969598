"""Small deeds on chat messages: joining turns, a prefill apart, and a reply sent back to be mended."""

from __future__ import annotations

from collections.abc import Sequence

from ..models.wire import Message, Role
from .answers.surface import visible
from .quoting import defused

_LONGEST_ECHO = 4000


def add(said: list[Message], role: Role, content: str) -> None:
    """Append a message; an empty one is left out, and one of the last one's role is joined to it.

    Many chat templates refuse two turns of one role in a row.
    """
    if content and said and said[-1].role == role:
        said[-1] = Message(role, f"{said[-1].content}\n\n{content}", said[-1].images)
    elif content:
        said.append(Message(role, content))


def without_prefill(messages: Sequence[Message]) -> tuple[tuple[Message, ...], str]:
    """The messages up to the last turn that is not the assistant's, and the prefill behind it (or "")."""
    if messages and messages[-1].role == "assistant":
        return tuple(messages[:-1]), messages[-1].content
    return tuple(messages), ""


def continued(prefill: str, text: str) -> str:
    """The whole reply, when a back end returned only what it added, or began anew all the same."""
    return text if not prefill or text.lstrip().startswith(prefill) else prefill + text


def asked_again(messages: Sequence[Message], reply: str, complaint: str) -> tuple[Message, ...]:
    """The same conversation, the reply that did not fit, and what is wrong with it.

    Thoughts are left out, and a runaway reply is shortened in the middle, to spare a small model's context.
    What a chat template could take for the end of a message is broken up, as in every prompt.
    """
    said = list(without_prefill(messages)[0])
    reply = visible(reply)
    if len(reply) > _LONGEST_ECHO:
        half = _LONGEST_ECHO // 2
        reply = f"{reply[:half]}\n[...]\n{reply[-half:]}"
    add(said, "assistant", defused(reply.strip()))
    add(said, "user", defused(complaint))
    return tuple(said)
