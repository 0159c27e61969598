"""Files that appear whole or not at all."""

from __future__ import annotations

import gzip
import secrets
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
    with replacing(path.resolve()) as part, part.open("wb") as out:
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=out, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        else:
            yield out


@contextmanager
def replacing(target: Path) -> Generator[Path]:
    """An empty file beside `target` that takes its name once the block is done, and is gone if that fails.

    Who may read it is what the umask says for new files; where `target` was there, who might read that one.

    Raises:
        OSError: it cannot be made, or cannot take the name.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    allowed = target.stat().st_mode & 0o777 if target.is_file() else None
    part.touch(0o666 if allowed is None else 0o600, exist_ok=False)
    try:
        yield part
        if allowed is not None:
            part.chmod(allowed)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
