"""A run in one file: start, calls with request and outcome, events; replayed without a store.

A cassette is JSON Lines: a header ``{"rebut_journal": 1, ...}`` with the run's start and result, the calls
in the order in which they were handed over, then the durable events.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from rebut.errors import InputError, JournalDrift
from rebut.events import EVENTS, Event, event_of

from ..models.journal import CallSite, Outcome
from ..models.wire import Request
from . import drift, lines
from .appearing import replacing
from .recall import DRIFT_AFTER, Recall
from .values import RecordedCall, RunResult, RunStart

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """A recorded run. `events` are lines of JSON, as `Event.as_json` gives them; `version` is rebut's."""

    start: RunStart
    result: RunResult
    calls: tuple[RecordedCall, ...] = ()
    events: tuple[bytes, ...] = ()
    version: str = ""


class CassetteJournal:
    """Replays a cassette: every call gets its recorded outcome, in the recorded order; none is made.

    Attributes:
        cassette: what is replayed.
        events: the durable events of the replay so far, as lines of JSON.

    Raises:
        InputError: the file is not a cassette.
    """

    def __init__(self, source: Path | str | Cassette, *, drift_after: float = DRIFT_AFTER) -> None:
        self.cassette = source if isinstance(source, Cassette) else read(source)
        self.events: list[bytes] = []
        self._recall = Recall(self.cassette.calls, strict=True, drift_after=drift_after)

    def busy(self, more: int) -> None:
        """Say that so many more (or fewer) branches of the run are at work without a call: none is late."""
        self._recall.busy(more)

    @property
    def recalling(self) -> bool:
        """Always: also a call that is not in the cassette must come here to be refused."""
        return True

    @property
    def left(self) -> int:
        """How many recorded outcomes were not asked for yet."""
        return self._recall.left

    async def recall(self, site: CallSite, request: Request) -> Outcome | None:
        """The recorded outcome, in its turn.

        Raises:
            JournalDrift: the cassette holds another request at this path, or none.
        """
        return await self._recall.ask(site, request)

    async def record(self, site: CallSite, request: Request, outcome: Outcome) -> None:
        """Refuses: a replay makes no call.

        Raises:
            JournalDrift: always.
        """
        raise JournalDrift(f"call {site.path!r} was made during a replay, which makes none")

    def event(self, event: Event) -> None:
        """Keep a durable event, to be compared with the recorded ones."""
        if event.durable:
            self.events.append(event.as_json())

    def difference(self) -> str | None:
        """How the replay's events differ from the recorded ones (a unified diff), or None if they do not."""
        if tuple(self.events) == self.cassette.events:
            return None
        recorded, replayed = (
            [line.decode() for line in side] for side in (self.cassette.events, self.events)
        )
        return drift.clip(unified_diff(recorded, replayed, "recorded", "replayed", lineterm="", n=1))


def write(path: Path | str, cassette: Cassette) -> None:
    """Write a cassette; the file appears whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, b"".join(line + b"\n" for line in written(cassette)))
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def read(path: Path | str) -> Cassette:
    """The cassette in a file.

    Raises:
        InputError: there is no such file, or a line of it is wrong; with the line's number.
    """
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return parse(body.splitlines(), str(path))


def _replace(target: Path, body: bytes) -> None:
    with replacing(target) as part, part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def written(cassette: Cassette) -> Iterator[bytes]:
    """The lines of a cassette, without their ends."""
    head = {
        "rebut_journal": FORMAT,
        "version": cassette.version,
        **lines.start_fields(cassette.start),
        "result": lines.result_fields(cassette.result),
    }
    yield lines.json(head, "the run").encode()
    yield from map(lines.call_line, cassette.calls)
    yield from cassette.events


def parse(body: Sequence[bytes], where: str, first: int = 1) -> Cassette:
    """The cassette in the lines of a file; `first` is the number of the first of them.

    Raises:
        InputError: a line is wrong; with its number.
    """
    if not body:
        raise InputError(f"{where} is empty: not a rebut journal")
    at = f"{where}:{first}"
    head = _head(_object(body[0], at), at)
    calls: list[RecordedCall] = []
    events: list[bytes] = []
    last = -1
    for number, line in enumerate(body[1:], first + 1):
        data = _object(line, f"{where}:{number}")
        if "path" in data and not events:
            calls.append(_call(data, f"{where}:{number}", calls))
        else:
            last = _event(data, f"{where}:{number}", last)
            events.append(line)
    _refuse_twins(calls, where, first + 1)
    return _cassette(head, calls, events, at)


def _refuse_twins(calls: Sequence[RecordedCall], where: str, first: int) -> None:
    seen: set[str] = set()
    for number, call in enumerate(calls, first):
        if call.site.path in seen:
            raise InputError(f"{where}:{number}: call {call.site.path!r} comes twice")
        seen.add(call.site.path)


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object, found {type(data).__name__}")
    return data


def _head(data: dict[str, Any], where: str) -> dict[str, Any]:
    if "rebut_journal" not in data:
        raise InputError(f'{where}: not a rebut journal: its first line has no "rebut_journal"')
    if (version := data.pop("rebut_journal")) != FORMAT:
        raise InputError(
            f"{where}: journal format {version!r} is not known here (known: {FORMAT}): upgrade rebut"
        )
    return data


def _cassette(
    head: dict[str, Any], calls: Sequence[RecordedCall], events: Sequence[bytes], where: str
) -> Cassette:
    try:
        start, result, version = lines.head_of(head)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: the header does not fit: {_reason(error)}") from error
    return Cassette(start=start, result=result, calls=tuple(calls), events=tuple(events), version=version)


def _call(data: dict[str, Any], where: str, before: Sequence[RecordedCall]) -> RecordedCall:
    try:
        call = lines.call_of(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: the call does not fit: {_reason(error)}") from error
    if before and call.seq <= before[-1].seq:
        raise InputError(f"{where}: call number {call.seq} comes after number {before[-1].seq}")
    return call


def _event(data: dict[str, Any], where: str, last: int) -> int:
    if data.get("kind") not in EVENTS:
        raise InputError(f"{where}: neither a call nor a known event (kind: {data.get('kind')!r})")
    try:
        seq = event_of(data).seq
    except TypeError as error:
        raise InputError(f"{where}: the event does not fit: {error}") from error
    if not isinstance(seq, int) or seq <= last:
        raise InputError(f"{where}: event number {seq} comes after number {last}")
    return seq


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
