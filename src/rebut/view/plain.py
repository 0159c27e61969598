"""The run as plain text, one line an event: for files, pipes, and terminals that cannot redraw."""

from __future__ import annotations

from collections.abc import Callable

from rebut.events import Event

from .blocks import Block, Teller
from .text import one_line

Write = Callable[[str], None]


class PlainView:
    """Writes a line for each block. `width` cuts the lines; `write` gets them without a line's end."""

    def __init__(self, write: Write, width: int = 160) -> None:
        self._write, self._width = write, width
        self._teller = Teller()

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def see(self, event: Event) -> None:
        """Show the event, if it is one that shows."""
        for block in self._teller.tell(event):
            self._write(line_of(block, self._width))

    def say(self, text: str) -> None:
        """Write a line that is no event."""
        self._write(text)


class NoView(PlainView):
    """Shows no event: ``--quiet``."""

    def see(self, event: Event) -> None:
        """Look away."""


_MARKS = {"note": "! ", "trouble": "! ", "round": "-- ", "vote": "= ", "ruling": "= ", "run": "", "end": ""}


def line_of(block: Block, width: int = 0) -> str:
    """The block on one line."""
    body = ", ".join(f"{row.answer} {row.share:.0%}" for row in block.rows) or block.body
    when = f"{block.t:7.1f}s  " if block.kind not in ("run", "end") else ""
    text = _MARKS.get(block.kind, "") + block.head + (": " if body else "") + body
    return when + one_line(text, max(20, width - len(when)) if width else 0)
