"""The two forms of a log file: an archive with a file for each sample, and one file of JSON."""

from __future__ import annotations

import importlib
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from rebut.errors import InputError, SettingsError

LARGEST = 1 << 30
"""Bytes of one part of a log at most, unpacked."""

_ZSTANDARD = 93
_LOCAL = struct.Struct("<26xHH")
"""The lengths of name and extra field in the header of an archive's file."""


class Packed:
    """A log as an archive (``.eval``): the samples are written one after another."""

    def __init__(self, out: IO[bytes], head: Mapping[str, Any]) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        self._head = head
        self._summaries: list[Mapping[str, Any]] = []
        self._put("_journal/start.json", {name: head[name] for name in ("version", "eval", "plan")})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._put("summaries.json", self._summaries)
            self._put("header.json", self._head)
        self._zip.close()

    def sample(self, made: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
        """Write a sample."""
        self._put(f"samples/{made['id']}_epoch_{made['epoch']}.json", made)
        self._summaries.append(summary)

    def _put(self, name: str, value: Any) -> None:
        # a time of its own would make other bytes of the same log
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, orjson.dumps(value))


class Plain:
    """A log as one file of JSON, the samples at its end: what only looks at the head need not read them."""

    def __init__(self, out: IO[bytes], head: Mapping[str, Any]) -> None:
        self._out, self._count = out, 0
        out.write(orjson.dumps(head)[:-1] + b',\n"samples":[')

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.write(b"]}\n")

    def sample(self, made: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
        """Write a sample."""
        self._out.write((b",\n" if self._count else b"\n") + orjson.dumps(made))
        self._count += 1


def log_of(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The head and the samples of a log in either form.

    Raises:
        InputError: no such file, or not a log.
        SettingsError: it is packed with Zstandard, and nothing here can unpack that.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"PK"
        return _packed(path) if packed else _plain(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: a damaged archive: {error}") from error


def _plain(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    log = _object(path.read_bytes(), str(path))
    samples = log.pop("samples", None) or []
    if not isinstance(log.get("eval"), dict) or not isinstance(samples, list):
        raise InputError(f'{path}: not a log of inspect_ai: it has no "eval"')
    return log, iter(samples)


def _packed(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        head = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
        if head is None:
            raise InputError(f"{path}: not a log of inspect_ai: the archive has no header.json")
        log = _object(_part(path, archive, head), f"{path}: {head}")
    return log, _samples(path, [name for name in dict.fromkeys(names) if name.startswith("samples/")])


def _samples(path: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for name in names:
            yield _object(_part(path, archive, name), f"{path}: {name}")


def _object(body: bytes, where: str) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        value = _lenient(body)
        if value is None:
            raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, found {type(value).__name__}")
    return value


def _lenient(body: bytes) -> Any:
    """JSON with NaN and Infinity, which logs may hold; None if it is not even that."""
    import json

    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return None


def _part(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > LARGEST:
        raise InputError(f"{path}: {name} has {info.file_size} bytes: too many")
    if info.compress_type != _ZSTANDARD or sys.version_info >= (3, 14):
        return archive.read(name)
    with path.open("rb") as file:
        file.seek(info.header_offset)
        lengths = _LOCAL.unpack(file.read(_LOCAL.size))
        file.seek(sum(lengths), 1)
        return _unpacked(file.read(info.compress_size), info.file_size, path)


def _unpacked(body: bytes, size: int, path: Path) -> bytes:
    """The bytes that Zstandard packed, by whatever is installed that can unpack them."""
    with suppress(ImportError):
        zstandard: Any = importlib.import_module("zstandard")
        return bytes(zstandard.ZstdDecompressor().decompress(body, max_output_size=size))
    with suppress(ImportError):
        arrow: Any = importlib.import_module("pyarrow")
        return bytes(arrow.Codec("zstd").decompress(body, decompressed_size=size))
    raise SettingsError(
        f"{path} is packed with Zstandard: install rebut[data], or write it anew with: "
        f"inspect log convert {path} --to json --output-dir ."
    )
