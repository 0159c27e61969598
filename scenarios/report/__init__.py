"""A scenario's trials as one page of HTML that needs nothing beside itself."""

from __future__ import annotations

from .reading import Evidence, read
from .rendering import page

__all__ = ["Evidence", "page", "read"]
