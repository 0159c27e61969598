"""The one stream of events that the command line, the store, viewers and servers render.

What happens in a workflow that a node calls has the node's place before its own: ``inner/1.draw``.

Durable events carry a sequence number within their run, are kept in the store, and come out of a replay
byte for byte: they hold nothing that the journal does not determine. `t` is the run's clock in seconds
since its start; it moves only when a recorded crossing (a model call) is handed over. Ephemeral events
(`seq` is None) are for whoever watches live: calls that start, retries, tokens as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from rebut.records import jsonable


@dataclass(slots=True, kw_only=True)
class Event:
    """Base of all events. `run` is the run's id."""

    kind: ClassVar[str] = "event"
    durable: ClassVar[bool] = True

    run: str = ""
    seq: int | None = None
    t: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The event as JSON types, `kind` first; keys that are no texts become texts, as in `as_json`."""
        return dict(orjson.loads(self.as_json()))

    def as_json(self) -> bytes:
        """One line of JSON without the line's end; equal events give equal bytes."""
        try:
            packed = orjson.dumps(self, default=jsonable)
        except TypeError:  # perhaps of keys that are no texts: to allow for them takes longer
            packed = orjson.dumps(self, default=jsonable, option=orjson.OPT_NON_STR_KEYS)
        return b'{"kind":"' + self.kind.encode() + b'",' + packed[1:]


@dataclass(slots=True, kw_only=True)
class RunStarted(Event):
    """A run begins. `input` holds the question and other inputs, `params` the resolved parameters."""

    kind: ClassVar[str] = "run.started"
    workflow: str
    input: Mapping[str, Any]
    params: Mapping[str, Any]
    models: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class NodeStarted(Event):
    """A node begins; `visit` counts from 1."""

    kind: ClassVar[str] = "node.started"
    node: str
    visit: int
    does: str = ""


@dataclass(slots=True, kw_only=True)
class CallFinished(Event):
    """A model call was answered, or failed for good (`error` is then the reason, `texts` empty).

    `call` is the call's path in the run, `texts` the completions, `returned` what the role read from each
    (a record as JSON types, or None when it abstained).
    """

    kind: ClassVar[str] = "call.finished"
    node: str
    visit: int
    call: str
    agent: str
    role: str
    model: str
    texts: tuple[str, ...]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class NodeFinished(Event):
    """A node is done. `wrote` is what it saved, as JSON types; `to` the nodes that come next."""

    kind: ClassVar[str] = "node.finished"
    node: str
    visit: int
    wrote: Mapping[str, Any]
    to: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Noted(Event):
    """Something that a reader of the result should know.

    `what` is one of: abstained, failed, reasked, repaired, quorum, tie, fallback, stopped_early, budget.
    """

    kind: ClassVar[str] = "noted"
    node: str
    what: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class RunFinished(Event):
    """The run is over. `stop_reason` is one of: answered, budget, failed, cancelled."""

    kind: ClassVar[str] = "run.finished"
    answer: Any
    stop_reason: str
    detail: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class CallStarted(Event):
    """A model call was sent."""

    kind: ClassVar[str] = "call.started"
    durable: ClassVar[bool] = False
    node: str
    call: str
    agent: str
    role: str
    model: str
    n: int = 1


@dataclass(slots=True, kw_only=True)
class CallDelta(Event):
    """A piece of text arrived for completion `index` of a call."""

    kind: ClassVar[str] = "call.delta"
    durable: ClassVar[bool] = False
    node: str
    call: str
    agent: str
    index: int
    text: str


@dataclass(slots=True, kw_only=True)
class CallRetrying(Event):
    """A call failed in a way that may pass; it is tried again in `wait` seconds."""

    kind: ClassVar[str] = "call.retrying"
    durable: ClassVar[bool] = False
    node: str
    call: str
    agent: str
    attempt: int
    wait: float
    error: str


EVENTS: Mapping[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        RunStarted, NodeStarted, CallFinished, NodeFinished, Noted, RunFinished,
        CallStarted, CallDelta, CallRetrying,
    )
}  # fmt: skip

Emit = Callable[[Event], None]


def within(node: str) -> str:
    """The place of the call in which a node stands, such as ``inner/1`` of ``inner/1.draw``; empty where it
    is one of the run's own workflow."""
    return node.rpartition(".")[0]


def event_of(data: Mapping[str, Any]) -> Event:
    """The event that `as_dict` described.

    Raises:
        KeyError: the kind is not known.
    """
    fields = dict(data)
    cls = EVENTS[fields.pop("kind")]
    for name in ("texts", "to"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return cls(**fields)
