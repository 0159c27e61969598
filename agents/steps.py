"""Reasoning steps: finding them in a text, and showing them with the grades of a step scorer."""

from __future__ import annotations

import re
from itertools import pairwise

from rebut.records import Sample

from .answers.surface import visible

# Markdown may stand before the mark: "**Step 3:**", "### Step 3", "- Step 3", "> Step 3".
_MARK = re.compile(r"^[ \t>*#_-]*step[ \t]+[0-9]+\b", re.IGNORECASE | re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")


def split_steps(text: str) -> list[str]:
    """The steps of a reasoning text, in order; together they hold all of its words but thoughts.

    A step starts at a line that opens with "Step" and a number; what stands before the first mark belongs
    to the first step. A text without marks is split at empty lines, or else at line ends.

    >>> split_steps("Step 1: add. Step 2 follows\\nStep 2: halve\\nStep 10: done")
    ['Step 1: add. Step 2 follows', 'Step 2: halve', 'Step 10: done']
    >>> split_steps("First this.\\n\\nThen that.")
    ['First this.', 'Then that.']
    """
    text = visible(text)
    starts = [match.start() for match in _MARK.finditer(text)]
    if starts:
        bounds = [0, *starts[1:], len(text)]
        pieces = [text[a:b] for a, b in pairwise(bounds)]
    else:
        pieces = _PARAGRAPH.split(text)
        if sum(1 for piece in pieces if piece.strip()) < 2:
            pieces = text.splitlines()
    return [piece.strip() for piece in pieces if piece.strip()]


def step_grades(sample: Sample) -> tuple[float, ...] | None:
    """The grades of the first scorer that graded each step of the sample, or None where none did."""
    count = len(split_steps(sample.text))
    for score in sample.scores.values():
        if score.steps is not None and len(score.steps) == count:
            return score.steps
    return None


def graded(sample: Sample) -> bool:
    """Whether a scorer graded each step of the sample."""
    return step_grades(sample) is not None


def tenths(value: float) -> int:
    """A grade in [0, 1] as a whole number of tenths, rounded as MAgICoRe (arXiv:2409.12147) does.

    >>> [tenths(0.549), tenths(0.96)]
    [5, 10]
    """
    return int(round(value, 1) * 10)


def annotated(sample: Sample, show: bool = True) -> str:
    """The sample's steps, one a paragraph, each followed by its grade as n/10 where `show` is true."""
    steps = split_steps(sample.text)
    grades = step_grades(sample) if show else None
    if grades is None:
        return "\n".join(steps)
    return "\n".join(f"{step}\n[score: {tenths(g)}/10]" for step, g in zip(steps, grades, strict=True))


def numbered(steps: list[str]) -> str:
    """Steps with a number in front of each, from 1, so that a grade can be given to each.

    >>> numbered(["add", "halve"])
    '(1) add\\n(2) halve'
    """
    return "\n".join(f"({i}) {step}" for i, step in enumerate(steps, 1))
