"""When to ask again: exponential back-off with full jitter, and never sooner than the server said."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from rebut.errors import ModelError


@dataclass(slots=True)
class Backoff:
    """How long to wait after a failed attempt.

    Attributes:
        attempts: the most attempts for one request.
        base: seconds; the first wait is drawn from [0, base), each further range is twice as wide.
        longest: seconds; no range is wider.
        patience: seconds; a server that asks to wait longer is not asked again.
        random: where the jitter comes from.
    """

    attempts: int = 4
    base: float = 0.5
    longest: float = 30.0
    patience: float = 300.0
    random: random.Random = field(default_factory=random.Random)

    def wait(self, attempt: int, error: ModelError, left: float | None = None) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 1), or None to give up.

        Args:
            left: seconds until the deadline; a wait that would pass it is not begun.
        """
        if attempt >= self.attempts or not error.retryable:
            return None
        seconds = self.random.uniform(0, min(self.longest, self.base * 2 ** (attempt - 1)))
        if error.retry_after is not None:
            if error.retry_after > self.patience:
                return None
            seconds = max(seconds, error.retry_after)
        return None if left is not None and seconds >= left else seconds


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a server asks to wait (``retry-after-ms``, or ``retry-after`` as seconds or HTTP date).

    Args:
        headers: with lower-case or case-insensitive names.
        now: epoch seconds; None for the clock.
    """
    if (text := headers.get("retry-after-ms")) and (ms := _number(text)) is not None:
        return ms / 1000
    text = headers.get("retry-after")
    if not text:
        return None
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        at = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, at - (time.time() if now is None else now))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
