"""A stage for workflows: every agent has its own scripted replies, and what each of them saw is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import rebut
from rebut.graphs.result import Result
from rebut.graphs.runtime import Runtime
from rebut.graphs.workflow import Workflow, loads
from rebut.models.gateway import Gateway
from rebut.models.script import Line, Scripted
from rebut.models.wire import Capabilities, Completion, Request, Response, Sink
from rebut.settings import Settings

SINGLE = Capabilities(n=False, schema=True, logprobs=True, seed=True, prefill=True)
NATIVE = Capabilities(n=True, schema=True, logprobs=True, seed=True, prefill=True)

Reply = str | Completion | Exception | Line
Said = Reply | Sequence[Reply] | Callable[[Request], Any]


@dataclass
class Stage:
    """Plays workflows without a store. `said` maps an agent to what it says: a reply that it always gives,
    replies in turn, or a function of the request."""

    said: Mapping[str, Said]
    can: Capabilities = SINGLE
    seen: list[tuple[str, Request]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._voices = {agent: _voice(said, self.can) for agent, said in self.said.items()}

    def capabilities(self, model: str) -> Capabilities:
        return self.can

    def price(self, model: str) -> tuple[float, float] | None:
        return (0.0, 0.0)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        agent = request.model.partition("/")[2]
        self.seen.append((agent, request))
        return await self._voices[agent].complete(request, sink)

    async def close(self) -> None:
        pass

    async def play(self, ref: str | Workflow, question: str = "What is 2 + 2?", **options: Any) -> Result:
        """Run a workflow: a library name, YAML text, or a loaded one."""
        return await self.workflow(ref, options.pop("kind", "number")).run(question, **options)

    def workflow(self, ref: str | Workflow, kind: str = "number") -> Workflow:
        settings = Settings(retries=0)
        runtime = Runtime("none", settings=settings, gateway=Gateway(settings, {"stage": self}))
        if isinstance(ref, str):
            ref = loads(ref) if "\n" in ref else rebut.load(ref)
        seats = {seat for agent in ref.spec.agents.values() for seat in agent.seats} & self.said.keys()
        models = {name: f"stage/{name}" for name in (*ref.spec.agents, *seats)}
        return ref.with_(models=models, kind=kind, runtime=runtime)

    @property
    def order(self) -> list[str]:
        """Who was asked, one entry a request."""
        return [agent for agent, _ in self.seen]

    @property
    def calls(self) -> int:
        """Completions asked for."""
        return sum(request.n for _, request in self.seen)

    def asked(self, agent: str) -> list[Request]:
        return [request for name, request in self.seen if name == agent]

    def prompts(self, agent: str) -> list[str]:
        """What the agent was shown: all messages of each request as one text."""
        return [text_of(request) for request in self.asked(agent)]


def _voice(said: Said, can: Capabilities) -> Scripted:
    if callable(said):
        return Scripted(said, can=can)
    if isinstance(said, str):
        return Scripted({"": said}, can=can)
    if isinstance(said, Completion | Exception | Line):
        return Scripted([said] * 1000, can=can)
    return Scripted(list(said), can=can)


def text_of(request: Request) -> str:
    return "\n".join(message.content for message in request.messages)


def roles_of(request: Request) -> list[str]:
    return [message.role for message in request.messages]


def verdict(answer: str = "", side: str = "neither") -> str:
    return json.dumps({"reason": "because", "side": side, "answer": answer})


def critique(accepted: bool, text: str = "mend it") -> str:
    return json.dumps({"text": text, "accepted": accepted})


def grade(score: int) -> str:
    return json.dumps({"reason": "so", "score": score})


def grades(*scores: int) -> str:
    return json.dumps({"scores": scores})


def noted(result: Result, what: str, node: str | None = None) -> list[str]:
    """The texts of the notes of one sort."""
    return [n.text for n in result.notes if n.what == what and node in (None, n.node)]


def able(**can: Any) -> Capabilities:
    return replace(SINGLE, **can)
