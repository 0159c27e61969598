"""The course of a run, read from its events: who answered what in which round, whatever the workflow.

What is a round is told by where answers are kept, not by the names of workflows:

- A place in a name that nodes overwrite (``draft``; the second of ``answers``) is a seat. Each new answer
  there is its next round; an answer that only gets scores is not new.
- In a name that `ask` or `call` nodes append to (``arguments+``) each agent has its seat, and its k-th turn
  is its round k. What a `sample` node appends was drawn independently: seats of one round.
- Names that are each written by one agent alone, agents of one role (``ada_says``, ``bel_says``), are the
  seats of one exchange.
- A node that goes through a list of answers (``for_each: chains``) and answers anew gives each its next
  round.
- A name whose answers change their places, or that keeps another number of them, is a selection and no
  exchange: its rounds end there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .outlines import Outline
from .turns import LABEL, VOTE, Row, Track, Turn, answers, dealt, holds, join, keys, spoken, turns_of

EVENTS = ("node.started", "node.finished", "noted")
"""The kinds of events that a course is read from."""

SAID_SURE = ("confidence", "certainty")
"""Names under which a workflow may save how sure its answer is, from 0 to 1; the first goes before."""
SHARE, TOKENS = "share of the vote", "mean probability of the tokens"
"""Where else a confidence may come from."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went.

    Attributes:
        tracks: by name; those of a called workflow have the node that called it before theirs.
        visited: how often each node was begun.
        noted: how often each thing worth a note happened: reasked, abstained, repaired, tie, ...
        sure: by where it comes from, how sure the run's answer is, from 0 to 1.
        orders: of pairs that one judge saw in both orders, what it preferred in each: ``first``, ``second``,
            ``tie``, or None where it could not be read.
        ballot: the answers that a plain majority of independent samples chose the run's answer from; empty
            where that is not how it came about. `tie`: whether a tie has a winner.
    """

    tracks: Mapping[str, Track]
    visited: Mapping[str, int]
    noted: Mapping[str, int]
    sure: Mapping[str, float]
    orders: tuple[tuple[str | None, str | None], ...] = ()
    ballot: tuple[str | None, ...] = ()
    tie: bool = True


def course(events: Iterable[Mapping[str, Any]], answer: str | None, lines: Outline) -> Course:
    """The course of a run.

    Args:
        events: of the kinds `EVENTS`, in their order, as JSON types.
        answer: the run's.
        lines: of its workflow.
    """
    reading = _Reading(lines)
    for event in events:
        reading.read(event)
    return reading.course(answer)


class _Reading:
    """Reads the events of one run in their order."""

    def __init__(self, lines: Outline) -> None:
        self._lines = lines
        self._tracks: dict[str, Track] = {}
        self._appended: dict[str, dict[tuple[str, int], list[Turn]]] = {}
        self._now: dict[str, Row] = {}
        self._does: dict[str, str] = {}
        self._visited, self._noted = Counter[str](), Counter[str]()
        self._votes: list[Mapping[str, Any]] = []
        self._saved: dict[str, Any] = {}
        self._verdicts: dict[str, list[Any]] = {}
        self._turns: list[Turn] = []

    def read(self, event: Mapping[str, Any]) -> None:
        """Take the next event in."""
        if event["kind"] == "node.started":
            self._visited[_plain(event["node"])] += 1
            self._does[event["node"]] = event["does"]
        elif event["kind"] == "noted":
            self._noted[event["what"]] += 1
        elif event["kind"] == "node.finished":
            self._finished(event["node"], event["wrote"])

    def _finished(self, node: str, wrote: Mapping[str, Any]) -> None:
        place, name = _parted(node)
        for key, value in wrote.items():
            if isinstance(value, list) and any(holds(one, LABEL) for one in value):
                self._verdicts.setdefault(name, []).extend(value)
            turns = turns_of(value)
            if turns is None:
                self._note(place, key, value)
            else:
                self._turns += [turn for turn in turns if turn is not None]
                self._answered(place, name, key, turns, self._does.get(node, ""))

    def _note(self, place: str, key: str, value: Any) -> None:
        """What is no answer of an agent; only the run's own workflow says how sure its answer is."""
        if place:
            return
        if holds(value, VOTE):
            self._votes.append(value)
        elif key in SAID_SURE:
            self._saved[key] = value

    def _answered(self, place: str, node: str, key: str, turns: Row, does: str) -> None:
        name = place + key.removesuffix("+")
        for through in self._lines.through.get(node, ()):
            self._revise(place + through, turns)
        if key.endswith("+"):
            if does != "set":
                self._append(name, turns, drawn=does == "sample")
            self._now[name] = (*self._now.get(name, ()), *turns)
        else:
            self._overwrite(name, turns, drawn=does == "sample")
            self._now[name] = turns

    def _append(self, name: str, turns: Row, *, drawn: bool) -> None:
        seats = self._appended.setdefault(name, {})
        again = Counter[str]()
        for turn in turns:
            if turn is None:
                continue
            seat = (turn.agent, again[turn.agent] if not drawn else len(seats))
            again[turn.agent] += 1
            seats.setdefault(seat, []).append(turn)

    def _overwrite(self, name: str, turns: Row, *, drawn: bool) -> None:
        track = self._tracks.get(name)
        if track is None:
            self._tracks[name] = Track([str(i) for i in range(1, len(turns) + 1)], [turns])
        elif not track.closed:
            last = track.rounds[-1]
            if keys(turns) == keys(last):
                track.rounds[-1] = turns
            elif drawn or len(turns) != len(last) or dealt(track, turns):
                track.closed = True
            else:
                track.rounds.append(turns)

    def _revise(self, name: str, turns: Row) -> None:
        """The answers of a name, gone through one by one."""
        track, now = self._tracks.get(name), self._now.get(name)
        if track is None or now is None or len(now) != len(turns):
            return
        after = tuple(new if new is not None else old for new, old in zip(turns, now, strict=True))
        if not track.closed and keys(now) == keys(track.rounds[-1]):
            track.rounds.append(after)
        else:
            track.closed = True
            track.more.append((now, after))
        track.revised = True

    def course(self, answer: str | None) -> Course:
        """What was read."""
        tracks = self._tracks | {name: spoken(seats) for name, seats in self._appended.items() if seats}
        for names in self._lines.voices:
            join(tracks, names)
        orders = [pair for one, other in self._lines.swapped for pair in self._orders(one, other)]
        return Course(
            tracks={name: track for name, track in tracks.items() if answers(track)},
            visited=dict(self._visited),
            noted=dict(self._noted),
            sure=self._sure(answer),
            orders=tuple(orders),
            ballot=self._ballot(answer),
            tie=bool(self._votes) and self._votes[-1]["tie"] != "none",
        )

    def _ballot(self, answer: str | None) -> tuple[str | None, ...]:
        if not self._lines.drawn or self._visited[self._lines.drawn] != 1 or not self._votes:
            return ()
        vote = self._votes[-1]
        plain = vote["rule"] == "majority" and vote["answer"] == answer
        whole = vote["voters"] + vote["abstained"] == len(self._turns)
        return tuple(turn.answer for turn in self._turns) if plain and whole else ()

    def _orders(self, one: str, other: str) -> list[tuple[str | None, str | None]]:
        forth, back = self._verdicts.get(one, []), self._verdicts.get(other, [])
        return [(_preferred(a), _preferred(b)) for a, b in zip(forth, back, strict=False)]

    def _sure(self, answer: str | None) -> dict[str, float]:
        if answer is None:
            return {}
        found: dict[str, float] = {}
        for name in SAID_SURE:
            value = self._saved.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
                found[name] = float(value)
        votes = [vote for vote in self._votes if vote["answer"] == answer]
        if votes:
            found[SHARE] = min(1.0, max(0.0, float(votes[-1]["share"])))
        sure = [turn.sure for turn in self._turns if turn.answer == answer and turn.sure is not None]
        if sure:
            found[TOKENS] = max(sure)
        return found


def _preferred(label: Any) -> str | None:
    """The place that a label names; any label but the first two is a tie."""
    if not holds(label, LABEL):
        return None
    two = list(label["probabilities"] or ("A", "B"))[:2]
    places: dict[str, str] = dict(zip(two, ("first", "second"), strict=False))
    return places.get(label["value"], "tie")


def _parted(node: str) -> tuple[str, str]:
    """The nodes that called, with a point behind each, and the node itself; visits are left out.

    >>> _parted("hard/1.draw"), _parted("draw")
    (('hard.', 'draw'), ('', 'draw'))
    """
    *above, own = node.split(".")
    return "".join(f"{_visitless(one)}." for one in above), own


def _visitless(part: str) -> str:
    return part.partition("/")[0]


def _plain(node: str) -> str:
    place, own = _parted(node)
    return place + own
