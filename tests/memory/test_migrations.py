from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from rebut.errors import StoreError
from rebut.memory import migrations
from rebut.memory.store import Store
from rebut.memory.tables import Row
from rebut.memory.values import RunStart


def test_the_migrated_schema_is_that_of_the_tables(path: Path) -> None:
    _open_and_close(path)
    engine = create_engine(f"sqlite:///{path}")
    found = inspect(engine)
    assert set(found.get_table_names()) == {*Row.metadata.tables, "migration"}
    for name, table in Row.metadata.tables.items():
        columns = [(c["name"], c["nullable"]) for c in found.get_columns(name)]
        assert columns == [(c.name, c.nullable) for c in table.columns]
        assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key]
    assert set(found.get_view_names()) == {"said", "score", "spend", "step"}
    engine.dispose()


def test_opening_again_migrates_nothing(path: Path) -> None:
    _open_and_close(path)
    before = _rows(path)
    _open_and_close(path)
    assert _rows(path) == before
    assert [number for number, *_ in before] == [1, 2, 3, 4, 5]


def test_a_store_of_a_newer_rebut_is_refused_and_left_alone(path: Path) -> None:
    _open_and_close(path)
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO migration VALUES (99, 'm099_later', 0)")
    connection.commit()
    connection.close()
    with pytest.raises(
        StoreError, match=r"store .*runs\.db was written by a newer rebut \(schema 99, known here: 5"
    ):
        Store.open(path)


def test_a_step_is_taken_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def m006_breaks(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (a TEXT)"))
        connection.execute(text("CREATE TABLE half (a TEXT)"))

    _open_and_close(path)
    steps = (*migrations.MIGRATIONS, m006_breaks)
    monkeypatch.setattr(migrations.behind, "__defaults__", (steps,))
    monkeypatch.setattr(migrations.migrate, "__defaults__", (steps,))
    with pytest.raises(StoreError, match=r"cannot open store .*runs\.db: table half already exists"):
        Store.open(path)
    monkeypatch.undo()
    assert [number for number, *_ in _rows(path)] == [1, 2, 3, 4, 5]
    _open_and_close(path)


async def test_a_later_step_keeps_what_is_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[..., RunStart]
) -> None:
    def m006_adds(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE added (a TEXT)"))

    async with Store.open(path) as store:
        await store.begin(start())
    steps = (*migrations.MIGRATIONS, m006_adds)
    monkeypatch.setattr(migrations.behind, "__defaults__", (steps,))
    monkeypatch.setattr(migrations.migrate, "__defaults__", (steps,))
    async with Store.open(path) as store:
        assert [info.id for info in await store.runs()] == ["run-1"]
    assert [name for _, name, _ in _rows(path)][-1] == "m006_adds"


def test_many_processes_may_open_a_new_store_at_once(path: Path) -> None:
    program = f"from rebut.memory.store import Store; Store.open({str(path)!r})"
    running = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [process.communicate()[1] for process in running] == [""] * 4
    assert [number for number, *_ in _rows(path)] == [1, 2, 3, 4, 5]


def _open_and_close(path: Path) -> None:
    import asyncio

    asyncio.run(Store.open(path).close())


def _rows(path: Path) -> list[tuple[int, str, float]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT number, name, applied FROM migration ORDER BY number").fetchall()
    finally:
        connection.close()
