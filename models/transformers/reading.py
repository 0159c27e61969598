"""Reads prompts, and keeps what was read for prompts that begin alike."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .loading import Loaded

_PART = 256  # prompt tokens between two chances to stop
_WORTH = 16  # a beginning shorter than this is read again


class Stopped(Exception):
    """Nobody waits for the result any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A prompt that was read.

    Attributes:
        ids: its tokens.
        cache: what the network remembers of it.
        plain: whether that can be taken up more than once.
        logits: what the network says of the next token.
        hidden: the state after each layer at the last token, from the embedding to the last; None where not
            asked for.
        cached: how many of the tokens had been read before.
    """

    ids: tuple[int, ...]
    cache: Any
    plain: bool
    logits: Any
    hidden: tuple[Any, ...] | None
    cached: int


class Reader:
    """Reads for one model; not for two threads at once."""

    def __init__(self, loaded: Loaded) -> None:
        self._net = loaded.net
        self._room = loaded.ctx
        self._kept: list[tuple[tuple[int, ...], Any]] = []
        self._last_only = (
            {"logits_to_keep": 1}
            if "logits_to_keep" in inspect.signature(loaded.net.forward).parameters
            else {}
        )

    def read(self, ids: Sequence[int], *, hidden: bool, stopped: Callable[[], bool]) -> Read:
        """Read a prompt, from where it differs from those read lately.

        Raises:
            Stopped: `stopped` said so.
        """
        whole = tuple(ids)
        cache, known = self._known(whole)
        parts = _parts(whole[known:], alone=hidden)
        out: Any = None
        for i, part in enumerate(parts):
            if stopped():
                raise Stopped
            last = i == len(parts) - 1
            out = self.forward(part, cache, hidden=hidden and last, **self._last_only)
            cache = out.past_key_values
        if plain := is_plain(cache):
            self._keep(whole, cache)
        states = tuple(state[0, -1] for state in out.hidden_states) if hidden else None
        return Read(whole, cache, plain, out.logits[0, -1], states, known)

    def forward(self, ids: Sequence[int], cache: Any, *, hidden: bool = False, **more: Any) -> Any:
        """The network's output for one more part of a text."""
        rows = import_module("torch").tensor([list(ids)], device=self._net.device)
        return self.step(rows, cache, output_hidden_states=hidden, **more)

    def step(self, rows: Any, cache: Any, **more: Any) -> Any:
        """The network's output for rows of tokens that follow what is in the cache."""
        return self._net(input_ids=rows, past_key_values=cache, use_cache=True, **more)

    def forget(self) -> None:
        """Let go of all prompts."""
        self._kept.clear()

    def _known(self, ids: tuple[int, ...]) -> tuple[Any, int]:
        """A branch of the cache of the prompt that begins most alike, and how much of `ids` is in it."""
        shared, entry = max(
            ((min(_shared(ids, kept), len(ids) - 1), i) for i, (kept, _) in enumerate(self._kept)),
            default=(0, 0),
        )
        if shared < _WORTH:
            return None, 0
        kept, cache = self._kept[entry]
        mine = branch(cache)
        if shared < len(kept):
            mine.crop(shared - len(kept))
        return mine, shared

    def _keep(self, ids: tuple[int, ...], cache: Any) -> None:
        self._kept = [entry for entry in self._kept if _shared(ids, entry[0]) < len(entry[0])]
        self._kept.append((ids, branch(cache)))
        while sum(len(kept) for kept, _ in self._kept) > self._room:
            self._kept.pop(0)


def is_plain(cache: Any) -> bool:
    """Whether the cache is keys and values of all tokens: it can be cut, repeated and taken up twice."""
    layers = getattr(cache, "layers", None)
    return layers is not None and all(type(layer).__name__ == "DynamicLayer" for layer in layers)


def branch(cache: Any) -> Any:
    """A cache that grows on its own from the same beginning; that makes new tensors, so nothing is copied."""
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    return twin


def _parts(ids: tuple[int, ...], *, alone: bool) -> list[tuple[int, ...]]:
    """Parts of a bearable size; with `alone` the last token is one of its own."""
    body, last = (ids[:-1], [ids[-1:]]) if alone else (ids, [])
    return [body[i : i + _PART] for i in range(0, len(body), _PART)] + last


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many tokens two texts begin with in common."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))
