"""Labels: which of a few short texts a model gives, and with what probability.

Three ways to know, best first: the back end tells each label's probability; else the likeliest first tokens
of the reply do; else the label that was written counts, and no probability is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rebut.errors import Unparsed
from rebut.records import Label

from ..models.wire import Capabilities, Completion, Inside, Probe, Request, TokenLogprob
from .answers import extract
from .answers.statements import statements
from .answers.surface import visible
from .chat import without_prefill

ALTERNATIVES = 20
"""How many of the likeliest tokens are asked for: as many as hosted models and vLLM give."""
LEAST = 0.01
"""Probability that the labels must have together: of less, the shares say nothing."""
MOST_LABELS = 100
LONGEST = 100

_EDGES = " \t\r\n\u2581\u0120\u010a([{<\"'`*_“”‘’«».:,;)]}>"
"""What may stand around a label in a token or a reply; with the marks of some tokenizers for a space."""
_ENDS = r"(?=$|[).:,;\]}>*_\"'`\n]|\s*$)"

Shares = tuple[dict[str, float], float]
"""The probability of each label, together 1, and that of everything else."""


@dataclass(frozen=True, slots=True)
class _Reading:
    value: str
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None


def checked(labels: object) -> tuple[str, ...]:
    """The labels, fit to be told apart.

    Raises:
        ValueError: there are fewer than two, one is no text, has nothing in it, stands twice (small and
            large letters alike), or begins another: a reply that starts so could be either.

    >>> checked(["yes", "no"])
    ('yes', 'no')
    """
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise ValueError(f"labels must be a list of texts, not {type(labels).__name__}")
    if not 2 <= len(labels) <= MOST_LABELS:
        raise ValueError(f"from 2 to {MOST_LABELS} labels are needed, not {len(labels)}")
    for label in labels:
        if not isinstance(label, str):
            raise ValueError(f"a label must be a text, not {label!r} (put it in quotes)")
        if not _bare(label):
            raise ValueError(f"a label needs a letter, digit or sign to be told by: {label!r}")
        if len(label) > LONGEST:
            raise ValueError(f"a label may have {LONGEST} characters, one has {len(label)}")
    _distinct([str(label) for label in labels])
    return tuple(label.strip() for label in labels)


def _distinct(labels: Sequence[str]) -> None:
    for place, label in enumerate(labels):
        for other in labels[:place]:
            mine, its = _folded(label), _folded(other)
            if mine == its:
                raise ValueError(f"two labels are the same: {other!r} and {label!r}")
            if mine.startswith(its) or its.startswith(mine):
                raise ValueError(
                    f"no label may begin another: {other!r} and {label!r} (letters such as A, B, C never do)"
                )


def _bare(text: str) -> str:
    return text.strip(_EDGES)


def _folded(text: str) -> str:
    return _bare(text).casefold()


def _same(written: str, label: str) -> bool:
    """Whether a bare text is the label. A lone letter must have its size: ``a`` begins many a reply."""
    label = _bare(label)
    return written == label if len(label) == 1 else written.casefold() == label.casefold()


def label_request(request: Request, labels: tuple[str, ...], able: Capabilities, *, layers: bool) -> Request:
    """The request as it tells most of the labels on a back end that is able to do this."""
    if able.labels or layers:
        begun = without_prefill(request.messages)[1]
        probe = Probe(labels=after(begun, labels), layers=layers)
        return replace(request, max_tokens=1, schema=None, logprobs=None, probe=probe)
    return replace(request, schema=None, logprobs=ALTERNATIVES if able.logprobs else None, probe=None)


def after(begun: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels as they would be written next: with a space where a reply was begun and is in its midst."""
    inside = bool(begun) and not begun[-1].isspace() and begun[-1] not in "([{<\"'`*"
    return tuple(f" {label}" for label in labels) if inside else labels


def read_label(completion: Completion, labels: tuple[str, ...], **about: Any) -> Label:
    """The label of a reply; `about` holds who gave it.

    Raises:
        Unparsed: it gives none of them.
    """
    reading = _reading(completion, labels)
    layers = _layers(completion.inside, len(labels))
    return Label(
        value=reading.value,
        probabilities=reading.probabilities,
        mass=reading.mass,
        layers=layers,
        **about,
    )


def _reading(completion: Completion, labels: tuple[str, ...]) -> _Reading:
    shares = exact(completion.inside, labels) or likeliest(completion.logprobs, labels)
    if shares is not None:
        probabilities, mass = shares
        if 1 - mass >= LEAST:
            return _Reading(max(labels, key=lambda label: probabilities[label]), probabilities, mass)
    written = said(completion.text, labels)
    if written is None:
        raise Unparsed(completion.text, f"it must be {' or '.join(labels)}, and nothing else")
    return _Reading(written)


def exact(inside: Inside | None, labels: Sequence[str]) -> Shares | None:
    """Shares from the log-probabilities of the labels, as a probe found them."""
    if inside is None or inside.labels is None or len(inside.labels) != len(labels):
        return None
    return _shares(labels, [math.exp(min(value, 0.0)) for value in inside.labels])


def likeliest(logprobs: Sequence[TokenLogprob] | None, labels: Sequence[str]) -> Shares | None:
    """Shares from the likeliest tokens at the place where the reply's first word begins.

    The tokens of a label are summed: `` A``, ``(A`` and ``A.`` all say ``A``; upper and lower case count
    alike in labels of two letters or more; a token that is the beginning of just one label, of two letters or
    more, counts for it. Quotes and brackets that were written before are stepped over. A label that is
    not among the likeliest tokens has the share 0.
    """
    place = next((token for token in logprobs or () if _bare(token.token)), None)
    if place is None:
        return None
    sums = dict.fromkeys(labels, 0.0)
    for token, logprob in {place.token: place.logprob, **dict(place.top)}.items():
        if (label := _meant(_bare(token), labels)) is not None:
            sums[label] += math.exp(min(logprob, 0.0))
    return _shares(labels, list(sums.values()))


def _meant(token: str, labels: Sequence[str]) -> str | None:
    whole = [label for label in labels if _same(token, label)]
    if whole:
        return whole[0]
    begun = [label for label in labels if len(token) > 1 and _folded(label).startswith(token.casefold())]
    return begun[0] if len(begun) == 1 else None


def _shares(labels: Sequence[str], weights: Sequence[float]) -> Shares | None:
    total = math.fsum(weights)
    if not total > 0 or not math.isfinite(total):
        return None
    shares = {label: weight / total for label, weight in zip(labels, weights, strict=True)}
    return shares, max(0.0, 1 - total)


def _layers(inside: Inside | None, count: int) -> tuple[tuple[float, ...], ...] | None:
    """The labels' probabilities in each layer, together 1."""
    if inside is None or inside.layers is None:
        return None
    if any(len(layer) != count for layer in inside.layers):
        return None
    return tuple(_softmax(layer) for layer in inside.layers)


def _softmax(logs: Sequence[float]) -> tuple[float, ...]:
    top = max(logs)
    if not math.isfinite(top):
        return tuple(1 / len(logs) for _ in logs)
    weights = [math.exp(value - top) for value in logs]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def said(text: str, labels: tuple[str, ...]) -> str | None:
    """The label that a reply gives in words; None when it gives none, or more than one.

    The reply begins with it, or states it (``The answer is B``), or names no other.

    >>> said("(B) is better.", ("A", "B")), said("A better one is hard to find.", ("A", "B"))
    ('B', None)
    """
    shown = visible(text).strip()
    return _at_start(shown, labels) or _stated(shown, labels) or _only(shown, labels)


def _at_start(text: str, labels: Sequence[str]) -> str | None:
    """The label with which a text begins: before a mark or its end, a word also where it is the only one."""
    start = text.lstrip(_EDGES)
    for label in labels:
        bare, lone = re.escape(_bare(label)), len(_bare(label)) == 1
        flags = re.NOFLAG if lone else re.IGNORECASE
        if re.match(bare + _ENDS, start, flags):
            return label
        if not lone and re.match(rf"{bare}(?!\w)", start, flags):
            return _only(text, labels)
    return None


def _stated(text: str, labels: Sequence[str]) -> str | None:
    kinds = ("choice",) if all(len(_bare(label)) == 1 for label in labels) else ("text",)
    for kind in kinds:
        answer = extract(text, kind, strict=True)
        if answer is not None:
            return next((label for label in labels if _same(_bare(answer), label)), None)
    return None


def _only(text: str, labels: Sequence[str]) -> str | None:
    named = [label for label in labels if _named(text, _bare(label))]
    return named[0] if len(named) == 1 else None


def _named(text: str, label: str) -> bool:
    if len(label) == 1:
        return re.search(rf"[(\[\"'*]{re.escape(label)}[)\]\"'*]", text) is not None
    return re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text, re.IGNORECASE) is not None


def unanswered(text: str, kind: str = "auto", cue: str = "The answer is") -> str:
    """A solution up to where it states its answer, so that a label can be read there.

    Where it states none, all of it and `cue`; where it is nothing but the answer, `cue` alone.

    >>> unanswered("9 stay, not 8.\\nAnswer: no", "yesno")
    '9 stay, not 8.\\nAnswer:'
    """
    said = next((value for value in statements(text, choice=kind == "choice") if value.strip()), "")
    place = text.rfind(said) if said else -1
    if place > 0:
        return text[:place].rstrip()
    bare = _folded(visible(text)) in ("", (extract(text, kind) or "").casefold())
    return cue if bare else f"{text.rstrip()}\n\n{cue}"
