"""One thread that writes: it takes all that waits, commits it in one transaction, then wakes the waiters."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection

from rebut.errors import RebutError, StoreError

from .dialect import FAILURES, Address, engine, explain
from .fence import Fence
from .owner import BEAT, not_held
from .rows import CallRows, Cells
from .statements import Inserts

Deed = Callable[[Connection], Any]
"""Something to do within the transaction; what it returns goes to its waiter."""

LINGER = 0.001
"""Seconds that a commit with several waiters waits for more to come."""

PAUSE = 0.02
"""Seconds before a transaction is first tried again."""

FLUSH = 0.25
"""Seconds after which events are written although nobody commits."""


@dataclass(slots=True, eq=False)
class Job:
    """What one waiter wants on disk: a deed before the batch's calls, a call, a deed after them.

    A `whole` deed raises only before it has changed anything, and so needs no savepoint. `then` is called
    with the error, or None, also when the waiter has gone meanwhile. What is wanted for a `run` fails when
    another process has taken that run up.
    """

    before: Deed | None = None
    call: CallRows | None = None
    after: Deed | None = None
    future: asyncio.Future[Any] | None = None
    then: Callable[[Exception | None], None] | None = None
    whole: bool = False
    run: str | None = None
    result: Any = None
    error: Exception | None = None


class Writer:
    """The only writer of one open store; its methods may be called from any thread of its process.

    In a process that was forked from it nothing would be written: its thread is not there.

    Attributes:
        commits: how many transactions were committed.
        inserts: the prepared inserts, for deeds.
        fence: knows which runs others may have taken up.
    """

    def __init__(self, where: Address, beat: Callable[[], Deed | None], fence: Fence) -> None:
        self._where = where
        self._beat = beat
        self.fence = fence
        self._engine = engine(where, writes=True)
        self.inserts = Inserts(self._engine.dialect)
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._events: deque[Cells] = deque()
        self._thread: threading.Thread | None = None
        self._gate = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._committing = False
        self.commits = 0

    def submit(
        self,
        call: CallRows | None = None,
        *,
        before: Deed | None = None,
        after: Deed | None = None,
        then: Callable[[Exception | None], None] | None = None,
        whole: bool = False,
        run: str | None = None,
    ) -> asyncio.Future[Any]:
        """Commit a call and deeds; the future gets what the deed returned, in the order of submission.

        The future fails with a StoreError when the transaction failed: nothing of it was then written.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(Job(before, call, after, future, then, whole, run))
        return future

    def later(self, deed: Deed, *, run: str | None = None) -> None:
        """Do something after all that was submitted so far; nobody waits for it."""
        self._put(Job(after=deed, run=run))

    def event(self, rows: Cells) -> None:
        """Write an event with the next commit; nobody waits for it."""
        self._events.append(rows)

    def close(self) -> None:
        """Write all that waits, and end the thread; what comes later is refused.

        In a forked process nothing is written: what waits, and the connection, are the other process's.
        """
        if self._process != os.getpid():
            self._engine.dispose(close=False)
            return
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
        self._engine.dispose()

    def _put(self, job: Job) -> None:
        if self._process != os.getpid():  # before the gate, which may have been shut when it was forked
            raise StoreError(f"store {self._where} was opened by another process: open it after the fork")
        with self._gate:
            if self._closed:
                raise StoreError(f"store {self._where} is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rebut-store", daemon=True)
                self._thread.start()
            self._queue.put(job)

    def _run(self) -> None:
        beaten = time.monotonic()
        goes_on = True
        while goes_on:
            beat = self._beat()
            jobs, goes_on = self._take(FLUSH if beat is not None else None)
            sign: Job | None = None
            if beat is not None and max(time.monotonic() - beaten, self.fence.silent()) > BEAT:
                beaten = time.monotonic()
                jobs.append(sign := Job(after=beat))
            # after the queue, so that an event that was emitted before a job is written with it
            events = [self._events.popleft() for _ in range(len(self._events))]
            if jobs or events:
                self._commit(jobs, events)
            if sign is not None and sign.error is None:
                self.fence.shown()

    def _take(self, wait: float | None) -> tuple[list[Job], bool]:
        jobs: list[Job] = []
        lingered = False
        try:
            job = self._queue.get(timeout=wait)
            while job is not None:
                jobs.append(job)
                if self._queue.empty() and len(jobs) > 1 and not lingered:
                    lingered = True
                    time.sleep(LINGER)
                job = self._queue.get_nowait()
        except Empty:
            return jobs, True
        return jobs, False

    def _commit(self, jobs: Sequence[Job], events: Sequence[Cells]) -> None:
        try:
            self._persist(jobs, events)
        except Exception as error:
            self._recover(jobs, events, error)
        _wake(jobs)

    def _recover(self, jobs: Sequence[Job], events: Sequence[Cells], error: Exception) -> None:
        if self._where.concerns_rows(error) and len(jobs) > 1:
            self._events.extendleft(reversed(events))
            for job in jobs:
                self._commit([job], [])
            return
        self._events.extendleft(reversed(events))
        for job in jobs:
            job.error = explain(error, self._where, "write to", committing=self._committing)
            job.error.__cause__ = error

    def _persist(self, jobs: Sequence[Job], events: Sequence[Cells]) -> None:
        """Commit once, however often it must be tried: all is undone before a deed is done again."""
        ends, pause = time.monotonic() + self._where.timeout, PAUSE
        while True:
            try:
                self._transact(jobs, events)
                return
            except Exception as error:
                again = self._where.may_repeat(error, committing=self._committing)
                if not again or time.monotonic() + pause > ends:
                    raise
            for job in jobs:
                job.result = job.error = None
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _transact(self, jobs: Sequence[Job], events: Sequence[Cells]) -> None:
        self._committing = False
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                self._write(connection, jobs, events)
            except BaseException:
                with suppress(*FAILURES):  # it is undone also when the connection is lost
                    transaction.rollback()
                raise
            self._committing = True
            transaction.commit()
        self.commits += 1

    def _write(self, connection: Connection, jobs: Sequence[Job], events: Sequence[Cells]) -> None:
        runs = {job.run for job in jobs if job.run is not None} | {cells[0] for cells in events}
        if lost := self.fence.lost(runs, connection):
            jobs = _refused(jobs, lost)
            events = [cells for cells in events if cells[0] not in lost]
        calls = [job.call for job in jobs if job.call is not None]
        # all of them, also those written before: they may have been collected as garbage since
        contents = {key: body for rows in calls for key, body in rows.contents}
        for job in jobs:
            if job.before is not None:
                _do(job, job.before, connection)
        self.inserts.contents(connection, list(contents.items()))
        self.inserts.calls(connection, calls)
        self.inserts.events(connection, events)
        for job in jobs:
            if job.after is not None:
                _do(job, job.after, connection)


def _refused(jobs: Sequence[Job], lost: Collection[str]) -> list[Job]:
    """The jobs that are not for a lost run; the others get their error."""
    for job in jobs:
        if job.run is not None and job.run in lost:
            job.error = not_held(job.run)
    return [job for job in jobs if job.run not in lost]


def _do(job: Job, deed: Deed, connection: Connection) -> None:
    try:
        if job.whole:
            job.result = deed(connection)
            return
        with connection.begin_nested():
            job.result = deed(connection)
    except RebutError as error:
        job.error = error


def _wake(jobs: Sequence[Job]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.future is not None:
            loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, waiting in loops.items():
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.then is not None:
            job.then(job.error)
        if job.future is None or job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
