"""The JSON Schema of workflow files, for editors; made from the table of keys that the loader reads by."""

from __future__ import annotations

from typing import Any

from .keys import WORKFLOW_KEYS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a workflow file.

    It tells keys, types and bounds; what only the loader can tell (names, loops, what is written where) it
    leaves open. In an editor: ``# yaml-language-server: $schema=workflow.schema.json`` as the first line.
    """
    return {"$schema": DIALECT, "title": "rebut workflow", **WORKFLOW_KEYS.schema()}
