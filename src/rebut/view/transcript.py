"""A whole run as text to read afterwards: nothing cut, votes as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rebut.events import Event

from .blocks import Block, Row, Teller
from .text import clean, one_line


def transcript(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """The lines of the run as (style, line); styles are the kinds of blocks, ``body`` for what was said."""
    teller = Teller()
    for event in events:
        for block in teller.tell(event):
            yield from _lines(block)


def _lines(block: Block) -> Iterator[tuple[str, str]]:
    if block.kind == "round":
        yield from (("", ""), ("round", f"== {block.head} =="))
        return
    if block.kind in ("speech", "end"):
        yield "", ""
    if block.body and block.kind in ("ruling", "note", "trouble"):
        yield block.kind, f"{block.head}: {one_line(block.body)}"
        return
    yield block.kind, one_line(block.head)
    for line in clean(block.body).strip().splitlines():
        yield "body", f"  {line.expandtabs(4)}"
    yield from (("body", f"  {line}") for line in vote_table(block.rows))


def vote_table(rows: tuple[Row, ...], bar: int = 12, mark: str = "#") -> list[str]:
    """The answers of a vote, aligned: share, bar, weight, answer."""
    weights = [
        f"{row.weight:g}" if row.weight == row.voters else f"{row.weight:.3g} by {row.voters}" for row in rows
    ]
    wide = max(map(len, weights), default=0)
    bars = [(mark * max(1, round(row.share * bar))).ljust(bar) for row in rows]
    return [
        f"{row.share:4.0%} {drawn} {weight:>{wide}}  {row.answer}"
        for row, drawn, weight in zip(rows, bars, weights, strict=True)
    ]
