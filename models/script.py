"""Replies by a script instead of a model: what to say to which request, and how it is performed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from rebut.errors import (
    InputError,
    ModelBusy,
    ModelError,
    ModelGarbled,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from rebut.records import Usage

from .wire import Capabilities, Completion, Finish, Inside, Probe, Request, Response, Sink, TokenLogprob

ErrorName = Literal["busy", "timeout", "garbled", "refused", "unavailable"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\s*\S+\s*")
_ERRORS: Mapping[ErrorName, tuple[type[ModelError], int | None, str]] = {
    "busy": (ModelBusy, 429, "too many requests"),
    "timeout": (ModelTimeout, None, "the deadline of the call passed"),
    "garbled": (ModelGarbled, 200, "the body of the reply was cut"),
    "refused": (ModelRefused, 400, "the request was refused"),
    "unavailable": (ModelUnavailable, None, "the server cannot be reached"),
}


class Unscripted(InputError):
    """A request for which the script holds no reply; not a model error, so no run absorbs it."""


class Line(BaseModel):
    """One reply of a script: a text, or an error.

    Attributes:
        text: what the model says.
        error: the failure to raise in its place.
        retry_after: seconds that a `busy` server asks to wait.
        delay: seconds until the reply is complete; None for the script's own.
        finish: why the completion ended.
        logprobs: ``[token, log-probability]`` or ``[token, log-probability, {alternative: log-probability}]``
            in the order written; handed over only to a request that asks for them.
        inside: what is found inside the model, by the names of `Inside`; each only for a request whose probe
            asks for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    error: ErrorName | None = None
    retry_after: float | None = Field(default=None, ge=0)
    delay: float | None = Field(default=None, ge=0)
    finish: Finish = "stop"
    logprobs: tuple[tuple[str, float] | tuple[str, float, dict[str, float]], ...] | None = None
    inside: Inside | None = None

    def completion(self) -> Completion:
        """The line as a completion."""
        if self.logprobs is None:
            return Completion(text=self.text, finish=self.finish, inside=self.inside)
        tokens = tuple(
            TokenLogprob(t[0], t[1], tuple(t[2].items()) if len(t) > 2 else ()) for t in self.logprobs
        )
        return Completion(text=self.text, finish=self.finish, logprobs=tokens, inside=self.inside)


Reply: TypeAlias = str | Completion | Exception | Line
"""What may stand for one completion: its text, all of it, an error to raise, or a line of a script."""

Replies: TypeAlias = Sequence[Reply] | Mapping[str, Sequence[Reply] | str] | Callable[[Request], Reply]

EVERYTHING = Capabilities(n=True, schema=True, logprobs=True, seed=True, prefill=True, stream=True)


@dataclass
class Cue:
    """Replies for the requests that `fits` lets through.

    `say` gives the reply with an index, or None when no more are left. The index counts this cue's replies
    alone, so what one speaker hears does not hang on how the calls of others are interleaved.
    """

    name: str
    fits: Callable[[Request], bool]
    say: Callable[[int, Request], Reply | None]
    given: int = 0

    def next(self, request: Request) -> Reply:
        """The next reply.

        Raises:
            Unscripted: no reply is left.
        """
        reply = self.say(self.given, request)
        if reply is None:
            left = f"all {self.given} of its replies are used up" if self.given else "it holds no reply"
            raise Unscripted(f"{self.name} was asked once too often: {left}; {asked(request)}")
        self.given += 1
        return reply


@dataclass
class Scripted:
    """A back end for tests: it says `replies`, and remembers what it has `seen`.

    `replies` is a sequence (said in turn, one for each completion, whoever asks), a mapping from a regular
    expression over the whole conversation to a text (said every time) or to a sequence of its own (first
    match wins), or a function of the request. A reply that is an exception is raised. Asked once too often
    it raises `Unscripted`.

    Tokens are counted in words and marks; `stop` is honoured, `max_tokens` is not.

    >>> model = Scripted({"(?i)you are the judge": "side A", "": ["first", "second"]})

    Attributes:
        can: what `capabilities` says.
        cost: US dollars for one prompt token and one completion token.
        delay: seconds that a reply takes which sets no delay of its own.
        seen: the requests, in the order in which they came.
    """

    replies: Replies
    can: Capabilities = EVERYTHING
    cost: tuple[float, float] | None = (0.0, 0.0)
    delay: float = 0.0
    seen: list[Request] = field(default_factory=list)
    _cues: list[Cue] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._cues = _cues(self.replies)

    def capabilities(self, model: str) -> Capabilities:
        """`can`, whatever the model."""
        return self.can

    def price(self, model: str) -> tuple[float, float] | None:
        """`cost`, whatever the model."""
        return self.cost

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Say the next replies.

        Raises:
            Unscripted: no reply is left, or no expression fits.
            Exception: the one that stands in the script.
        """
        self.seen.append(request)
        return await perform(request, self._cues, sink, cost=self.cost, delay=self.delay)

    async def close(self) -> None:
        """Nothing to free."""


async def perform(
    request: Request,
    cues: Iterable[Cue],
    sink: Sink | None = None,
    *,
    cost: tuple[float, float] | None = (0.0, 0.0),
    delay: float = 0.0,
) -> Response:
    """Answer a request from the first cue that fits; the replies are picked before anything is awaited.

    Raises:
        Unscripted: no cue fits, or the cue has no reply left.
        ModelTimeout: the replies take longer than `request.timeout`.
    """
    cue = next((c for c in cues if c.fits(request)), None)
    if cue is None:
        raise Unscripted(f"no rule of the script fits; {asked(request)}")
    replies = [cue.next(request) for _ in range(request.n)]
    seconds = max((_delay(r, delay) for r in replies), default=delay)
    if request.timeout is not None and seconds > request.timeout:
        await asyncio.sleep(request.timeout)
        raise ModelTimeout(f"no reply within {request.timeout:g} s (scripted)", model=request.model)
    completions = [_completion(r, request) for r in replies]
    failed = next((c for c in completions if isinstance(c, Exception)), None)
    if failed is not None:
        await asyncio.sleep(seconds)
        raise failed
    said = tuple(c for c in completions if isinstance(c, Completion))
    await _speak(said, sink, seconds)
    usage = usage_of(request, said, cost, seconds)
    return Response(completions=said, usage=usage, model=request.model, seconds=seconds)


def conversation(request: Request) -> str:
    """The messages as one text, each under its role, as the rules of a script see them."""
    return "\n\n".join(f"{m.role}: {m.content}" for m in request.messages)


def asked(request: Request) -> str:
    """The end of the last message, for errors."""
    last = request.messages[-1].content if request.messages else ""
    return f"the last message was {last[-120:]!r}"


def count_tokens(text: str) -> int:
    """Words and marks of a text: the token count of a back end that has no tokenizer.

    >>> count_tokens("Is 3.11 larger?")
    6
    """
    return sum(1 for _ in _TOKEN.finditer(text))


def error_of(name: ErrorName, model: str, retry_after: float | None = None) -> ModelError:
    """The model error that a script calls `name`."""
    cls, status, text = _ERRORS[name]
    return cls(f"{text} (scripted)", model=model, status=status, retry_after=retry_after)


def usage_of(
    request: Request, said: Sequence[Completion], cost: tuple[float, float] | None, seconds: float
) -> Usage:
    """What a scripted request used; the price is None when `cost` is."""
    prompt = sum(count_tokens(m.content) for m in request.messages)
    written = sum(count_tokens(c.text) for c in said)
    usd = None if cost is None else prompt * cost[0] + written * cost[1]
    return Usage(calls=request.n, requests=1, prompt=prompt, completion=written, usd=usd, seconds=seconds)


def in_turn(lines: Sequence[Reply], *, repeat: bool = False) -> Callable[[int, Request], Reply | None]:
    """Says the lines in turn; then nothing, or the last one for ever."""

    def say(index: int, request: Request) -> Reply | None:
        if index < len(lines):
            return lines[index]
        return lines[-1] if repeat and lines else None

    return say


def searching(pattern: str) -> Callable[[Request], bool]:
    """Whether the expression is found in the conversation.

    Raises:
        InputError: not a regular expression.
    """
    try:
        found = re.compile(pattern).search
    except re.error as bad:
        raise InputError(f"not a regular expression: {pattern!r}: {bad}") from None
    return lambda request: found(conversation(request)) is not None


def _cues(replies: Replies) -> list[Cue]:
    if isinstance(replies, str):
        raise InputError(f"one text is not a sequence of replies: write [{replies[:40]!r}]")
    if isinstance(replies, Mapping):
        return [
            Cue(f"rule {number} ({pattern!r})", searching(pattern), _said(said))
            for number, (pattern, said) in enumerate(replies.items(), 1)
        ]
    if isinstance(replies, Sequence):
        return [Cue("the script", lambda _: True, in_turn(replies))]
    function = replies
    return [Cue("the script", lambda _: True, lambda _, request: function(request))]


def _said(said: Sequence[Reply] | str) -> Callable[[int, Request], Reply | None]:
    return in_turn([said], repeat=True) if isinstance(said, str) else in_turn(said)


def _delay(reply: Reply, default: float) -> float:
    return reply.delay if isinstance(reply, Line) and reply.delay is not None else default


def _completion(reply: Reply, request: Request) -> Completion | Exception:
    match reply:
        case Exception():
            return reply
        case Line(error=str() as name):
            return error_of(name, request.model, reply.retry_after)
        case Line():
            done = reply.completion()
        case Completion():
            done = reply
        case str():
            done = Completion(text=reply)
    return _as_asked(done, request)


def _as_asked(done: Completion, request: Request) -> Completion:
    """Cut at the first stop string; log-probabilities and the inside only where asked for."""
    text = done.text
    for stop in request.stop:
        text = text.partition(stop)[0]
    finish: Finish = done.finish if text == done.text else "stop"
    logprobs = None
    if request.logprobs is not None and done.logprobs is not None:
        logprobs = tuple(TokenLogprob(p.token, p.logprob, p.top[: request.logprobs]) for p in done.logprobs)
    inside = _as_probed(done.inside, request.probe)
    return replace(done, text=text, finish=finish, logprobs=logprobs, inside=inside)


def _as_probed(inside: Inside | None, probe: Probe | None) -> Inside | None:
    """What the probe asks for, and nothing else."""
    if inside is None or probe is None:
        return None
    wanted = Inside(
        certainty=inside.certainty if probe.certainty else None,
        labels=inside.labels if probe.labels else None,
        layers=inside.layers if probe.layers else None,
        rewards=inside.rewards if probe.reward else None,
    )
    return None if wanted == Inside() else wanted


async def _speak(said: Sequence[Completion], sink: Sink | None, seconds: float) -> None:
    """Let `seconds` pass; a listener hears the words spread over them."""
    words = [_WORD.findall(c.text) or [c.text] for c in said] if sink else []
    rounds = max((len(w) for w in words), default=0)
    if sink is None or not rounds:
        await asyncio.sleep(seconds)
        return
    for at in range(rounds):
        await asyncio.sleep(seconds / rounds)
        for index, parts in enumerate(words):
            if at < len(parts):
                sink(index, parts[at])
