"""What a back end brings along to be examined: itself, a model, and what is known about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rebut.models.wire import Backend, Capabilities, Completion, Message, Request, Response

Pieces = dict[int, list[str]]

QUESTION = "Is the sky blue? Answer yes or no."
LIST = Message("user", "Name three fruits.")


@dataclass(kw_only=True)
class Subject:
    """A back end under examination.

    Attributes:
        fresh: makes another instance that has not been used.
        unknown: a model string of its prefix that nobody serves.
        context: tokens that prompt and reply may fill; None where there is no such limit.
        count: the engine's own count of the tokens of a prompt, asked for by another way than rebut's; None
            where there is no other way.
        idle: whether nothing is being read or written for anybody; None where it cannot be seen.
        writes: whether a model writes as long as it may; a script says its lines whatever is asked.
        endless: what keeps a model writing, as `Request.extra`.
        left_at_any_time: whether work ends with a caller who leaves; else only while it streams.
        no_schema: whether the server does not do what the provider's own does.
        counts_streams: whether the server counts a stream unasked; LiteLLM guesses where it does not.
        counts_long: whether a prompt that is too long is counted to its end.
        after_close: whether a closed instance answers again; starting some engines anew takes too long.
    """

    name: str
    backend: Backend
    model: str
    fresh: Callable[[], Backend]
    unknown: str
    context: int | None = None
    count: Callable[[Sequence[Message]], Awaitable[int]] | None = None
    idle: Callable[[], Awaitable[bool]] | None = None
    writes: bool = True
    endless: dict[str, Any] = field(default_factory=lambda: {"ignore_eos": True})
    left_at_any_time: bool = True
    after_close: bool = True
    no_schema: bool = False
    counts_streams: bool = True
    counts_long: bool = True

    @property
    def can(self) -> Capabilities:
        """What it declares for its model, less what the server at hand falls short of."""
        declared = self.backend.capabilities(self.model)
        return replace(declared, schema=declared.schema and not self.no_schema)

    def ask(self, *messages: Message | str, **options: Any) -> Request:
        """A request of at most 12 tokens at temperature 0, unless told otherwise."""
        said = tuple(Message("user", m) if isinstance(m, str) else m for m in messages or (QUESTION,))
        settings: dict[str, Any] = {"model": self.model, "temperature": 0.0, "max_tokens": 12, **options}
        return Request(messages=said, **settings)

    async def answer(self, *messages: Message | str, **options: Any) -> Response:
        """The response to `ask(...)`."""
        return await self.backend.complete(self.ask(*messages, **options))

    async def one(self, *messages: Message | str, **options: Any) -> Completion:
        """The only completion of `ask(...)`."""
        response = await self.answer(*messages, **options)
        assert len(response.completions) == 1
        return response.completions[0]

    async def text(self, *messages: Message | str, **options: Any) -> str:
        """The text of the only completion of `ask(...)`."""
        return (await self.one(*messages, **options)).text

    async def heard(self, *messages: Message | str, **options: Any) -> tuple[Response, Pieces]:
        """The response to `ask(...)`, and what a sink was told meanwhile."""
        pieces: Pieces = {}
        request = self.ask(*messages, **options)
        response = await self.backend.complete(request, lambda i, t: pieces.setdefault(i, []).append(t))
        return response, pieces

    def long(self, **options: Any) -> Request:
        """A request that keeps the model writing for many seconds."""
        return self.ask(QUESTION, **{"max_tokens": 900, "extra": self.endless, **options})
