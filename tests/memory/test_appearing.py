"""A file appears whole or not at all, and is for no more eyes than it should be."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rebut.memory.appearing import appearing, replacing


@pytest.fixture
def private() -> Iterator[None]:
    """New files are for their owner."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), appearing(path) as out:
        out.write(b"new")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_file_is_packed_where_its_name_says_so(tmp_path: Path) -> None:
    for name in ("a.txt.gz", "b.txt.gz"):
        with appearing(tmp_path / name) as out:
            out.write(b"text")
    one, other = (path.read_bytes() for path in tmp_path.iterdir())
    assert one == other and gzip.decompress(one) == b"text"


def test_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "deep" / "a.txt", tmp_path / "link"
    path.parent.mkdir()
    path.touch(0o600)
    link.symlink_to(path)
    with appearing(link) as out:
        out.write(b"new")
    assert link.is_symlink() and path.read_text() == "new" and mode(path) == 0o600


@pytest.mark.usefixtures("private")
def test_a_new_file_is_for_those_whom_the_umask_lets_in(tmp_path: Path) -> None:
    with appearing(tmp_path / "a.txt") as out:
        out.write(b"new")
    assert mode(tmp_path / "a.txt") == 0o600


@pytest.mark.parametrize("allowed", [0o600, 0o640, 0o664, 0o400])
def test_an_overwritten_file_is_for_those_for_whom_it_was(tmp_path: Path, allowed: int) -> None:
    path = tmp_path / "a.txt"
    path.touch()
    path.chmod(allowed)
    with appearing(path) as out:
        [part] = set(tmp_path.iterdir()) - {path}
        assert mode(part) == 0o600, "not even while it is written may others read it"
        out.write(b"new")
    assert path.read_text() == "new" and mode(path) == allowed


def test_two_who_write_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as one:
        with replacing(path) as other:
            other.write_text("second")
            one.write_text("first")
        assert path.read_text() == "second"
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]
