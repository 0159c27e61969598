"""Many runs in one file, and back into a store of any kind.

JSON Lines: a header ``{"rebut_store": 1}``, the runs one after another, each as its own file would have it
(`cassette`), and an end ``{"rebut_store_end": RUNS}`` by which a file that was cut off is known.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import IO

import orjson
from sqlalchemy import Connection

from rebut.errors import InputError, StoreError

from . import cassette
from .cassette import Cassette
from .choosing import Choice, chosen
from .dialect import Address
from .reach import reach, repeated
from .statements import Inserts
from .whole import take_in, whole

FORMAT = 1
HEAD, END = "rebut_store", "rebut_store_end"
LONGEST = 1 << 30
"""Bytes of one line at most."""

Seen = Callable[[int, int], None]
"""Is told how many runs are done, and of how many; 0 where that is not known."""


@dataclass(slots=True)
class Written:
    """What an export wrote. `alive` are runs that went on meanwhile: the file has them as interrupted."""

    runs: int = 0
    calls: int = 0
    alive: int = 0
    gone: int = 0


@dataclass(slots=True)
class Taken:
    """What an import did.

    Attributes:
        new: how many runs were taken in.
        same: how many were there already, and equal.
        differing: ids of runs of which the store holds another record; that was left as it is.
    """

    new: int = 0
    same: int = 0
    calls: int = 0
    differing: list[str] = field(default_factory=list)


def export(where: Address, out: IO[bytes], choice: Choice, seen: Seen | None = None) -> Written:
    """Write the runs that are meant, in the order in which they began; one of them at a time is in memory.

    Each is written as one transaction sees it; one that is under way, as if it were interrupted now.

    Raises:
        InputError: there is no such store, or no such run.
        StoreError: the database fails.
    """
    written = Written()
    with reach(where, "read") as engine:
        with engine.begin() as connection:
            runs = chosen(connection, choice)
        out.write(orjson.dumps({HEAD: FORMAT}) + b"\n")
        for number, run in enumerate(runs, 1):
            try:
                with engine.begin() as connection:
                    recorded = whole(connection, run.id)
            except InputError:  # removed meanwhile
                written.gone += 1
                continue
            written.alive += recorded.result.status == "running"
            _write(out, _at_rest(recorded))
            written.runs, written.calls = written.runs + 1, written.calls + len(recorded.calls)
            if seen is not None:
                seen(number, len(runs))
        out.write(orjson.dumps({END: written.runs}) + b"\n")
    return written


def _write(out: IO[bytes], recorded: Cassette) -> None:
    for line in cassette.written(recorded):
        out.write(line + b"\n")


def _at_rest(recorded: Cassette) -> Cassette:
    """A run that nobody holds: a record says nothing of the process that makes it."""
    if recorded.result.status != "running":
        return recorded
    return replace(recorded, result=replace(recorded.result, status="interrupted"))


def import_(where: Address, source: IO[bytes], name: str, seen: Seen | None = None) -> Taken:
    """Take in the runs of a file, each in a transaction of its own; what is there already stays as it is.

    Args:
        name: what the file is called in errors.

    Raises:
        InputError: the file is no export, is damaged, or was written by a newer rebut; with the line's
            number. The runs before that line are in the store then.
        StoreError: the database fails.
    """
    taken = Taken()
    runs = _runs(source, name)
    first = next(runs, None)  # a file that is none does not make a store
    with reach(where, "write to", writes=True, make=True) as engine:
        inserts = Inserts(engine.dialect)
        while first is not None:
            recorded = _at_rest(first)
            match repeated(where, engine, partial(_taken, inserts, recorded)):
                case "new":
                    taken.new += 1
                    taken.calls += len(recorded.calls)
                case "same":
                    taken.same += 1
                case _:
                    taken.differing.append(recorded.start.run)
            if seen is not None:
                seen(taken.new + taken.same + len(taken.differing), 0)
            first = next(runs, None)
    return taken


def _taken(inserts: Inserts, recorded: Cassette, connection: Connection) -> str:
    if take_in(connection, inserts, recorded):
        return "new"
    return "same" if _same(whole(connection, recorded.start.run), recorded) else "differing"


def _same(kept: Cassette, recorded: Cassette) -> bool:
    """Whether the store's record says the same; one that goes on never does."""
    return list(cassette.written(kept)) == list(cassette.written(recorded))


def _runs(source: IO[bytes], name: str) -> Iterator[Cassette]:
    lines = _lines(source, name)
    _head(next(lines, None), name)
    count, first = 0, 0
    block: list[bytes] = []
    for number, line in lines:
        begins, ends = line.startswith(b'{"rebut_journal"'), line.startswith(b'{"' + END.encode())
        if (begins or ends) and block:
            yield _parsed(block, name, first)
            count += 1
            block = []
        if ends:
            _ended(line, f"{name}:{number}", count)
            if (more := next(lines, None)) is not None:
                raise InputError(f"{name}:{more[0]}: the file goes on after its end")
            return
        first = first if block else number
        block.append(line)
    last = f"run {count + 1}" if block else "its end"
    raise InputError(f"{name}: the file is cut off in {last} after {count} whole runs: export it again")


def _lines(source: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        while line := source.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                raise InputError(f"{name}:{number}: the line is longer than {LONGEST} bytes")
            yield number, line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}:{number + 1}: cannot be read: {error}") from error


def _head(line: tuple[int, bytes] | None, name: str) -> None:
    if line is None:
        raise InputError(f"{name} is empty: not an export of a store")
    if line[1].startswith(b'{"rebut_journal"'):
        raise InputError(f"{name} holds one run, not a store: take it in with: rebut import {name}")
    version = _value(line[1], HEAD)
    if version is None:
        raise InputError(f'{name}:1: not an export of a store: its first line has no "{HEAD}"')
    if version != FORMAT:
        raise InputError(
            f"{name}:1: store format {version!r} is not known here (known: {FORMAT}): upgrade rebut"
        )


def _ended(line: bytes, where: str, count: int) -> None:
    if (told := _value(line, END)) != count:
        raise InputError(f"{where}: the file says that it has {told!r} runs, {count} were found: damaged")


def _value(line: bytes, key: str) -> object:
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return data.get(key) if isinstance(data, dict) else None


def _parsed(block: Sequence[bytes], name: str, first: int) -> Cassette:
    try:
        return cassette.parse(block, name, first)
    except StoreError as error:
        raise InputError(f"{name}:{first}: {error}") from error
