"""Answers of agents in their seats, round by round, as the records in events tell them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SAMPLE = frozenset({"text", "answer", "agent", "call", "index", "visit"})
CALLED = frozenset({"workflow", "answer", "kept", "call", "index"})
FOUND = frozenset({"best", "leaves", "tree"})
VOTE = frozenset({"answer", "share", "tallies", "voters", "abstained", "rule", "tie"})
LABEL = frozenset({"value", "probabilities", "mass"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer. `call` and `index` tell it from all others of the run; `sure` is its confidence, if any."""

    agent: str
    answer: str | None
    text: str
    call: str
    index: int
    sure: float | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others."""
        return self.call, self.index


Row = tuple[Turn | None, ...]


@dataclass(slots=True)
class Track:
    """What was answered in the places of one name.

    Attributes:
        seats: what each place is called: an agent's name, or a number from 1.
        rounds: the answers of all seats, round by round; None where a seat had none yet.
        more: rounds that came after the places had been dealt out anew, as pairs of before and after.
        closed: no round may follow, as the answers changed their places.
        revised: a node went through its answers one by one.
    """

    seats: list[str]
    rounds: list[Row]
    more: list[tuple[Row, Row]] = field(default_factory=list)
    closed: bool = False
    revised: bool = False

    @property
    def length(self) -> int:
        """How many rounds there were."""
        return len(self.rounds) + len(self.more)

    def made(self) -> set[tuple[str, int]]:
        """All its turns."""
        rows = [*self.rounds, *(row for pair in self.more for row in pair)]
        return {turn.key for row in rows for turn in row if turn is not None}


def turns_of(value: Any) -> Row | None:
    """The answers that a saved value holds: an answer, or a list of answers and None; None for others."""
    if isinstance(value, list):
        turns = [_turn(one) for one in value]
        fits = all(turn is not None or one is None for turn, one in zip(turns, value, strict=True))
        return tuple(turns) if fits and any(turn is not None for turn in turns) else None
    turn = _turn(value)
    return None if turn is None else (turn,)


def _turn(value: Any) -> Turn | None:
    if holds(value, FOUND):
        return _turn(value["best"])
    if holds(value, SAMPLE):
        answer, said, agent = value["answer"], value["text"], value["agent"]
    elif holds(value, CALLED):
        answer, said, agent = value["answer"], "", value["workflow"]
    else:
        return None
    told = None if answer is None else str(answer)
    return Turn(agent, told, said, value["call"], value["index"], value.get("confidence"))


def holds(value: Any, keys: frozenset[str]) -> bool:
    """Whether a value is a record that has these fields."""
    return isinstance(value, Mapping) and keys <= value.keys()


def keys(row: Row) -> list[tuple[str, int] | None]:
    """What tells the answers of a row from others, seat by seat."""
    return [None if turn is None else turn.key for turn in row]


def dealt(track: Track, turns: Row) -> bool:
    """Whether answers were dealt out anew: one changed its place, or several were chosen and none is new."""
    before = {turn.key: i for i, turn in enumerate(track.rounds[-1]) if turn is not None}
    if any(turn is not None and before.get(turn.key, i) != i for i, turn in enumerate(turns)):
        return True
    known = track.made()
    new = any(turn is not None and turn.key not in known for turn in turns)
    return not new and (len(turns) > 1 or track.revised)


def spoken(seats: Mapping[tuple[str, int], Sequence[Turn]]) -> Track:
    """Turns of agents as rounds: who has fallen silent keeps its last answer."""
    length = max(map(len, seats.values()))
    rows: list[Row] = [tuple(said[min(k, len(said) - 1)] for said in seats.values()) for k in range(length)]
    names = Counter(agent for agent, _ in seats)
    labels = [agent if names[agent] == 1 else f"{agent} {i + 1}" for agent, i in seats]
    return Track(labels, rows)


def join(tracks: dict[str, Track], names: Sequence[str]) -> None:
    """Make one track of the voices among them; who has fallen silent keeps its last answer."""
    voices = {name: tracks[name] for name in names if name in tracks and len(tracks[name].seats) == 1}
    if len(voices) < 2:
        return
    length = max(len(track.rounds) for track in voices.values())
    rows: list[Row] = [
        tuple(track.rounds[min(k, len(track.rounds) - 1)][0] for track in voices.values())
        for k in range(length)
    ]
    for name in voices:
        del tracks[name]
    tracks[", ".join(voices)] = Track(list(voices), rows)


def answers(track: Track) -> bool:
    """Whether anyone gave an answer there."""
    return any(turn is not None and turn.answer is not None for row in track.rounds for turn in row)
