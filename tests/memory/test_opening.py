"""Stores that cannot be opened say why, and what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from rebut.errors import InputError, StoreError
from rebut.memory.store import Store


async def test_folders_are_made(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "a" / "b" / "runs.db") as store:
        assert store.path.is_file()


async def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "größe 100% #1?.db"
    async with Store.open(str(path)) as store:
        assert await store.runs() == []
    assert path.is_file()


async def test_a_url_names_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with Store.open(f"sqlite:///{path}?durability=full&timeout=2") as store:
        assert store.path == path


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "sqlite:///x.db?durabilty=full",
            r"unknown option 'durabilty' of a store \(did you mean 'durability'\?\)",
        ),
        ("sqlite:///x.db?durability=ful", r"unknown durability 'ful' \(did you mean 'full'\?\)"),
        ("sqlite:///x.db?timeout=soon", "timeout of a store is a number of seconds, found 'soon'"),
        ("sqlite:///x.db?timeout=nan", "timeout of a store is a number of seconds, found 'nan'"),
        ("sqlite:///x.db?timeout=-1", "timeout of a store is a number of seconds, found '-1'"),
        ("sqlite://", r"a store is a file, found '' \(like: runs\.db\)"),
        (":memory:", "a store is a file, found ':memory:'"),
        ("", "a store is a file, found ''"),
        ("oracle://ada:secret@host/db", r"store 'oracle://ada:\*\*\*@host/db' is of a kind not known here"),
        ("://", "the store's URL cannot be read"),
        ("postgresql://ada:secret@host", r"the store's URL names no database \(like: postgresql://"),
        ("postgresql://ada:1@secret@host/db", "more than one @; in a password, write @ as %40"),
        ("postgresql://ada:/secret", "the store's URL cannot be read .*; in a password, write @ as %40"),
        ("postgresql+asyncpg://ada:secret@host/db", r"by psycopg, not 'postgresql\+asyncpg'"),
        ("postgresql://host/db?schma=x", r"unknown option 'schma' of a store \(did you mean 'schema'"),
        ("postgresql://host/db?password=secret", "unknown option 'password' of a store"),
        ("postgresql://host/db?durability=off", "unknown durability 'off'"),
        ('postgresql://host/db?schema=x";', "a store's schema has a name of a-z, 0-9 and _, found"),
        ("sqlite:///x.db?schema=x", "unknown option 'schema' of a store"),
    ],
)
def test_a_wrong_address_is_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        Store.open(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("body", [b"not a database, but long enough to be looked at" * 20, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    with pytest.raises(
        StoreError, match=r"cannot open store .*runs\.db: the file is damaged or is not a database"
    ):
        Store.open(path)
    assert path.read_bytes() == body


def test_a_database_of_another_program_is_not_taken_over(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE run (a TEXT)")
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"cannot open store .*runs\.db: it is a database of another program"
    ):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open store .*: the file cannot be opened or made"):
        Store.open(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot open store .*: (Not a directory|File exists)"):
        Store.open(tmp_path / "file" / "runs.db")


def test_a_locked_new_file_is_waited_for_only_so_long(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"has kept it locked for 0\.1 s"):
            Store.open(f"sqlite:///{path}?timeout=0.1")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_a_folder_that_cannot_be_written_is_named() -> None:
    program = (
        "import os, sys\n"
        "from rebut.memory.store import Store\n"
        "from rebut.errors import StoreError\n"
        "os.getuid() == 0 and os.setuid(65534)\n"
        "for name in ('new.db', 'old.db', 'below/new.db'):\n"
        "    try: Store.open(os.path.join(sys.argv[1], name))\n"
        "    except StoreError as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "old.db").touch()
        Path(folder).chmod(0o555)
        (Path(folder) / "old.db").chmod(0o444)
        done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True)
        Path(folder).chmod(0o755)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert "the file cannot be opened or made" in lines[0]
    assert "cannot be written: mend its permissions" in lines[1]
    assert "Permission denied" in lines[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit on the size of files")
def test_a_disk_that_gives_out_is_named(path: Path) -> None:
    program = (
        "import asyncio, resource, sys\n"
        "from rebut.memory.store import Store\n"
        "from rebut.memory.values import RunStart\n"
        "async def main():\n"
        "    async with Store.open(sys.argv[1]) as store:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "        for n in range(20):\n"
        "            await store.begin(RunStart(run=str(n), workflow='w', input={'q': 'x' * 30_000}))\n"
        "try: asyncio.run(main())\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert done.stdout.startswith(f"StoreError cannot write to store {path}: the disk "), done
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
