"""What surrounds an answer in a model's text: hidden thoughts, markdown, LaTeX wrappers, placeholders."""

from __future__ import annotations

import re

_THOUGHT = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_PAIRS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("__", "__"),
    ("*", "*"),
    ("```", "```"),
    ("`", "`"),
    ('"', '"'),
    ("'", "'"),
    ("“", "”"),
    ("‘", "’"),
    ("«", "»"),
)
_WRAPPER = re.compile(
    r"\\(?:boxed|fbox|text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mathtt|mbox|operatorname)\*?\s{0,3}\{"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_VOID = re.compile(
    r"<[^<>\d]{0,80}>"
    r"|[\[{(]?\s?(?:(?:insert|put|write|state|give)\s)?(?:your|the|my|final|correct)(?:\s(?:own|final|correct|numeric|numerical))?"
    r"\s(?:answer|number|letter|choice|option|result|value)(?:\s(?:goes\s)?here)?\s?[\])}]?"
    r"|[\[{(]\s?(?:answer|number|letter|choice|option|result|value)(?:\shere)?\s?[\])}]"
    r"|answer|_+|\.{2,}|…|\?+|x{3,}",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """`text` without ``<think>`` blocks; what stands before a lone ``</think>`` is a thought too.

    An opening tag that is never closed hides the rest when it opens a line: the model was cut off.

    >>> visible("<think>is it 4?</think> Answer: 5")
    ' Answer: 5'
    """
    if "think" not in text and "THINK" not in text and "Think" not in text:
        return text
    shown: list[str] = []
    start, opened = 0, -1
    for tag in _THOUGHT.finditer(text):
        if not tag[1]:
            opened = tag.start() if opened < 0 else opened
            continue
        shown = [*shown, text[start:opened]] if opened >= 0 else []
        start, opened = tag.end(), -1
    if opened >= 0 and not text[start:opened].rpartition("\n")[2].strip():
        return "".join((*shown, text[start:opened]))
    return "".join((*shown, text[start:]))


def clean(value: str) -> str:
    """An answer without markdown, quotes, LaTeX wrappers and punctuation around it.

    >>> clean(r"**$\\boxed{\\text{Paris}}$**.")
    'Paris'
    """
    value = value.strip()
    if value.isalnum():  # nothing to take off
        return value
    for _ in range(12):
        before = value
        value = _bare(value)
        if value == before:
            break
    return value


def is_void(value: str) -> bool:
    """Whether a cleaned answer is empty or only a prompt's placeholder, such as ``<number>``."""
    return not value or (len(value) < 100 and _VOID.fullmatch(value) is not None)


def closing_brace(text: str, opening: int, limit: int = 4000) -> int:
    """Index of the brace that closes the one at `opening`, or -1 when there is none within `limit`."""
    depth = 0
    for brace in _BRACE.finditer(text, opening, opening + limit):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == "}":
            return brace.start()
    return -1


def _bare(value: str) -> str:
    value = value.strip().rstrip(".,;:。，；：").rstrip()
    if value.endswith("\\"):
        value = value[:-1].rstrip()
    value = value.lstrip(":=：").lstrip() if value[:1] in ":=：" else value
    wrapper = _WRAPPER.match(value)
    if wrapper and closing_brace(value, wrapper.end() - 1, len(value)) == len(value) - 1:
        return value[wrapper.end() : -1]
    for left, right in _PAIRS:
        if len(value) > len(left) + len(right) - 1 and value.startswith(left) and value.endswith(right):
            inner = value[len(left) : -len(right)]
            if left not in inner and right not in inner:
                return inner
    return _unpaired(value)


def _unpaired(value: str) -> str:
    """Without emphasis marks that lost their partner (it stood before the value)."""
    for mark in ("**", "__", "`", "$", '"'):
        if value.count(mark) == 1:
            if value.startswith(mark):
                return value[len(mark) :]
            if value.endswith(mark) and not value.endswith("\\" + mark):
                return value[: -len(mark)]
    return value
