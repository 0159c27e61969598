"""JSON: one object a line, or one array of objects; either may be compressed."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from rebut.errors import InputError

from ..spec import DataSpec
from .problems import Problems

LONGEST = 10_000_000
"""Bytes of one row."""
LARGEST_ARRAY = 256_000_000
"""Bytes of a JSON array, which has to be read as a whole."""

_HALF = re.compile("[\ud800-\udfff]")
_MARK = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")

Rows = Iterator[tuple[int, dict[str, Any]]]


@contextmanager
def opened(path: Path, name: str) -> Generator[IO[bytes], None, None]:
    """A file's bytes, unpacked where it is compressed.

    Raises:
        InputError: it is not what its name says.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(2)
            raw.seek(0)
            if not path.name.lower().endswith(".gz"):
                if start in _WIDE:
                    raise InputError(f"{name}: the text is UTF-16: save it as UTF-8")
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(IO[bytes], unpacked)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{name}: not a whole gzip file: {error}") from error


def json_lines(path: Path, problems: Problems, _: DataSpec, __: frozenset[str]) -> Rows:
    """The objects of a file of JSON lines; blank lines are passed over."""
    with opened(path, problems.name) as lines:
        for row, line in enumerate(iter(lambda: lines.readline(LONGEST + 1), b""), 1):
            if len(line) > LONGEST:
                raise InputError(f"{problems.name}:{row}: the row is longer than {LONGEST} bytes")
            text = (line.removeprefix(_MARK) if row == 1 else line).strip()
            if row == 1 and text in (b"[", b"{"):
                raise InputError(f"{problems.name}: one JSON object a line is needed{_other(text)}")
            if text and (record := _object(text, row, problems)) is not None:
                yield row, record


def _other(first: bytes) -> str:
    return " (a JSON array? call the file .json)" if first == b"[" else ", not one over several lines"


def _object(text: bytes, row: int, problems: Problems) -> dict[str, Any] | None:
    try:
        record = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        problems.add(row, f"not UTF-8 (byte {error.start + 1} of the row is {text[error.start]:#x})")
    except (ValueError, RecursionError) as error:
        problems.add(row, f"not JSON: {error}")
    else:
        return _whole(record, row, problems, halves=b"\\ud" in text.lower())
    return None


def _whole(record: Any, row: int, problems: Problems, *, halves: bool) -> dict[str, Any] | None:
    if halves and (half := _HALF.search(json.dumps(record, ensure_ascii=False))):
        problems.add(row, f"half a character ({half[0]!a}): not Unicode")
    elif isinstance(record, dict):
        return record
    else:
        problems.add(row, f"a JSON object is needed, not {type(record).__name__}")
    return None


def json_array(path: Path, problems: Problems, _: DataSpec, __: frozenset[str]) -> Rows:
    """The objects of a JSON array, numbered from 1."""
    name = problems.name
    with opened(path, name) as file:
        text = file.read(LARGEST_ARRAY + 1).removeprefix(_MARK)
    if len(text) > LARGEST_ARRAY:
        raise InputError(f"{name}: a JSON array of more than {LARGEST_ARRAY} bytes: make JSON lines of it")
    if not text.strip():
        return
    try:
        found = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 (byte {error.start + 1})") from error
    except (ValueError, RecursionError) as error:
        note = " (JSON lines? call the file .jsonl)" if "Extra data" in str(error) else ""
        raise InputError(f"{name}: not JSON: {error}{note}") from error
    if not isinstance(found, list):
        raise InputError(f"{name}: an array of objects is needed, not {type(found).__name__}")
    halves = b"\\ud" in text.lower()
    for row, record in enumerate(found, 1):
        if (one := _whole(record, row, problems, halves=halves)) is not None:
            yield row, one
