"""Writes the completions of one prompt, side by side, a token of each at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from ..wire import Completion, Finish, Inside, Request, TokenLogprob
from . import sampling
from .loading import Loaded
from .reading import Read, Reader, Stopped, branch
from .sampling import Taste
from .schemas import Keeper
from .text import Text

Tell = Callable[[int, str], None]


@dataclass(eq=False)
class Reply:
    """One completion while it is written."""

    index: int
    text: Text
    chance: Any
    keeper: Keeper | None = None
    tokens: list[TokenLogprob] = field(default_factory=list)
    certainty: list[float] = field(default_factory=list)
    last: int = -1
    written: int = 0
    finish: Finish | None = None

    def completion(self, request: Request, found: Inside | None) -> Completion:
        """The completion, once it is finished; `found` is what was found at the end of the prompt."""
        kept = self.text.kept
        if found is not None and request.probe is not None and request.probe.certainty:
            found = Inside(certainty=tuple(self.certainty[:kept]), labels=found.labels, layers=found.layers)
        return Completion(
            text=self.text.text,
            finish=self.finish or "stop",
            logprobs=tuple(self.tokens[:kept]) if request.logprobs is not None else None,
            inside=found,
        )


class Writer:
    """Writes for one request."""

    def __init__(
        self, loaded: Loaded, reader: Reader, request: Request, taste: Taste, stopped: Callable[[], bool]
    ) -> None:
        self._loaded, self._reader, self._request, self._taste = loaded, reader, request, taste
        self._stopped = stopped

    def write(self, read: Read, replies: Sequence[Reply], tell: Tell) -> None:
        """Write the replies to their end.

        Raises:
            Stopped: nobody waits any more.
        """
        if read.plain:
            return self._write(read, list(replies), tell)
        for reply in replies:  # this kind of memory serves one text only: each reads the prompt for itself
            fresh = self._reader.read(read.ids, hidden=False, stopped=self._stopped)
            self._write(fresh, [reply], tell)
        return None

    def _write(self, read: Read, replies: list[Reply], tell: Tell) -> None:
        logits = read.logits.unsqueeze(0).expand(len(replies), -1)
        cache = _fork(read, len(replies))
        left = self._most(read)
        while True:
            if self._stopped():
                raise Stopped
            self._advance(replies, logits, left, tell)
            left -= 1
            going = [i for i, reply in enumerate(replies) if reply.finish is None]
            if not going:
                return
            if len(going) < len(replies):
                cache.batch_select_indices(self._tensor(going))
                replies = [replies[i] for i in going]
            out = self._reader.step(self._tensor([[reply.last] for reply in replies]), cache)
            logits, cache = out.logits[:, -1], out.past_key_values

    def _most(self, read: Read) -> int:
        room, asked = self._loaded.ctx - len(read.ids), self._request.max_tokens
        return room if asked is None else min(room, asked)

    def _tensor(self, numbers: Any) -> Any:
        return import_module("torch").tensor(numbers, device=self._loaded.net.device)

    def _advance(self, replies: Sequence[Reply], logits: Any, left: int, tell: Tell) -> None:
        rows = logits.float().cpu()
        for reply, row in zip(replies, rows, strict=True):
            if left > 0:
                self._next(reply, row, tell)
            if left <= 1 and reply.finish is None:
                self._end(reply, "length", tell)

    def _next(self, reply: Reply, row: Any, tell: Tell) -> None:
        ends = () if self._taste.ignore_end else self._loaded.ends
        if reply.keeper is not None and reply.keeper.done:
            return self._end(reply, "stop", tell)
        offered = row if reply.keeper is None else reply.keeper.narrow(row)
        if self._taste.ignore_end and reply.keeper is None:
            offered = offered.clone()
            offered[list(self._loaded.ends)] = float("-inf")
        token = sampling.draw(offered, self._taste, reply.chance)
        reply.written += 1
        if token in ends:
            return self._end(reply, "stop", tell)
        self._note(reply, row, token)
        if piece := reply.text.add(token):
            tell(reply.index, piece)
        if reply.text.stopped:
            return self._end(reply, "stop", tell)
        return None

    def _note(self, reply: Reply, row: Any, token: int) -> None:
        """Keep what was asked for of a token and its distribution."""
        reply.last = token
        if reply.keeper is not None:
            reply.keeper.take(token)
        certain = self._request.probe is not None and self._request.probe.certainty
        if not certain and self._request.logprobs is None:
            return
        own = sampling.logprobs(row)
        if certain:
            reply.certainty.append(sampling.certainty(own))
        if self._request.logprobs is not None:
            top = tuple(self._named(sampling.best(own, self._request.logprobs)))
            reply.tokens.append(TokenLogprob(self._loaded.decode([token]), float(own[token]), top))

    def _named(self, best: list[tuple[int, float]]) -> Iterator[tuple[str, float]]:
        return ((self._loaded.decode([token]), value) for token, value in best)

    def _end(self, reply: Reply, finish: Finish, tell: Tell) -> None:
        reply.finish = finish
        if piece := reply.text.finish():
            tell(reply.index, piece)


def _fork(read: Read, count: int) -> Any:
    """The memory of the prompt, once for each of `count` replies."""
    if not read.plain:
        return read.cache
    cache = branch(read.cache)
    if count > 1:
        cache.batch_repeat_interleave(count)
    return cache
