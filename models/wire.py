"""What goes to a model and what comes back, in one shape for every back end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

import orjson

from rebut.records import Usage

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message.

    Attributes:
        images: pictures that stand before the text, each as a data URL (``data:image/png;base64,...``) or the
            address of one; only for back ends whose capabilities say so.
    """

    role: Role
    content: str
    images: tuple[str, ...] = ()

    def cells(self) -> list[Any]:
        """Role, content and images."""
        return [self.role, self.content, self.images]


def message_of(cells: Sequence[Any]) -> Message:
    """The message of a role, a content and, where there are any, images."""
    role, content, *images = cells
    return Message(role, content, *map(tuple, images))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is wanted from the inside of a model, beside its words.

    Attributes:
        certainty: for each token that is written, how far its distribution is from uniform.
        labels: texts whose probabilities as the next thing to be written are wanted.
        layers: the same for every layer of the network, read through the unembedding; needs `labels`.
        reward: the judgement of a reward model on the last message, which is an assistant's: of the whole
            (``outcome``) or of each of its `steps`. Nothing is written then.
        steps: the parts of the last message, in order; joined they give it.
    """

    certainty: bool = False
    labels: tuple[str, ...] = ()
    layers: bool = False
    reward: Literal["", "outcome", "steps"] = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a probe brought to light; None for what was not asked for.

    Attributes:
        certainty: of each token, KL(uniform || p) = -ln V - (1/V) sum_j ln p_j over the V tokens of the
            vocabulary, in nats, from 0 (uniform) up (Kang et al. 2025, arXiv:2502.18581).
        labels: natural-log probability of each label of the probe as the next thing to be written.
        layers: for each layer from the first to the last, the log-probabilities of the labels.
        rewards: raw outputs of the reward model: one, or one for each step.
    """

    certainty: tuple[float, ...] | None = None
    labels: tuple[float, ...] | None = None
    layers: tuple[tuple[float, ...], ...] | None = None
    rewards: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request for `n` completions of the same messages.

    Attributes:
        model: the model string, such as ``local/smollm2`` or ``openai/gpt-5-mini``.
        messages: system, user and assistant turns. A last assistant turn is a prefill: the completion
            continues it, and the back end returns only what was added.
        schema: a JSON Schema that the completion must fit, where the back end can constrain decoding.
        logprobs: None for none; otherwise how many alternatives per token (0: the chosen token only).
        timeout: seconds for one attempt.
        probe: what is wanted from inside the model; only for back ends whose capabilities say so.
        extra: passed through to the provider untouched.
    """

    model: str
    messages: tuple[Message, ...]
    n: int = 1
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    logprobs: int | None = None
    timeout: float | None = None
    probe: Probe | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, said: list[list[Any]] | None = None) -> bytes:
        """Canonical bytes (sorted keys); equal requests give equal bytes. `timeout` is left out.

        Args:
            said: the cells to be written for the messages; None for their own.
        """
        if said is None:
            said = [m.cells() if m.images else [m.role, m.content] for m in self.messages]
        body: dict[str, Any] = {
            "model": self.model,
            "messages": said,
            "n": self.n,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "stop": self.stop,
            "seed": self.seed,
            "schema": self.schema,
            "logprobs": self.logprobs,
            "extra": self.extra,
        }
        if self.probe is not None:
            body["probe"] = self.probe
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)

    def hash(self) -> str:
        """Content address of the request: 32 hex digits (BLAKE2b-128 of `as_json`)."""
        return hashlib.blake2b(self.as_json(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token that the model wrote, its natural-log probability, and the alternatives with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


Finish = Literal["stop", "length", "content_filter", "tool_calls", "error", "edited"]
"""Why a completion ended; ``edited``: a person wrote it in the model's place, in a fork of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One completion. `reasoning` is what a reasoning model showed apart from its answer, `inside` what the
    request's probe found."""

    text: str
    finish: Finish = "stop"
    logprobs: tuple[TokenLogprob, ...] | None = None
    reasoning: str | None = None
    inside: Inside | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The completions of one request, and what they used.

    `usage.usd` is None when no price is known. `seconds` is the time from sending to the last byte.
    """

    completions: tuple[Completion, ...]
    usage: Usage
    model: str = ""
    seconds: float = 0.0
    id: str = ""

    def as_json(self, said: Sequence[str] | None = None) -> bytes:
        """Bytes that `response_of` reads back; with `said`, that in the places of the completions' texts."""
        texts = [c.text for c in self.completions] if said is None else said
        return orjson.dumps(
            {
                "completions": [
                    {"text": text, "finish": c.finish, "reasoning": c.reasoning}
                    | (
                        {"logprobs": [[p.token, p.logprob, p.top] for p in c.logprobs]}
                        if c.logprobs is not None
                        else {}
                    )
                    | ({"inside": c.inside} if c.inside is not None else {})
                    for c, text in zip(self.completions, texts, strict=True)
                ],
                "usage": self.usage.__dict__,
                "model": self.model,
                "seconds": self.seconds,
                "id": self.id,
            }
        )


def sound(response: Response) -> Response:
    """The response with every text fit to be kept: halves of surrogate pairs become question marks."""
    if all(c.text.isascii() for c in response.completions):
        return response
    return replace(response, completions=tuple(_sound(c) for c in response.completions))


def _sound(completion: Completion) -> Completion:
    text, reasoning = _unicode(completion.text), completion.reasoning
    return replace(completion, text=text, reasoning=None if reasoning is None else _unicode(reasoning))


def _unicode(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def response_of(body: bytes | str) -> Response:
    """The response whose `as_json` is `body`."""
    data = orjson.loads(body)
    return Response(
        completions=tuple(
            Completion(
                text=c["text"],
                finish=c["finish"],
                reasoning=c.get("reasoning"),
                logprobs=tuple(
                    TokenLogprob(t, lp, tuple((a, b) for a, b in top)) for t, lp, top in c["logprobs"]
                )
                if "logprobs" in c
                else None,
                inside=_inside(c["inside"]) if "inside" in c else None,
            )
            for c in data["completions"]
        ),
        usage=Usage(**data["usage"]),
        model=data["model"],
        seconds=data["seconds"],
        id=data["id"],
    )


def _inside(data: Mapping[str, Any]) -> Inside:
    layers = data["layers"]
    found = {name: tuple(values) for name, values in data.items() if values is not None}
    if layers is not None:
        found["layers"] = tuple(map(tuple, layers))
    return Inside(**found)


def request_of(body: bytes | str) -> Request:
    """The request whose `as_json` is `body`."""
    data = orjson.loads(body)
    data["messages"] = tuple(map(message_of, data["messages"]))
    data["stop"] = tuple(data["stop"])
    if probe := data.get("probe"):
        data["probe"] = Probe(**probe | {name: tuple(probe[name]) for name in ("labels", "steps")})
    return Request(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a back end can do for a model.

    `n` means that one request may ask for several completions with one prefill; `schema` that decoding
    is constrained; `prefill` that a last assistant message is continued; `certainty`, `labels` and `layers`
    that such a probe is answered; `images` that messages may hold pictures; `reward` which judgements a
    reward model gives (it then writes nothing); `prefix_cache` that a prompt whose beginning was read lately
    costs less; `prefix_least` are the tokens from which one request of a fan-out is worth sending ahead of
    the others for that, 0 where the back end sees to it by itself; `reply` is the most tokens of any
    completion, whatever a request allows, 0 where the back end sets no such limit.
    """

    n: bool = False
    schema: bool = False
    logprobs: bool = False
    seed: bool = False
    prefill: bool = False
    stream: bool = False
    certainty: bool = False
    labels: bool = False
    layers: bool = False
    images: bool = False
    reward: Literal["", "outcome", "steps"] = ""
    prefix_cache: bool = False
    prefix_least: int = 0
    reply: int = 0
    concurrency: int = 64


Sink = Callable[[int, str], None]
"""Takes (index of the completion, piece of text) while it is written."""


@runtime_checkable
class Backend(Protocol):
    """A place where models run. One instance serves all models of its prefix; safe for concurrent calls."""

    def capabilities(self, model: str) -> Capabilities:
        """What the back end can do for the model; must not load the model."""
        ...

    def complete(self, request: Request, sink: Sink | None = None) -> Coroutine[Any, Any, Response]:
        """Ask for completions: one attempt, no retry, no limit; cancelling the task cancels the work.

        May return fewer completions than `request.n`. `sink`, where the back end can stream, gets text as
        it comes; the response is complete all the same.

        Raises:
            ModelError: one of its subclasses.
        """
        ...

    def price(self, model: str) -> tuple[float, float] | None:
        """US dollars for one prompt token and one completion token; None when not known."""
        ...

    async def close(self) -> None:
        """Free what the back end holds; no call is in flight."""
        ...
