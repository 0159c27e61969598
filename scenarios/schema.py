"""The JSON Schema of scenario files, for editors; made from the table of keys that the loader reads by."""

from __future__ import annotations

from typing import Any

from ..graphs.schema import DIALECT
from .keys import SCENARIO


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a scenario file: keys, types and bounds.

    In an editor: ``# yaml-language-server: $schema=scenario.schema.json`` as the first line.
    """
    return {"$schema": DIALECT, "title": "rebut scenario", **SCENARIO.schema()}
