"""Where the items of a scenario come from: files of several forms, data sets, generators; row by row."""

from __future__ import annotations

from .problems import ItemsInvalid, Problems
from .sources import records

__all__ = ["ItemsInvalid", "Problems", "records"]
