from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, inspect, text

from rebut.errors import StoreError
from rebut.memory import migrations
from rebut.memory.dialect import address
from rebut.memory.store import Store
from rebut.memory.tables import Row
from rebut.memory.values import RunStart
from rebut.testing.databases import Database


def test_the_migrated_schema_is_that_of_the_tables(bare: Database) -> None:
    _open_and_close(bare)
    engine = address(bare.url).engine(writes=False)
    found = inspect(engine)
    assert set(found.get_table_names()) == {*Row.metadata.tables, "migration"}
    for name, table in Row.metadata.tables.items():
        columns = [(c["name"], c["nullable"]) for c in found.get_columns(name)]
        assert columns == [(c.name, c.nullable) for c in table.columns]
        assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key]
    assert set(found.get_view_names()) == {"said", "score", "spend", "step"}
    engine.dispose()


def test_opening_again_migrates_nothing(bare: Database) -> None:
    _open_and_close(bare)
    before = _rows(bare)
    _open_and_close(bare)
    assert _rows(bare) == before
    assert [number for number, *_ in before] == [1, 2, 3, 4, 5, 6]


def test_a_store_of_a_newer_rebut_is_refused_and_left_alone(bare: Database) -> None:
    _open_and_close(bare)
    bare.rows("INSERT INTO migration VALUES (99, 'm099_later', 0)")
    with pytest.raises(
        StoreError, match=rf"store {bare.shown} was written by a newer rebut \(schema 99, known here: 6"
    ):
        Store.open(bare.url)


def test_a_step_is_taken_whole_or_not_at_all(bare: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def m007_breaks(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (a TEXT)"))
        connection.execute(text("CREATE TABLE half (a TEXT)"))

    _open_and_close(bare)
    steps = (*migrations.MIGRATIONS, m007_breaks)
    monkeypatch.setattr(migrations.behind, "__defaults__", (steps,))
    monkeypatch.setattr(migrations.migrate, "__defaults__", (steps,))
    with pytest.raises(
        StoreError, match=rf"cannot open store {bare.shown}: (table|relation) .?half.? already exists"
    ):
        Store.open(bare.url)
    monkeypatch.undo()
    assert [number for number, *_ in _rows(bare)] == [1, 2, 3, 4, 5, 6]
    _open_and_close(bare)


async def test_a_later_step_keeps_what_is_there(
    bare: Database, monkeypatch: pytest.MonkeyPatch, start: Callable[..., RunStart]
) -> None:
    def m007_adds(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE added (a TEXT)"))

    async with Store.open(bare.url) as store:
        await store.begin(start())
    steps = (*migrations.MIGRATIONS, m007_adds)
    monkeypatch.setattr(migrations.behind, "__defaults__", (steps,))
    monkeypatch.setattr(migrations.migrate, "__defaults__", (steps,))
    async with Store.open(bare.url) as store:
        assert [info.id for info in await store.runs()] == ["run-1"]
    assert [name for _, name, _ in _rows(bare)][-1] == "m007_adds"


def test_many_processes_may_open_a_new_store_at_once(bare: Database) -> None:
    program = f"from rebut.memory.store import Store; Store.open({bare.url!r})"
    running = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [process.communicate()[1] for process in running] == [""] * 4
    assert [number for number, *_ in _rows(bare)] == [1, 2, 3, 4, 5, 6]


def _open_and_close(bare: Database) -> None:
    import asyncio

    asyncio.run(Store.open(bare.url).close())


def _rows(bare: Database) -> list[tuple[int, str, float]]:
    return bare.rows("SELECT number, name, applied FROM migration ORDER BY number")
