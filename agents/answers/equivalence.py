"""When two answers are the same answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

from . import blocks, maths, numbers, words
from .guess import guess
from .kinds import check_kind
from .surface import clean

_CACHED = 2000
"""Characters of the longest answer whose canonical string is kept."""


def normalise(answer: str, kind: str = "auto") -> str:
    """A canonical string: answers with the same one are equivalent (the converse holds for most kinds).

    Numbers become exact fractions (``1,250.0`` is ``1250``), options upper-case letters, true becomes
    ``yes``, JSON is sorted, Python code is its syntax tree. What does not fit its kind is normalised as text.

    Raises:
        InputError: on an unknown kind.
    """
    check_kind(kind)
    return _cached(answer, kind) if len(answer) <= _CACHED else _normalise(answer, kind)


@lru_cache(maxsize=8192)
def _cached(answer: str, kind: str) -> str:
    return _normalise(answer, kind)


def _normalise(answer: str, kind: str) -> str:
    if kind == "code":
        return blocks.code_key(answer)
    if kind == "json":
        key = blocks.json_key(answer)
        return key if key is not None else words.folded(answer)
    value = clean(answer)
    if kind == "auto":
        kind = guess(value)
        if kind == "choice":  # a lone letter: "b" is taken as text, and is the same answer as "(B)"
            return (words.letter(value) or words.folded(value)).lower()
    if kind == "number":
        number = _quantity(value)
        return words.folded(value) if number is None else numbers.written(number.value)
    if kind == "math":
        return maths.math_key(value)
    found = {"choice": words.letter, "yesno": words.yesno}.get(kind, _none)(value)
    return found or words.folded(value)


def _none(_: str) -> str | None:
    return None


def _quantity(value: str) -> numbers.Quantity | None:
    """The number that an answer is, or that it states among words."""
    whole = numbers.quantity(value)
    if whole is not None:
        return whole
    said = numbers.stated(value)
    return numbers.quantity(said) if said else None


def equivalent(a: str, b: str, kind: str = "auto") -> bool:
    """Whether two answers say the same.

    ``number``: equal values, see :func:`rebut.agents.answers.numbers.same` for rounding; ``math``: equal by
    computer algebra, which may take seconds; ``choice``, ``yesno``: the same option; ``text``: equal when
    folded; ``json``: equal structure; ``code``: equal but for layout and comments.

    Raises:
        InputError: on an unknown kind.

    >>> equivalent("$1,250.00", "1250", "number"), equivalent("the Nile", "Nile.", "text")
    (True, True)
    """
    return normalise(a, kind) == normalise(b, kind) or _beyond(a, b, kind)


def _beyond(a: str, b: str, kind: str) -> bool:
    """Equivalence of answers whose canonical strings differ."""
    kinds = {_kind(a, kind), _kind(b, kind)}
    if kinds == {"number"}:
        left, right = _quantity(clean(a)), _quantity(clean(b))
        return left is not None and right is not None and numbers.same(left, right)
    return "math" in kinds and kinds <= {"math", "number"} and maths.equal(a, b)


def _kind(answer: str, kind: str) -> str:
    return guess(clean(answer)) if kind == "auto" else kind


def cluster(answers: Sequence[str | None], kind: str = "auto") -> list[list[int]]:
    """Classes of equivalent answers as lists of indices, in order of first appearance; None is left out.

    Answers with one canonical string come together first. Numbers and formulas are then compared by their
    values, and everything that is linked by an equivalence becomes one class, so that the order of answers
    does not matter. Formulas may take seconds, see :func:`equivalent`.

    >>> cluster(["5", None, "7", "5.0"], "number")
    [[0, 3], [2]]
    """
    check_kind(kind)
    by_key: defaultdict[str, list[int]] = defaultdict(list)
    for i, answer in enumerate(answers):
        if answer is not None:
            by_key[normalise(answer, kind)].append(i)
    groups = list(by_key.values())
    heads = [answers[group[0]] or "" for group in groups]
    parent = list(range(len(groups)))
    for i, j in _links(heads, kind, parent):
        low, high = sorted((_root(parent, i), _root(parent, j)))
        parent[high] = low
    merged: defaultdict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        merged[_root(parent, place)] += group
    return sorted(sorted(members) for members in merged.values())


def _links(heads: Sequence[str], kind: str, parent: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs of equivalent groups: numbers found by sorting, formulas by comparing with all not yet joined."""
    kinds = [_kind(head, kind) for head in heads]
    known = [
        (i, q) for i, k in enumerate(kinds) if k in ("number", "math") and (q := _as_number(heads[i], k))
    ]
    for a, b in numbers.links([q for _, q in known]):
        yield known[a][0], known[b][0]
    formulas = [i for i, k in enumerate(kinds) if k == "math"]
    others = [i for i, k in enumerate(kinds) if k in ("number", "math")]
    for i in formulas:
        for j in others:
            if (
                (kinds[j] == "number" or i < j)
                and _root(parent, i) != _root(parent, j)
                and maths.equal(heads[i], heads[j])
            ):
                yield i, j


def _as_number(head: str, kind: str) -> numbers.Quantity | None:
    return _quantity(clean(head)) if kind == "number" else maths.numeric(clean(head))


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def correct(answer: str | None, gold: str, kind: str = "auto") -> bool:
    """Whether `answer` is equivalent to the reference answer; None is wrong."""
    return answer is not None and equivalent(answer, gold, kind)
