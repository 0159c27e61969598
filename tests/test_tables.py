"""The tables of the documents are as the loaders have them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["scenarios.md", "language.md"])
def test_the_tables_of_the_pages_are_as_the_loaders_have_it(name: str) -> None:
    page = (DOCS / name).read_text("utf-8")
    made = runpy.run_path(str(DOCS / "tables.py"))
    tables = made["PAGES"][name]()
    assert page == made["filled"](page, tables), "python docs/tables.py writes them anew"
    assert all(f"<!-- {mark} -->\n{table}\n" in page for mark, table in tables.items())
