"""Keeps a process that was taken for dead from writing into runs that another has taken up since."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from sqlalchemy import Connection

from .owner import SILENT

Held = Callable[[Connection], Collection[str]]
"""The runs that this process holds, by what the store says."""


class Fence:
    """Knows when a process was silent for so long that others may have taken up its runs.

    That happens to one whose machine slept, or that did not reach the store for a while. As long as it shows
    life in time nothing is looked up. `mine` are the runs that the process believes it holds.
    """

    def __init__(self, held: Held, mine: Callable[[], Collection[str]]) -> None:
        self._held = held
        self._mine = mine
        self._shown = time.time()  # goes on while the machine sleeps, as the clock of loops does not
        self._lost: set[str] = set()

    def silent(self) -> float:
        """Seconds since the process has shown that it lives."""
        return time.time() - self._shown

    def shown(self) -> None:
        """Say that it has."""
        self._shown = time.time()

    def regained(self, run: str) -> None:
        """Say that this process has begun a run, or taken it up."""
        self._lost.discard(run)

    def lost(self, runs: Collection[str], connection: Connection) -> set[str]:
        """Those of the runs that this process does not hold any more."""
        if self.silent() > SILENT / 2:
            # all of them, for it shows life next, and is not silent any more when the others' turn comes
            self._lost.update({*runs, *self._mine()}.difference(self._held(connection)))
        return self._lost.intersection(runs)
