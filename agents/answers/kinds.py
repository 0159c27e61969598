"""The kinds of answers, and the sentence that asks a model for one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rebut.errors import InputError, suggest

KINDS = ("auto", "number", "math", "choice", "yesno", "text", "code", "json")

_INSTRUCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "auto": "Finish with a line `Answer: <answer>`.",
        "number": "Finish with a line `Answer: <number>`.",
        "math": "Finish with the answer in LaTeX inside \\boxed{}.",
        "choice": "Finish with a line `Answer: <letter>`, the letter of one option.",
        "yesno": "Finish with a line `Answer: <yes or no>`.",
        "text": "Finish with one short line `Answer: <answer>`.",
        "code": "Finish with the whole program in one fenced code block.",
        "json": "Finish with one JSON value and nothing after it.",
    }
)


def check_kind(kind: str) -> str:
    """`kind`, if there is one of that name.

    Raises:
        InputError: on an unknown kind.
    """
    if kind not in KINDS:
        raise InputError(f"unknown answer kind: {kind!r}{suggest(kind, KINDS)}")
    return kind


def instruction(kind: str) -> str:
    """One sentence for a prompt that tells a model how to finish, so that :func:`extract` can read it.

    >>> instruction("number")
    'Finish with a line `Answer: <number>`.'
    """
    return _INSTRUCTIONS[check_kind(kind)]
