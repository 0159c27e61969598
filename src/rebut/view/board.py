"""The standing of a run at a moment: who is speaking, what was spent, what is left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rebut.events import (
    CallDelta,
    CallFinished,
    CallRetrying,
    CallStarted,
    Event,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    within,
)

KEPT = 8_000
"""Characters kept of a text while it streams; only its end is shown."""


@dataclass(slots=True)
class Speech:
    """A call in flight: who was asked, and what has come so far, by the completion's index."""

    agent: str
    node: str
    model: str
    n: int = 1
    texts: dict[int, str] = field(default_factory=dict)
    trouble: str = ""

    def hear(self, index: int, piece: str) -> None:
        """Add a piece; keeps only the end of a long text."""
        text = self.texts.get(index, "") + piece
        self.texts[index] = text[-KEPT:] if len(text) > 2 * KEPT else text

    @property
    def text(self) -> str:
        """What the most advanced completion says so far."""
        return max(list(self.texts.values()), key=len, default="")


@dataclass(slots=True)
class Board:
    """Folds events one by one. `planned` and `worst` are calls of a typical and of the longest run."""

    planned: int | None = None
    worst: int | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    run: str = ""
    workflow: str = ""
    round: int = 1
    nodes: dict[str, int] = field(default_factory=dict)
    speaking: dict[str, Speech] = field(default_factory=dict)
    calls: int = 0
    failed: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    usd: float | None = 0.0
    over: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt + self.completion

    @property
    def seconds(self) -> float:
        """Wall time since the board was set up."""
        return time.monotonic() - self.began

    def see(self, event: Event) -> None:
        """Take the event in."""
        match event:
            case RunStarted():
                self.run, self.workflow = event.run, event.workflow
            case NodeStarted():
                self.nodes[event.node] = event.visit
                self.round = self.round if within(event.node) else max(self.round, event.visit)
            case NodeFinished():
                self.nodes.pop(event.node, None)
            case CallStarted():
                self.speaking[event.call] = Speech(event.agent, event.node, event.model, event.n)
            case CallDelta():
                speech = self.speaking.setdefault(event.call, Speech(event.agent, event.node, ""))
                speech.hear(event.index, event.text)
            case CallRetrying():
                speech = self.speaking.setdefault(event.call, Speech(event.agent, event.node, ""))
                speech.texts = {}
                speech.trouble = f"retry {event.attempt} in {event.wait:.0f}s: {event.error}"
            case CallFinished():
                self._spent(event)
            case RunFinished():
                self.over = True
                self.speaking.clear()
            case _:
                pass

    def _spent(self, event: CallFinished) -> None:
        self.speaking.pop(event.call, None)
        self.calls += max(1, len(event.texts))
        self.failed += event.error is not None
        self.prompt += event.prompt_tokens
        self.completion += event.completion_tokens
        self.cached += event.cached_tokens
        self.usd = None if self.usd is None or event.usd is None else self.usd + event.usd

    def left(self) -> dict[str, float]:
        """What is left of each limit, never below zero."""
        spent = {"calls": self.calls, "tokens": self.tokens, "usd": self.usd or 0.0, "seconds": self.seconds}
        return {name: max(0.0, limit - spent[name]) for name, limit in self.limits.items() if name in spent}
