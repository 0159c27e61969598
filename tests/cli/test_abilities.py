"""What back ends can do, as the command line and the page of the docs tell it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rebut.cli.abilities import EXAMPLES, abilities, table

from .conftest import Cli

PAGE = Path(__file__).parents[2] / "docs" / "backends.md"


def test_the_command_prints_the_table(cli: Cli) -> None:
    told = cli("models", "--table").stdout
    assert told.rstrip("\n") == table(abilities())
    rows = json.loads(cli("models", "--table", "--json").stdout)
    assert rows == abilities()
    local = next(row for row in rows if row["model"] == "local/NAME")
    assert local["schema"] is True and local["concurrency"] == 4


def test_every_builtin_back_end_has_a_row() -> None:
    from rebut.models.registry import BUILTIN

    prefixes = {written.partition("/")[0] for written, _ in EXAMPLES}
    assert set(BUILTIN) - {"scripted"} <= prefixes


def test_the_page_holds_the_table_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether transformers keeps to a schema depends on what is installed; the page says so in words.
    monkeypatch.setattr("rebut.models.transformers.backend.can_constrain", lambda: True)
    found = re.search(
        r"<!-- rebut models --table -->\n(.*?)\n<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL
    )
    assert found, "docs/backends.md has no place for the table"
    wanted = table(abilities())
    assert found[1].strip() == wanted, f"docs/backends.md is stale; put this there:\n{wanted}"
