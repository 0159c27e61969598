"""How a tokenizer writes a text that continues another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Encode = Callable[[str], Sequence[int]]
"""The tokens of a text, without any that only mark its beginning or end."""

_BEFORE = "\n"


def continued(encode: Encode, text: str) -> tuple[int, ...]:
    """The tokens of a text that stands after another.

    They are read off a text that begins with a line break: some tokenizers put a space of their own before
    the first word of a text, and no tokenizer joins a line break with the letter after it.
    """
    before, whole = tuple(encode(_BEFORE)), tuple(encode(_BEFORE + text))
    apart = len(whole) > len(before) and whole[: len(before)] == before
    return whole[len(before) :] if apart else tuple(encode(text))


def spellings(encode: Encode, label: str) -> list[tuple[int, ...]]:
    """The token sequences that write a label as the next thing: as it stands and after a space, each once.

    The probability of the label is the sum over them. What else the letters could be pieced together from
    is left out: a model writes words as its tokenizer does, but for a negligible part.
    """
    return list(dict.fromkeys(_ways(encode, label)))


def _ways(encode: Encode, label: str) -> Iterator[tuple[int, ...]]:
    yield continued(encode, label)
    yield continued(encode, f" {label}")


def sound(text: str) -> str:
    """The text with halves of surrogate pairs, which no tokenizer knows, as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
