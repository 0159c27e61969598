"""Logs of inspect_ai: written, so that its viewer shows our trials; read, so that samples become items."""

from __future__ import annotations

from .taking import Taken, take
from .writing import write

__all__ = ["Taken", "take", "write"]
