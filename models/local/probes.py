"""What llama.cpp's server tells of the inside of a model: whole rows of log-probabilities, one at a time.

The server names the likeliest tokens of the model's own distribution, before temperature and sampling, as
many as it is asked for: also the whole vocabulary. It does so some ten times slower than it decodes, and
while a text is written it would pile up what it has to tell (megabytes a token, and more than can be taken
in). So texts are written first, and then gone through again a token at a time, each with one row: the
prompt and the text are still in the engine's memory, nothing is read twice.
"""

from __future__ import annotations

import http.client
import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from rebut.errors import ModelError, ModelGarbled, ModelUnavailable

from .. import certainty
from ..prefixes import text_of
from ..spelling import continued, sound, spellings
from ..wire import Completion, Inside, Probe, Request
from .chat import Piece, body_of, error_of, refused
from .copying import Slots
from .engine import Engine

Row = Mapping[int, float]
T = TypeVar("T")
Told = TypeVar("Told", Row, list[float])

_ALL = 1 << 22  # more tokens than any vocabulary has
_BIAS = 1000.0
# An entry of the row ends with its log-probability; that of the token itself goes on with the row. No quote
# within the text of a token stands without a backslash before it.
_ENTRY = re.compile(rb'"id":(\d+),"token":"(?:[^"\\]|\\.)*","bytes":\[[\d,]*\],"logprob":([-+.\deE]+)\}')
_VALUE = re.compile(rb'"logprob":([-+.\deE]+)\}')
_LEAST = math.log(2**-149)  # of what float32 still tells from 0; llama.cpp names less -3.4e38


class _Stopped(Exception):
    """Nobody waits for the result any more."""


def check(request: Request) -> None:
    """Refuse the probes that llama.cpp has no answer to.

    Raises:
        ModelRefused: it asks for layers or rewards, or for the probability of nothing.
    """
    probe = request.probe or Probe()
    if probe.layers:
        raise refused(ValueError("llama.cpp does not show the layers of a model"), request.model)
    if probe.reward or probe.steps:
        raise refused(ValueError("it is no reward model"), request.model)
    if not all(probe.labels):
        raise refused(ValueError("a label of the probe is empty"), request.model)


async def labelled(engine: Engine, request: Request, said: Sequence[Completion]) -> tuple[Completion, ...]:
    """The completions with the log-probabilities of the probe's labels at the end of the prompt."""
    labels = request.probe.labels if request.probe is not None else ()

    def work(book: _Book) -> tuple[float, ...]:
        return tuple(book.label(sound(label)) for label in labels)

    found = await _look(engine, request, work)
    return tuple(replace(c, inside=replace(c.inside or Inside(), labels=found)) for c in said)


async def certain(
    engine: Engine, request: Request, said: Sequence[Completion], pieces: Sequence[Sequence[Piece]]
) -> tuple[Completion, ...]:
    """The completions with the self-certainty of each of their tokens."""

    def work(book: _Book) -> list[tuple[float, ...]]:
        return [book.certainty(c, p) for c, p in zip(said, pieces, strict=True)]

    found = await _look(engine, request, work)
    return tuple(
        replace(c, inside=replace(c.inside or Inside(), certainty=values))
        for c, values in zip(said, found, strict=True)
    )


async def _look(engine: Engine, request: Request, work: Callable[[_Book], T]) -> T:
    def looking(server: Any, slots: Slots, stop: threading.Event) -> T:
        return work(_Book(server, slots, request, stop))

    try:
        return await engine.look(text_of(request.messages), looking)
    except (RuntimeError, OSError, http.client.HTTPException) as bad:
        raise ModelUnavailable(f"the local engine failed: {bad}", model=request.model) from None


class _Book:
    """The prompt of one request, and what the model says at places in what follows it; blocks."""

    def __init__(self, server: Any, slots: Slots, request: Request, stop: threading.Event) -> None:
        self._server, self._slots, self._model, self._stop = server, slots, request.model, stop
        self._prompt = slots.rendered(body_of(request, 1))
        self._rows: dict[tuple[int, ...], Row] = {}
        self._certain: dict[tuple[int, ...], float] = {}

    def label(self, label: str) -> float:
        """The natural-log probability that the label comes next: the sum over its spellings."""
        ways = [self._chance(way) for way in spellings(self._encode, label)]
        most = max(ways)
        return most + math.log(math.fsum(math.exp(value - most) for value in ways))

    def certainty(self, said: Completion, pieces: Sequence[Piece]) -> tuple[float, ...]:
        """The self-certainty of each token of a completion."""
        ids = self._written(said, pieces)
        return tuple(self._certainty(ids[:i]) for i in range(len(ids)))

    def _certainty(self, after: tuple[int, ...]) -> float:
        """Completions of one prompt begin alike, some for long: each place is looked at once."""
        if after not in self._certain:
            values = _numbers(_VALUE.findall(self._asked(after)))
            self._certain[after] = certainty.of_logits(self._checked(values))
        return self._certain[after]

    def _chance(self, way: tuple[int, ...]) -> float:
        return math.fsum(self._row(way[:i])[token] for i, token in enumerate(way))

    def _written(self, said: Completion, pieces: Sequence[Piece]) -> tuple[int, ...]:
        """The tokens of a completion, but for those of a stop string."""
        ids: list[int] = []
        length = 0
        for token, text in pieces:
            if length >= len(said.text) and said.reasoning is None:
                break
            ids += self._whole(token, text)
            length += len(text)
        if length < len(said.text):  # it does not name all: such as it would write the text
            return continued(self._encode, said.text)
        return tuple(ids)

    def _whole(self, token: int, text: str) -> Sequence[int]:
        """All tokens of a character, of which only the last was named."""
        if text.isascii():
            return (token,)
        ids = continued(self._encode, text)
        return ids if ids and ids[-1] == token else (token,)

    def _encode(self, text: str) -> Sequence[int]:
        body = {"content": text, "add_special": False, "parse_special": False}
        ids: list[int] = self._slots.post("/tokenize", body)["tokens"]
        return ids

    def _row(self, after: tuple[int, ...]) -> Row:
        """The log-probabilities of all tokens after the prompt and some more tokens."""
        if after not in self._rows:
            self._rows[after] = self._checked(_row_of(self._asked(after)))
        return self._rows[after]

    def _checked(self, told: Told) -> Told:
        if not told:
            raise ModelGarbled("the engine does not tell the probabilities of its tokens", model=self._model)
        return told

    def _asked(self, after: tuple[int, ...]) -> bytes:
        if self._stop.is_set() or not threading.main_thread().is_alive():
            raise _Stopped
        body = {
            "prompt": [self._prompt, *after],
            "n_predict": 1,
            "n_probs": _ALL,
            "temperature": 0.0,
            "cache_prompt": True,
            # What it would write does not matter, but a part of a character it would hold back.
            "logit_bias": [["a", _BIAS]],
        }
        told: list[bytes] = []
        self._server.handle_completions(
            orjson.dumps(body), told.append
        )  # bytes for bytes, never parsed whole
        if not told or b'"error"' in told[0][:200]:
            raise _failed(told, self._model)
        return told[0]


def _failed(told: Sequence[bytes], model: str) -> ModelError:
    error = orjson.loads(told[0]).get("error") if told else "it gave no answer"
    return error_of(error, model)


def _row_of(told: bytes) -> Row:
    """The log-probabilities of a reply, adding up to 1.

    The server adds up its probabilities in float32, one by one: the sum comes out up to 1e-3 too small.
    """
    found = _ENTRY.findall(told)
    values = _numbers([value for _, value in found])
    if not values:
        return {}
    total = math.log(math.fsum(map(math.exp, values)))
    return {int(token): value - total for (token, _), value in zip(found, values, strict=True)}


def _numbers(found: Sequence[bytes]) -> list[float]:
    """The log-probabilities in so many pieces of JSON, which as one list are read four times as fast."""
    values: list[float] = orjson.loads(b"[%b]" % b",".join(found))
    return values if min(values, default=0.0) >= _LEAST else [max(value, _LEAST) for value in values]
