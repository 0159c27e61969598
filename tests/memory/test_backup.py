"""Copies of a store: consistent, checked, and never over something else unasked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rebut.errors import InputError, StoreError
from rebut.memory import backup as module
from rebut.memory.backup import backup
from rebut.memory.dialect import address
from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunStart

Start = Callable[..., RunStart]
Called = Callable[..., RecordedCall]


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def test_a_copy_made_while_runs_write_is_consistent_and_a_store(
    path: Path, tmp_path: Path, start: Start, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP", 2)
    target = tmp_path / "new folder" / "copy.db"
    steps: list[tuple[int, int]] = []
    async with Store.open(path) as store:
        journal = await store.begin(start())
        recorded, enough = 0, asyncio.Event()

        async def write() -> None:
            nonlocal recorded
            while not target.exists():
                call = called(f"a/{recorded}", f"text {recorded} " * 50)
                await journal.record(call.site, call.request, call.outcome)
                recorded += 1
                if recorded == 30:
                    enough.set()

        writing = asyncio.create_task(write())
        await asyncio.wait_for(enough.wait(), 30)
        made = await asyncio.to_thread(
            backup, address(path), target, seen=lambda done, of: steps.append((done, of))
        )
        await writing
    assert 30 <= made.rows["call"] < recorded
    assert len(steps) > 5 and steps[-1][0] == steps[-1][1]
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    async with Store.open(target) as copy:
        calls = await copy.calls("run-1")
        assert [call.seq for call in calls] == list(range(1, made.rows["call"] + 1))
        assert (await copy.run("run-1")).status == "running"


async def test_a_copy_does_not_overwrite_unasked(path: Path, tmp_path: Path, start: Start) -> None:
    async with Store.open(path) as store:
        await store.begin(start())
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(InputError, match=r"copy.db exists \(--force overwrites it\)"):
        backup(address(path), target)
    assert target.read_text() == "mine"
    assert backup(address(path), target, force=True).rows["run"] == 1
    assert rows(target, "SELECT id FROM run") == [("run-1",)]


async def test_a_copy_never_replaces_the_store_itself_or_one_in_use(
    path: Path, tmp_path: Path, start: Start
) -> None:
    other, link = tmp_path / "other.db", tmp_path / "link.db"
    async with Store.open(path) as store, Store.open(other) as second:
        await store.begin(start())
        await second.begin(start())
        link.symlink_to(path)
        with pytest.raises(InputError, match="is the store itself"):
            backup(address(path), link, force=True)
        with pytest.raises(InputError, match="in use"):
            backup(address(path), other, force=True)
        with pytest.raises(InputError, match="is a folder"):
            backup(address(path), tmp_path, force=True)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize(("there", "says"), [(True, "in use, or was not closed"), (False, "was not closed")])
async def test_what_another_store_left_is_not_mixed_into_a_copy(
    path: Path, tmp_path: Path, start: Start, end: str, there: bool, says: str
) -> None:
    target, left = tmp_path / "copy.db", tmp_path / f"copy.db{end}"
    async with Store.open(path) as store:
        await store.begin(start())
    left.write_text("old")
    if there:
        target.write_text("mine")
    with pytest.raises(InputError, match=says) as refused:
        backup(address(path), target, force=True)
    assert there or f"left {left.name}, which would be taken for a part of the copy" in str(refused.value)
    assert left.read_text() == "old" and target.exists() is there
    left.unlink()
    assert backup(address(path), target, force=True).rows["run"] == 1


async def test_who_may_read_a_copy_is_kept_when_it_is_made_anew(
    path: Path, tmp_path: Path, start: Start
) -> None:
    target = tmp_path / "copy.db"
    async with Store.open(path) as store:
        await store.begin(start())
    backup(address(path), target)
    target.chmod(0o600)
    backup(address(path), target, force=True)
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_is_no_store_is_not_copied(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with pytest.raises(InputError, match="there is no store at"):
        backup(address(path), target)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="damaged or is not a database"):
        backup(address(path), target)
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE x (y)")
    with pytest.raises(StoreError, match="a database of another program"):
        backup(address(path), target)
    assert list(tmp_path.iterdir()) == [path]


async def test_a_damaged_store_makes_no_copy(
    path: Path, tmp_path: Path, start: Start, called: Called
) -> None:
    async with Store.open(path) as store:
        journal = await store.begin(start())
        for number in range(80):
            call = called(f"a/{number}", f"{number} " * 400)
            await journal.record(call.site, call.request, call.outcome)
    [(page,)] = rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'call_seq'")
    assert isinstance(page, int)
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096 + 2000)
        file.write(b"\xff" * 2000)
    with pytest.raises(StoreError, match="damaged"):
        backup(address(path), tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_store_on_a_server_is_copied_by_its_own_tools() -> None:
    with pytest.raises(InputError) as refused:
        backup(address("postgresql://ada:hidden@host/rebut?schema=lab"), Path("my copy.dump"))
    command = "pg_dump --format=custom '--file=my copy.dump' --schema=lab postgresql://ada@host/rebut"
    assert f": {command} (or" in str(refused.value)
