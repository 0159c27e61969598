"""Reads the facts at the head of a GGUF file, without loading it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from rebut.errors import ModelUnavailable

_SIZES = {
    0: 1,
    1: 1,
    2: 2,
    3: 2,
    4: 4,
    5: 4,
    6: 4,
    7: 1,
    10: 8,
    11: 8,
    12: 8,
}  # bytes of a value, by its type
_STRING, _ARRAY = 8, 9
_INTEGERS = {0: "<B", 2: "<H", 4: "<I", 5: "<i", 10: "<Q", 11: "<q"}
_LONGEST = 1 << 20


def trained_context(path: Path) -> int | None:
    """How many tokens of context the model was trained for; None when the file does not say.

    Raises:
        ModelUnavailable: the file cannot be read, is not a GGUF file, or ends within its head.
    """
    try:
        with path.open("rb") as file:
            return _context_length(file, path)
    except OSError as bad:
        raise ModelUnavailable(f"cannot read {path}: {bad.strerror}", model=f"local/{path}") from None
    except (struct.error, ValueError):
        raise ModelUnavailable(
            f"{path} is damaged: its head is cut or garbled", model=f"local/{path}"
        ) from None


def _context_length(file: BinaryIO, path: Path) -> int | None:
    if file.read(4) != b"GGUF":
        raise ModelUnavailable(f"{path} is not a GGUF file", model=f"local/{path}")
    _version, _tensors, entries = struct.unpack("<IQQ", file.read(20))
    for _ in range(entries):
        key = _string(file)
        (kind,) = struct.unpack("<I", file.read(4))
        if key.endswith(b".context_length") and kind in _INTEGERS:
            (value,) = struct.unpack(_INTEGERS[kind], file.read(_SIZES[kind]))
            return int(value)
        _skip(file, kind)
    return None


def _string(file: BinaryIO) -> bytes:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _LONGEST:
        raise ValueError(length)
    return file.read(length)


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        (length,) = struct.unpack("<Q", file.read(8))
        file.seek(length, 1)
    elif kind == _ARRAY:
        item, count = struct.unpack("<IQ", file.read(12))
        if item in _SIZES:
            file.seek(_SIZES[item] * count, 1)
            return
        for _ in range(count):
            _skip(file, item)
    elif kind in _SIZES:
        file.seek(_SIZES[kind], 1)
    else:
        raise ValueError(kind)
