"""Events told as blocks: who said what, how a vote went, what was ruled, what must be known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from rebut.events import (
    CallFinished,
    CallRetrying,
    Event,
    NodeFinished,
    NodeStarted,
    Noted,
    RunFinished,
    RunStarted,
    within,
)
from rebut.records import plain

from .text import cached, clock, many, money, one_line, short, words

Kind = Literal["run", "round", "speech", "vote", "ruling", "note", "trouble", "end"]


@dataclass(frozen=True, slots=True)
class Row:
    """An answer in a vote: its share of the weight in [0, 1]."""

    answer: str
    weight: float
    share: float
    voters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One thing to show. `head` is one short line; `body` may be long and is not cleaned yet."""

    kind: Kind
    head: str
    body: str = ""
    agent: str = ""
    t: float = 0.0
    rows: tuple[Row, ...] = ()


@dataclass(slots=True)
class Teller:
    """Turns events into blocks; remembers the rounds it is in, and the models of the run."""

    rounds: dict[str, int] = field(default_factory=dict)
    """By the place of a called workflow; that of the run's own is empty."""
    models: set[str] = field(default_factory=set)

    def tell(self, event: Event) -> Iterator[Block]:
        """The blocks of one event, often none or one."""
        match event:
            case RunStarted():
                self.models = set(event.models.values())
                yield Block(kind="run", head=event.workflow, body=words(event.input.get("question", "")))
            case NodeStarted() if event.visit > self.rounds.get(place := within(event.node), 1):
                self.rounds[place] = event.visit
                yield Block(kind="round", head=f"{place} round {event.visit}".strip(), t=event.t)
            case CallFinished():
                yield from self._speech(event)
            case NodeFinished():
                for name, value in event.wrote.items():
                    yield from _saved(name.rstrip("+"), plain(value), event)
            case Noted():
                yield Block(kind="note", head=f"{event.what} at {event.node}" if event.node else event.what,
                            body=event.text, t=event.t)  # fmt: skip
            case CallRetrying():
                head = f"{event.agent}: retry {event.attempt} in {event.wait:.0f}s"
                yield Block(kind="trouble", head=head, body=event.error, agent=event.agent, t=event.t)
            case RunFinished():
                yield Block(kind="end", head=ending(event), t=event.t)
            case _:
                pass

    def _speech(self, event: CallFinished) -> Iterator[Block]:
        if event.error is not None:
            head = f"{self._who(event)} failed"
            yield Block(kind="trouble", head=head, body=event.error, agent=event.agent, t=event.t)
        for i, text in enumerate(event.texts):
            head = self._who(event) + (f" {i + 1}/{len(event.texts)}" if len(event.texts) > 1 else "")
            yield Block(kind="speech", head=head, body=spoken(text), agent=event.agent, t=event.t)

    def _who(self, event: CallFinished) -> str:
        mixed = len(self.models) > 1 or event.role not in ("", event.agent)
        aside = event.model if len(self.models) > 1 else event.role
        place = f" in {within(event.node)}" if within(event.node) else ""
        return (f"{event.agent} ({aside})" if mixed else event.agent) + place


def ending(event: RunFinished) -> str:
    """How the run ended and what it used, in one line."""
    usage = event.usage
    spent = [many(int(usage.get("calls", 0)), "call"), _tokens(usage)]
    if usage.get("usd", 0.0) != 0:
        spent.append(money(usage.get("usd")))
    if event.t:
        spent.append(clock(event.t))
    why = event.stop_reason + (f": {event.detail}" if event.detail else "")
    if event.detail.startswith(event.stop_reason):
        why = event.detail
    return f"{why} ({', '.join(spent)})"


def _tokens(usage: Mapping[str, Any]) -> str:
    """All tokens, and how much of those that went in was cached, if any."""
    prompt, completion = int(usage.get("prompt", 0)), int(usage.get("completion", 0))
    from_cache = cached(int(usage.get("cached", 0)), prompt)
    told = f"{short(prompt + completion)} tokens"
    return f"{told} ({short(prompt)} in, {from_cache})" if from_cache else told


def spoken(text: str) -> str:
    """A reply as a reader wants it: a JSON object as one ``name: value`` line per field, text as it is."""
    if not (text.lstrip().startswith("{") and text.rstrip().endswith("}")):
        return text
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return "\n".join(f"{name}: {words(value)}" for name, value in fields.items())


def _saved(name: str, value: Any, event: NodeFinished) -> Iterator[Block]:
    if not isinstance(value, Mapping):
        value = {"items": value} if isinstance(value, list) else {"value": value}
    if {"tallies", "share"} <= value.keys():
        yield _vote(value, event)
    elif (said := _ruling(name, value)) is not None:
        yield Block(kind="ruling", head=said[0], body=said[1], agent=str(value.get("agent", "")), t=event.t)


def _vote(vote: Mapping[str, Any], event: NodeFinished) -> Block:
    total = sum(tally["weight"] for tally in vote["tallies"]) or 1.0
    rows = tuple(
        Row(
            one_line(words(tally["answer"]), 60),
            tally["weight"],
            tally["weight"] / total,
            len(tally["members"]),
        )
        for tally in vote["tallies"]
    )
    head = f"{event.node}: {vote['rule']} vote of {vote['voters']}"
    for fact in ("abstained", "failed"):
        head += f", {vote[fact]} {fact}" if vote.get(fact) else ""
    return Block(kind="vote", head=head + (", tied" if vote.get("tied") else ""), rows=rows, t=event.t)


def _ruling(name: str, value: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a saved value says: a head and a body; None for what the speeches have shown already."""
    if {"decided", "side"} <= value.keys():
        if not value["decided"]:
            return f"{name}: undecided", ""
        side = f" for {value['side']}" if value.get("side") else ""
        return f"{name}: decided{side}", words(value["answer"])
    if {"accepted", "text"} <= value.keys():
        return f"{name}: {'accepted' if value['accepted'] else 'to mend'}", ""
    if {"text", "answer", "scores"} <= value.keys():
        return (f"{name}: answer", words(value["answer"])) if value["answer"] is not None else None
    if {"workflow", "stop_reason", "kept"} <= value.keys():
        used = many(int(value["calls"]), "call")
        return f"{name}: {value['workflow']} {value['stop_reason']} ({used})", words(value["answer"])
    if {"value", "steps", "reason"} <= value.keys():
        return f"{name}: score {value['value']:.3g}", ""
    if {"answers", "agent"} <= value.keys():
        return f"{name}: {many(len(value['answers']), 'answer')}", "; ".join(map(words, value["answers"]))
    if set(value) == {"items"}:
        return _several(name, value["items"])
    if set(value) == {"value"} and isinstance(value["value"], str | int | float):
        return name, words(value["value"])
    return None


def _several(name: str, items: Sequence[Any]) -> tuple[str, str] | None:
    records = [item for item in items if isinstance(item, Mapping)]
    if not records:
        return None
    if all("accepted" in record for record in records):
        stood = sum(bool(record["accepted"]) for record in records)
        return f"{name}: {stood} of {len(items)} accepted", ""
    if len(items) > 1 and all({"answer", "text"} <= record.keys() for record in records):
        counts = Counter(one_line(words(record["answer"]), 40) for record in records)
        told = [answer + (f" x{n}" if n > 1 else "") for answer, n in counts.most_common()]
        return f"{name}: {many(len(records), 'answer')}", ", ".join(told)
    return None
