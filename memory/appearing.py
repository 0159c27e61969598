"""Files that appear whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def appearing(path: Path) -> Generator[IO[bytes]]:
    """A file to write to that takes its name once the block is done; packed where the name ends with ``.gz``.

    What the block writes before it fails is gone. A pipe or a device, such as ``/dev/stdout``, is written to
    as it is. The same bytes make the same file, packed too.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as out:
            yield out
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=out, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield out
        part.replace(path.resolve())
    finally:
        part.unlink(missing_ok=True)
