"""A scenario's trials as one page of HTML that needs nothing beside itself."""

from __future__ import annotations

from .page import page
from .reading import Evidence, read

__all__ = ["Evidence", "page", "read"]
