"""Where prompts begin alike: what servers with a prefix cache read once and need not read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .wire import Message

LETTERS = 4
"""Characters of a token, roughly: enough to decide whether waiting pays, never used for an account."""


def text_of(messages: Iterable[Message]) -> str:
    """The messages as one text; texts begin alike exactly as far as the prompts made of them do."""
    return "".join([f"\0{message.role}\0{message.content}" for message in messages])


def shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning.

    >>> shared("the same, here", "the same, there")
    10
    """
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def beginning(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    common = texts[0]
    for text in texts[1:]:
        common = common[: shared(common, text)]
    return common
