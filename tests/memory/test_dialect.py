"""What differs between the databases, looked at without a server."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select, text

from rebut.errors import SettingsError
from rebut.memory.dialect import address, begins
from rebut.memory.nul import MARK, kept
from rebut.memory.nul import given as given_back
from rebut.memory.postgres import Server
from rebut.memory.store import Store
from rebut.memory.tables import RUN

texts = st.text(st.one_of(st.sampled_from(["\x00", MARK, "0", "1"]), st.characters(codec="utf-8")))


@given(text=texts)
def test_every_text_comes_back_from_where_no_nul_can_be_kept(text: str) -> None:
    assert "\x00" not in kept(text)
    assert given_back(kept(text)) == text


@given(text=texts, most=st.integers(0, 9))
def test_of_a_text_that_the_database_cut_off_a_beginning_comes_back(text: str, most: int) -> None:
    assert text.startswith(given_back(kept(text)[:most]))


def test_a_beginning_is_a_range_that_an_index_serves() -> None:
    query = str(
        select(RUN.c.id).where(begins(RUN.c.id, "a.")).compile(compile_kwargs={"literal_binds": True})
    )
    assert "id >= 'a.' AND" in query and "id < 'a/'" in query
    database = create_engine("sqlite://")
    with database.connect() as connection:
        connection.execute(text("CREATE TABLE run (id TEXT NOT NULL PRIMARY KEY)"))
        plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
    database.dispose()
    assert "SEARCH run USING" in plan


@given(beginning=st.text(st.characters(codec="utf-8"), min_size=1), tail=texts, other=texts)
def test_the_range_holds_what_begins_so_and_nothing_else(beginning: str, tail: str, other: str) -> None:
    with _IN_MEMORY.connect() as connection:
        for one in (beginning + tail, other):
            if "\x00" in beginning + one:
                continue
            found = connection.execute(select(begins(literal(one), beginning))).scalar_one()
            assert bool(found) == one.startswith(beginning)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("53100", "the server's disk is full: make room, then resume the run"),
        ("53300", "the server takes no more connections (why): end some, or raise its max_connections"),
        ("53200", "the server is out of resources (why): look at the server, then resume the run"),
        ("55P03", "another process has kept it locked for 10 s: end that process, or try again"),
        ("58030", "the server's disk failed (why): look at the server, then resume the run"),
        ("XX001", "the server failed or its files are damaged (why): look at its log, or restore a copy"),
        ("23505", "why"),
    ],
)
def test_what_a_server_says_is_told_in_a_sentence(code: str, said: str) -> None:
    class Said(Exception):
        sqlstate = code

    assert address("postgresql://ada@host/db").why(Said("why\nand where")) == said


@pytest.mark.parametrize(
    ("code", "rows", "again"), [("23505", True, False), ("40P01", False, True), ("57P01", False, True)]
)
def test_what_may_be_done_again_and_what_is_one_rows_fault(code: str, rows: bool, again: bool) -> None:
    class Said(Exception):
        sqlstate = code

    where = address("postgresql://ada@host/db")
    assert where.concerns_rows(Said()) == rows
    assert where.may_repeat(Said(), committing=False) == again
    assert not address("runs.db").may_repeat(Said(), committing=False)
    lost_amid_a_commit = where.may_repeat(Said(), committing=True)
    assert lost_amid_a_commit == (code == "40P01"), "a deadlock undoes all; a lost connection may not"


def test_without_its_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"needs the driver psycopg: install rebut\[postgres\]"):
        Store.open("postgresql://ada@localhost/rebut")


def test_the_options_of_a_server() -> None:
    where = address(
        "postgres://ada:se%40cret@db:5433/x?timeout=3&schema=rebut&sslmode=require&durability=normal"
    )
    assert isinstance(where, Server)
    assert (where.url.password, where.url.port, where.url.query) == ("se@cret", 5433, {"sslmode": "require"})
    assert (where.timeout, where.schema, where.durability) == (3.0, "rebut", "normal")
    assert str(where) == "postgresql://ada:***@db:5433/x?sslmode=require&schema=rebut"
    assert "cret" not in repr(where)
    assert address("postgresql://ada@db/x").durability == "full"


_IN_MEMORY = create_engine("sqlite://")
