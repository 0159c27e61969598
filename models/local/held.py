"""What the engine's slots hold from earlier prompts, as far as can be told from outside."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..prefixes import shared

_SIMILAR = 0.1  # llama.cpp's own measure: from here on it takes the slot that begins alike


@dataclass(slots=True, eq=False)
class Entry:
    """A prompt in a slot."""

    text: str
    busy: bool = False


class Held:
    """A model of llama.cpp's choice of slots: the one that begins most alike, else the one longest unused.

    It decides only whether a warm-up pays; where it errs, work is done twice, never wrongly. May be used from
    any thread.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._entries: list[Entry] = []  # the one unused for longest first
        self._lock = threading.Lock()

    def take(self, text: str, n: int) -> Entry:
        """A request for `n` completions starts: its prompt fills one slot, its copies are not kept."""
        with self._lock:
            self._leave(text)
            entry = Entry(text, busy=True)
            self._entries.append(entry)
            self._shrink(self._slots - (n - 1))
            return entry

    def give(self, entry: Entry) -> None:
        """The request has ended; its slot still holds the prompt."""
        entry.busy = False

    def spread(self, text: str, copies: int) -> None:
        """The text was read once and now fills so many slots."""
        with self._lock:
            self._leave(text)
            self._shrink(self._slots - copies)
            self._entries += [Entry(text) for _ in range(copies)]

    def lacking(self, text: str, takers: int) -> list[int]:
        """Characters of the text that each of so many requests would have to read."""
        with self._lock:
            found = sorted((shared(text, e.text) for e in self._entries if not e.busy), reverse=True)
        found = (found + [0] * takers)[:takers]
        return [len(text) - there for there in found]

    def _leave(self, text: str) -> None:
        """Make the slot that is taken for the text free of what it held."""
        idle = [entry for entry in self._entries if not entry.busy]
        best = max(idle, key=lambda entry: shared(text, entry.text), default=None)
        if best is not None and shared(text, best.text) > _SIMILAR * len(text):
            self._entries.remove(best)
        else:
            self._shrink(self._slots - 1)

    def _shrink(self, most: int) -> None:
        for entry in [e for e in self._entries if not e.busy]:
            if len(self._entries) <= most:
                return
            self._entries.remove(entry)
