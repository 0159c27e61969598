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
    life in time nothing is looked up.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._shown = time.time()  # goes on while the machine sleeps, as the clock of loops does not
        self._lost: set[str] = set()

    def silent(self) -> float:
        """Seconds since the process has shown that it lives."""
        return time.time() - self._shown

    def shown(self) -> None:
        """Say that it has."""
        self._shown = time.time()

    def regained(self, run: str) -> None:
        """Say that this process has taken up a run, anew perhaps."""
        self._lost.discard(run)

    def lost(self, runs: Collection[str], connection: Connection) -> set[str]:
        """Those of the runs that this process does not hold any more."""
        if runs and self.silent() > SILENT / 2:
            self._lost.update(set(runs).difference(self._held(connection)))
        return self._lost.intersection(runs)
