"""From tokens to text while they are written: whole characters only, and nothing past a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Decode = Callable[[Sequence[int]], str]

_TAIL = 6  # tokens before the first that is written; some tokenizers write a word apart at a text's start
_UNFINISHED = "\ufffd"


class Text:
    """The text of one completion.

    A token's text depends on the one before it, and a character may take several tokens: the text of a
    token is what it adds to the text of a short window before it, once that ends with a whole character.
    """

    def __init__(self, decode: Decode, prompt: Sequence[int], stop: Sequence[str] = ()) -> None:
        self._decode, self._stop = decode, tuple(filter(None, stop))
        self._ids = list(prompt[-_TAIL:])
        self._from, self._read = 0, len(self._ids)
        self._starts: list[int] = []
        self._text, self._told = "", 0
        self.stopped = False

    @property
    def text(self) -> str:
        """What is written so far; after a stop string, what stood before it."""
        return self._text

    @property
    def kept(self) -> int:
        """How many of the tokens begin within the text; those of a stop string do not."""
        if not self.stopped:
            return len(self._starts)
        return sum(start < len(self._text) for start in self._starts)

    def add(self, token: int) -> str:
        """Take in a token; returns the piece that can be shown, which may be empty."""
        self._ids.append(token)
        self._starts.append(len(self._text))
        piece = self._new()
        if piece and not piece.endswith(_UNFINISHED):
            self._take(piece)
        return self._tell(self._safe())

    def finish(self) -> str:
        """The piece that was held back, once there are no more tokens."""
        if not self.stopped and (piece := self._new()):
            self._take(piece)
        return self._tell(len(self._text))

    def _new(self) -> str:
        known = self._decode(self._ids[self._from : self._read])
        return self._decode(self._ids[self._from :])[len(known) :]

    def _take(self, piece: str) -> None:
        self._from, self._read = self._read, len(self._ids)
        looked = len(self._text)
        self._text += piece
        found = [at for stop in self._stop if (at := self._find(stop, looked)) >= 0]
        if found:
            self._text, self.stopped = self._text[: min(found)], True

    def _find(self, stop: str, looked: int) -> int:
        return self._text.find(stop, max(0, looked - len(stop) + 1))

    def _safe(self) -> int:
        """Up to where no stop string can begin any more."""
        if self.stopped:
            return len(self._text)
        held = 0
        for stop in self._stop:
            longest = min(len(stop) - 1, len(self._text))
            held = max(held, next((k for k in range(longest, 0, -1) if self._text.endswith(stop[:k])), 0))
        return len(self._text) - held

    def _tell(self, end: int) -> str:
        start, self._told = self._told, max(self._told, end)
        return self._text[start:end]
