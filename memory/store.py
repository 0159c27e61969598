"""The store: every run, its calls and what was said, in one SQLite file."""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson
from sqlalchemy import Connection

from rebut.errors import InputError, RunExists, StoreError
from rebut.events import Event, event_of
from rebut.records import Usage

from ..models.wire import Response
from . import cassette, claims, leases, reads, rows, runs, shelf
from . import happenings as happening
from . import spent as spending
from . import talks as talking
from .dialect import FAILURES, Address, File, address, engine, explain
from .fence import Fence
from .journal import Journal
from .migrations import bring_up_to_date
from .owner import Owner
from .recall import DRIFT_AFTER
from .values import FirstScore, RecordedCall, RunInfo, RunResult, RunStart, Said, Status
from .whole import take_in, whole
from .writer import PAUSE, Deed, Writer

T = TypeVar("T")


class Store:
    """A store of runs; open it with `Store.open`, and close it.

    Methods that take a run take its id or a beginning of it that no other run has. One store serves all
    concurrent runs of a process; several processes may have the same file open. All of them raise
    StoreError when the database fails, and InputError for a run that is not there.
    """

    def __init__(self, where: Address, *, drift_after: float = DRIFT_AFTER) -> None:
        self._where = where
        self._drift_after = drift_after
        self._owner = Owner()
        self._journals: dict[str, Journal] = {}
        self._claims = False
        fence = Fence(functools.partial(claims.held, self._owner), lambda: tuple(self._journals))
        self._writer = Writer(where, self._beat, fence)
        self._readers = engine(where, writes=False)

    @classmethod
    def open(cls, url_or_path: str | Path, *, drift_after: float = DRIFT_AFTER) -> Self:
        """Open the store at a path or URL, made if need be (with its folders), its schema brought up to date.

        ``sqlite:///runs.db?durability=full&timeout=30``: `durability` is ``normal`` (what was recorded
        survives the death of the process at any moment; a power failure may cost the last commits) or
        ``full`` (it survives that, too, at a disk flush for each commit); `timeout` is how many seconds to
        wait for another process's write.

        Raises:
            InputError: not an address of a store.
            StoreError: it cannot be opened, or a newer rebut wrote it.
        """
        where = address(url_or_path)
        try:
            bring_up_to_date(where)
        except FAILURES as error:
            raise explain(error, where, "open") from error
        return cls(where, drift_after=drift_after)

    @property
    def path(self) -> Path:
        """The database file.

        Raises:
            InputError: the store is on a server.
        """
        if not isinstance(self._where, File):
            raise InputError(f"store {self._where} is on a server: it is no file")
        return self._where.path

    @property
    def address(self) -> Address:
        """Where the store is."""
        return self._where

    @property
    def commits(self) -> int:
        """How many transactions this store has committed since it was opened."""
        return self._writer.commits

    async def begin(self, start: RunStart, calls: Sequence[RecordedCall] | None = None) -> Journal:
        """Begin a run; returns its journal, which is empty, or recalls the `calls` that a fork takes over.

        Raises:
            RunExists: the run is there already.
            InputError: something in `start` is not JSON.
        """
        if start.run in self._journals:
            raise RunExists(f"run {start.run!r} is in store {self._where} already")
        deed = self._inserting(start, RunResult(), _version(), owner=self._owner, calls=calls or ())
        self._claims = True
        journal = self._journal(start.run, calls)
        self._journals[start.run] = journal
        try:
            await self._writer.submit(after=deed, whole=True)
        except BaseException:
            del self._journals[start.run]
            raise
        self._writer.fence.regained(start.run)
        return journal

    async def reopen(self, run: str) -> tuple[RunStart, Journal]:
        """Take up a run that did not finish; its journal recalls what was recorded.

        Calls that failed after the last answered one are left out, so that they are asked again; of a run
        that ended with an error also those that failed beside the last one, in the same visit of its node.

        Raises:
            InputError: there is nothing to resume: the run was answered.
            StoreError: another process, or this one, is running it.
        """
        self._claims = True
        taken: list[str] = []
        ended: list[Status] = []

        def take(connection: Connection) -> None:
            ended.append(reads.run_row(connection, run)["status"])
            taken.append(claims.claim(self._owner, run, connection))

        def untake(connection: Connection) -> None:
            if taken:
                claims.let_go(self._owner, taken[-1], claims.FREE, connection)

        try:
            await self._writer.submit(after=take)
            run = taken[-1]
            self._writer.fence.regained(run)
            start, calls = await self._read(functools.partial(_recorded, run))
        except BaseException:
            self._writer.later(untake)
            raise
        calls = _without_failed_end(calls)
        if ended[-1] == "failed":
            calls = _without_failed_beside(calls, start)
        journal = self._journal(run, calls)
        self._journals[run] = journal
        return start, journal

    def abandon(self, run: str) -> None:
        """Let go of a run that was taken up and never went on; its record stays as it is."""
        self._journals.pop(run, None)
        self._writer.later(functools.partial(claims.let_go, self._owner, run, claims.FREE))

    async def finish(
        self,
        run: str,
        *,
        status: Status,
        answer: Any = None,
        stop_reason: str = "",
        detail: str = "",
        usage: Usage | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Write how a run ended, with all its events, and let go of it.

        A resumed run that ends before all its recorded calls were handed over keeps its record and events
        as they were, so that nothing is lost to a workflow that has changed since.

        Raises:
            StoreError: this store does not hold the run.
        """
        result = RunResult(
            status=status,
            answer=answer,
            stop_reason=stop_reason,
            detail=detail,
            usage=usage or Usage(),
            seconds=seconds,
            finished=time.time(),
        )
        cells = runs.result_cells(result) | claims.FREE
        journal = self._journals.pop(run, None)
        if journal is not None and not journal.recalling:
            await journal.settle()
        deed = functools.partial(claims.end, self._writer.inserts, self._owner, run, cells)
        await self._writer.submit(after=deed, whole=True)

    async def runs(
        self, limit: int = 20, workflow: str | None = None, status: Status | None = None
    ) -> list[RunInfo]:
        """Runs, latest first; those of scenarios are left out."""
        return await self._read(lambda c: reads.run_list(c, limit, workflow, status))

    async def runs_of(self, scenario: str) -> list[RunInfo]:
        """All runs of a scenario, by its name; `runs` leaves them out."""
        return await self._read(functools.partial(reads.runs_of, scenario=scenario))

    async def run(self, run: str) -> RunInfo:
        """One run."""
        return await self._read(lambda c: reads.standing(reads.run_row(c, run)))

    async def calls(self, run: str) -> list[RecordedCall]:
        """The calls of a run with request and response, in the order in which they were handed over."""
        return await self._read(lambda c: reads.calls_of(c, reads.run_row(c, run)["id"]))

    async def events(self, run: str) -> list[Event]:
        """The durable events of a run."""
        lines = await self._read(lambda c: reads.payloads(c, reads.run_row(c, run)["id"]))
        return [event_of(orjson.loads(line)) for line in lines]

    async def said(self, run: str) -> list[Said]:
        """What was said in a run, in order."""
        return await self._read(lambda c: reads.said(c, reads.run_row(c, run)["id"]))

    async def talks(self, ids: Sequence[str], most: int = 20_000) -> dict[str, list[talking.Turn]]:
        """What was said in many runs, by their whole ids; of each completion `most` characters.

        Runs without calls, and those that are not there, are left out.
        """
        return await self._read(lambda c: talking.talks(c, ids, most))

    async def happenings(self, ids: Sequence[str], kinds: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The durable events of some kinds of many runs, by their whole ids, as JSON types.

        Runs without any, and those that are not there, are left out.
        """
        return await self._read(lambda c: happening.happenings(c, ids, kinds))

    async def spent(self, ids: Sequence[str]) -> list[spending.Spent]:
        """What the agents of many runs used of which model, by the runs' whole ids."""
        return await self._read(lambda c: spending.spent(c, ids))

    async def first_scores(self, workflow: str | None = None) -> list[FirstScore]:
        """How the first sample of each run was graded, in the order of the runs; forks are left out."""
        return await self._read(lambda c: reads.first_scores(c, workflow))

    async def lease(self, run: str, scenario: str, seconds: float) -> leases.Lease | None:
        """Take a run of a scenario for so long; None while another worker that lives has it."""
        deed = functools.partial(leases.take, self._owner, scenario, run, seconds)
        taken: leases.Lease | None = await self._writer.submit(after=deed)
        return taken

    async def renew(self, seconds: float) -> int:
        """Keep all leases of this store for so much longer; how many there are."""
        return int(await self._writer.submit(after=functools.partial(leases.renew, self._owner, seconds)))

    async def give_back(self, run: str) -> None:
        """End the lease of a run, if this store has it."""
        await self._writer.submit(after=functools.partial(leases.give_back, self._owner, run))

    async def lapse(self, worker: str) -> int:
        """Let the leases of another worker lapse that is known to be dead; how many it had."""
        return int(await self._writer.submit(after=functools.partial(leases.lapse, worker)))

    async def release(self, worker: str) -> int:
        """Forget the leases of another worker that was ended on purpose; how many it had."""
        return int(await self._writer.submit(after=functools.partial(leases.release, worker)))

    async def drop_lease(self, run: str) -> None:
        """Forget the lease of a run, whoever has it."""
        await self._writer.submit(after=functools.partial(leases.drop, run))

    async def leases(self, scenario: str) -> list[leases.Lease]:
        """The leases of a scenario, lapsed ones too."""
        return await self._read(functools.partial(leases.leases, scenario))

    @property
    def token(self) -> str:
        """What leases and runs call this open store."""
        return self._owner.token

    async def cassette(self, run: str) -> cassette.Cassette:
        """All of a run, to be replayed (`CassetteJournal`) or written to a file."""
        return await self._read(lambda connection: whole(connection, run))

    async def export(self, run: str, path: str | Path) -> None:
        """Write a run to a file that replays without a store.

        Raises:
            InputError: the file cannot be written.
        """
        recorded = await self.cassette(run)
        await asyncio.to_thread(cassette.write, path, recorded)

    async def import_(self, path: str | Path) -> str:
        """Take a run in from a file; returns its id.

        Raises:
            InputError: the file is not a journal, or the run is there already.
        """
        recorded = await asyncio.to_thread(cassette.read, path)

        def deed(connection: Connection) -> None:
            if not take_in(connection, self._writer.inserts, recorded):
                raise RunExists(f"run {recorded.start.run!r} is in store {self._where} already")

        await self._writer.submit(after=deed)
        return recorded.start.run

    async def close(self) -> None:
        """Write all that waits, let go of runs that did not finish, and close the file."""
        await asyncio.to_thread(self._close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _journal(self, run: str, calls: Sequence[RecordedCall] | None) -> Journal:
        return Journal(run, self._writer, calls, drift_after=self._drift_after, replies=self._kept)

    async def _kept(self, request: str) -> Response | None:
        return await self._read(functools.partial(shelf.kept, request))

    def _close(self) -> None:
        self._journals.clear()
        if self._claims:
            with suppress(StoreError):
                self._writer.later(functools.partial(claims.let_go_of_all, self._owner))
        self._writer.close()
        self._readers.dispose()

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._reading, query)

    def _reading(self, query: Callable[[Connection], T]) -> T:
        ends = time.monotonic() + self._where.timeout
        while True:
            try:
                return self._once(query)
            except FAILURES as error:
                again = self._where.may_repeat(error, committing=False)
                if not again or time.monotonic() + PAUSE > ends:
                    raise explain(error, self._where, "read") from error
            time.sleep(PAUSE)

    def _once(self, query: Callable[[Connection], T]) -> T:
        with self._readers.begin() as connection:
            return query(connection)

    def _inserting(
        self,
        start: RunStart,
        result: RunResult,
        version: str,
        owner: Owner | None,
        calls: Sequence[RecordedCall],
    ) -> Deed:
        kept = [rows.call_rows(start.run, call) for call in calls]
        cells, snapshot = runs.run_cells(start, version)
        cells |= runs.result_cells(result) | (claims.FREE if owner is None else claims.held_by(owner))

        def deed(connection: Connection) -> None:
            if not self._writer.inserts.run(connection, cells):
                raise RunExists(f"run {start.run!r} is in store {self._where} already")
            texts = [pair for call in kept for pair in call.contents]
            self._writer.inserts.contents(connection, [(cells["snapshot"], snapshot), *texts])
            self._writer.inserts.calls(connection, kept)

        return deed

    def _beat(self) -> Deed | None:
        """While runs are held: the deed that shows that this process lives."""
        return functools.partial(claims.show_life, self._owner) if self._journals else None


def _recorded(run: str, connection: Connection) -> tuple[RunStart, list[RecordedCall]]:
    row = reads.run_row(connection, run)
    return reads.start_of(connection, row), reads.calls_of(connection, run)


def _without_failed_end(calls: Sequence[RecordedCall]) -> list[RecordedCall]:
    answered = [call.seq for call in calls if call.outcome.response is not None]
    last = max(answered, default=0)
    return [call for call in calls if call.seq <= last]


def _without_failed_beside(calls: Sequence[RecordedCall], start: RunStart) -> list[RecordedCall]:
    """The calls without those that failed in the visit that the last one belongs to.

    One stays if another may have been asked only because it failed: that one would not come up before what
    is asked again has ended, which waits for all that is recorded.
    """
    if not calls:
        return []
    end = calls[-1].site
    beside = [call for call in calls if (call.site.node, call.site.visit) == (end.node, end.visit)]
    roomy = not (start.budget.get("tokens") or start.budget.get("usd"))
    again = {
        call.seq
        for place, call in enumerate(beside)
        if call.outcome.response is None
        and ((roomy and _of_items(call)) or all(_asked_before(call, later) for later in beside[place + 1 :]))
    }
    return [call for call in calls if call.seq not in again]


def _of_items(call: RecordedCall) -> bool:
    """Whether it is one of the calls for the items of a list, which are all asked at once."""
    return call.site.path.startswith(f"{call.site.node}/{call.site.visit}[")


def _asked_before(failed: RecordedCall, call: RecordedCall) -> bool:
    """Whether a call was under way when another one failed, as far as its own seconds tell."""
    response = call.outcome.response
    return response is None or call.outcome.at - response.seconds < failed.outcome.at


@functools.cache
def _version() -> str:
    try:
        return importlib.metadata.version("rebut")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
