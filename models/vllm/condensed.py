"""Log-probabilities of a whole vocabulary, boiled down where they arrive.

vLLM keeps every row until the completion ends: a reply of 500 tokens of a vocabulary of 150,000 would take
gigabytes. A container of ours takes the rows in instead, and keeps of each one number and a few tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any

from ..certainty import of_logprobs
from ..wire import TokenLogprob
from .reply import finite

CERTAINTY = -1
"""In place of a token's id: the entry that holds the row's self-certainty."""

_on: ContextVar[int | None] = ContextVar("rebut_condense", default=None)


@contextmanager
def condensing(kept: int) -> Generator[None]:
    """Requests that are made inside have their rows condensed, to the `kept` likeliest tokens."""
    _install()
    before = _on.set(kept)
    try:
        yield
    finally:
        _on.reset(before)


@cache
def _install() -> None:
    """Have vLLM ask us for a container; nobody else's requests are touched."""
    place: Any = import_module("vllm.v1.engine.logprobs")
    usual: Callable[[bool], Any] = place.create_sample_logprobs
    flat = import_module("vllm.logprobs").FlatLogprobs
    kind = type("Condensed", (flat,), {"append_fast": _append})

    def create(flat_logprobs: bool) -> Any:
        kept = _on.get()
        if kept is None:
            return usual(flat_logprobs)
        container = kind()
        container.kept = kept
        return container

    place.create_sample_logprobs = create


def _append(
    self: Any,
    token_ids: Sequence[int],
    logprobs: Sequence[float],
    ranks: Iterable[int],
    decoded_tokens: Iterable[str | None],
) -> None:
    """Take a row: the chosen token first, then all tokens from the likeliest on."""
    end = 1 + self.kept
    self.start_indices.append(len(self.logprobs))
    self.token_ids += [*token_ids[:end], CERTAINTY]
    self.logprobs += [*logprobs[:end], of_logprobs(logprobs[1:])]
    self.ranks += [*islice(ranks, len(token_ids[:end])), None]
    self.decoded_tokens += [*islice(decoded_tokens, len(token_ids[:end])), None]
    self.end_indices.append(len(self.logprobs))


@dataclass(frozen=True, slots=True)
class Row:
    """What is left of one row."""

    certainty: float
    token: TokenLogprob


def row_of(entries: Mapping[int, Any], token: int, kept: int, text: Callable[[int], str]) -> Row:
    """One row, as vLLM hands it out.

    Args:
        text: of a token.
    """
    ranked = sorted((e for e in entries.items() if e[0] != CERTAINTY), key=lambda e: -e[1].logprob)
    top = tuple((text(i), finite(entry.logprob)) for i, entry in ranked[:kept])
    return Row(
        float(entries[CERTAINTY].logprob), TokenLogprob(text(token), finite(entries[token].logprob), top)
    )
