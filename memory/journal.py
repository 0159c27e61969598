"""The journal of a run in the store: recalls what is recorded, then records what is new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, update

from rebut.errors import StoreError
from rebut.events import Event

from ..models.journal import CallSite, Outcome
from ..models.wire import Request, Response
from . import shelf, tables
from .recall import DRIFT_AFTER, Recall
from .rows import CallRows, Cells, call_rows, event_cells
from .values import RecordedCall
from .writer import Deed, Writer


class Journal:
    """A `RunJournal` that keeps a run in a store; made by `Store.begin` and `Store.reopen`.

    A resumed run goes again through what it did, from its recorded calls. Meanwhile nothing in the store
    changes: only with the first new call, or the end of the run, what the recorded part left behind
    (failed calls that are asked again, their events) is replaced, in the same transaction.
    """

    def __init__(
        self,
        run: str,
        writer: Writer,
        recorded: Sequence[RecordedCall] | None = None,
        *,
        drift_after: float = DRIFT_AFTER,
        replies: Callable[[str], Awaitable[Response | None]] | None = None,
    ) -> None:
        """
        Args:
            replies: gives the reply to the request of a hash that this run may take, if there is one.
        """
        kept = recorded or ()
        self.run = run
        self._writer = writer
        self._seq = max((call.seq for call in kept), default=0)
        self._last = self._seq
        self._paths = {call.site.path for call in kept}
        self._was_used = {call.seq: call.used for call in kept}
        self._left_out = sorted({*range(1, self._last)} - self._was_used.keys())
        self._recall = Recall(kept, strict=False, drift_after=drift_after)
        self._settled = self._flows = recorded is None
        self._held: list[Cells] = []
        self._broken: str | None = None
        self._replies = replies
        self._foreign = {
            call.site.path for call in kept if call.taken or _stands_in(call.request, call.outcome)
        }

    def busy(self, more: int) -> None:
        """Say that so many more (or fewer) branches of the run are at work without a call: none is late."""
        self._recall.busy(more)

    @property
    def recalling(self) -> bool:
        """Whether recorded outcomes are left."""
        return self._recall.left > 0

    async def recall(self, site: CallSite, request: Request) -> Outcome | None:
        """The recorded outcome in its turn; None if the call is to be made.

        Raises:
            JournalDrift: the journal holds another request at this path, or waits for another call.
        """
        return await self._recall.ask(site, request)

    async def record(self, site: CallSite, request: Request, outcome: Outcome) -> None:
        """Commit the outcome; returns once it is on disk, in the order of the calls to `record`.

        Raises:
            StoreError: it could not be written, or the path was recorded before.
        """
        if self._broken is not None:
            raise StoreError(self._broken)
        if site.path in self._paths:
            raise StoreError(f"call {site.path!r} of run {self.run!r} is recorded twice: paths are unique")
        seq = self._seq + 1
        rows = call_rows(
            self.run, RecordedCall(seq=seq, site=site, request=request, outcome=outcome, wall=time.time())
        )
        self._seq = seq
        self._paths.add(site.path)
        if _stands_in(request, outcome):
            self._foreign.add(site.path)
        future = self._writer.submit(rows, run=self.run) if self._settled else self._settle(rows)
        try:
            await future
        except asyncio.CancelledError:
            self._writer.later(self._unused(seq), run=self.run)
            raise

    async def known(self, site: CallSite, request: Request) -> Response | None:
        """A reply to this request that another run got and that may be taken, at no cost; else None.

        Raises:
            StoreError: the store could not be read.
        """
        response = None if self._replies is None else await self._replies(request.hash())
        if response is not None:
            self._foreign.add(site.path)
        return response

    def keep(self, site: CallSite, request: Request) -> None:
        """Let other runs take the reply of this call to the request, if it is what its model gave to it.

        Not so are a reply that another run was given, one that a fork took over (perhaps of another model) or
        was written by hand, and one of a model that answered in the place of the one that was asked.
        """
        if site.path not in self._foreign:
            deed = partial(shelf.keep, request.hash(), self.run, site.path)
            self._writer.later(deed, run=self.run)

    def event(self, event: Event) -> None:
        """Keep a durable event; written with the next commit, never waited for."""
        if not event.durable or event.seq is None:
            return
        rows = event_cells(event)
        if self._flows:
            self._writer.event(rows)
        else:
            self._held.append(rows)

    async def settle(self) -> None:
        """Let what a resumed run did since it was reopened stand in the store.

        Raises:
            StoreError: it could not be written.
        """
        if not self._settled:
            await self._settle(None)
        elif not self._flows and self._broken is None:
            await self._writer.submit(run=self.run)  # comes behind the call that settles

    def _settle(self, rows: CallRows | None) -> asyncio.Future[Any]:
        held, self._held = self._held, []
        self._settled = True
        deed = self._replacing(held)
        return self._writer.submit(rows, before=deed, then=self._after_settling, run=self.run)

    def _after_settling(self, error: Exception | None) -> None:
        if error is not None:
            # what came behind may stand or not: only a new resume can tell
            self._broken = str(error)
            return
        self._flows = True
        late, self._held = self._held, []
        for rows in late:
            self._writer.event(rows)

    def _replacing(self, events: Sequence[Cells]) -> Deed:
        changed = {seq: used for seq, used in self._recall.used.items() if used != self._was_used[seq]}

        def deed(connection: Connection) -> None:
            for table in (tables.CALL, tables.MESSAGE):
                of_run = table.c.run == self.run
                connection.execute(delete(table).where(of_run, table.c.seq > self._last))
                for seq in self._left_out:
                    connection.execute(delete(table).where(of_run, table.c.seq == seq))
            connection.execute(delete(tables.EVENT).where(tables.EVENT.c.run == self.run))
            for seq, used in changed.items():
                _mark(connection, self.run, seq, used)
            self._writer.inserts.events(connection, events)

        return deed

    def _unused(self, seq: int) -> Deed:
        return lambda connection: _mark(connection, self.run, seq, False)


def _stands_in(request: Request, outcome: Outcome) -> bool:
    """Whether another model answered than the one that was asked."""
    return outcome.response is not None and outcome.response.model not in ("", request.model)


def _mark(connection: Connection, run: str, seq: int, used: bool) -> None:
    call = tables.CALL
    connection.execute(update(call).where(call.c.run == run, call.c.seq == seq).values(used=used))
