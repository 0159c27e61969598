"""One line on stderr that tells how far a benchmark is."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """One line on stderr that tells how far a workflow is; on a pipe a line now and then."""

    label: str = ""
    wanted: int = 0
    done: int = 0
    failed: int = 0
    begun: float = 0.0
    shown: float = -math.inf
    live: bool = field(default_factory=sys.stderr.isatty)

    def begin(self, label: str, wanted: int) -> None:
        """A workflow begins, with so many questions to ask."""
        self.label, self.wanted, self.done, self.failed = label, wanted, 0, 0
        self.begun, self.shown = time.monotonic(), -math.inf
        self.show()

    def step(self, failed: bool) -> None:
        """A question is done."""
        self.done += 1
        self.failed += failed
        self.show()

    def show(self) -> None:
        """Draw the line; on a pipe at most one in five seconds, and the last."""
        now = time.monotonic()
        last = self.done == self.wanted
        if not self.live and not last and now - self.shown < 5:
            return
        self.shown = now
        end = "\n" if last or not self.live else ""
        print(("\r\x1b[K" if self.live else "") + self.line(now), end=end, file=sys.stderr, flush=True)

    def line(self, now: float) -> str:
        """Such as ``debate: 12 of 25, 4.1 s each, 0:53 to go``."""
        said = f"{self.label}: {self.done} of {self.wanted}"
        if self.failed:
            said += f", {self.failed} failed"
        if self.done:
            each = (now - self.begun) / self.done
            said += f", {each:.1f} s each, {clock(each * (self.wanted - self.done))} to go"
        return said


def clock(seconds: float) -> str:
    """Minutes and seconds, such as ``1:05``; hours before them where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
