"""Finds the weights that `local/<name>` means: a file, an installed package, or the Hugging Face cache."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import NamedTemporaryFile

from rebut.errors import ModelUnavailable, suggest

from .catalogue import KNOWN, Packaged

Progress = Callable[[int, int], None]
"""Takes (bytes done, bytes in all) while weights are put together."""

DEFAULT = "default"

_BLOCK = 1 << 22
_SPARE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Weights at hand. `path` is None while parts still have to be put together (done at first use)."""

    name: str
    path: Path | None
    size: int
    licence: str
    about: str


def find(name: str, *, home: Path, progress: Progress | None = None) -> Path:
    """The GGUF file of the model `local/<name>`; blocks, and may take seconds the first time.

    `name` is a path that ends in ``.gguf``, a name of the catalogue, a file in ``<home>/models`` without its
    ending, ``default`` (the best that is installed), or ``[hf:]owner/repo[/file.gguf]``.

    Raises:
        ModelUnavailable: nothing of that name is here, with the command that brings it; or the parts cannot
            be put together.
    """
    if name == DEFAULT:
        return _find_default(home, progress)
    if name.startswith("hf:"):
        return _from_hub(name.removeprefix("hf:"), name)
    file = Path(name).expanduser()
    if name.endswith(".gguf") and file.is_file():
        return file.resolve()
    for known in KNOWN:
        if name.lower() in (known.name, *known.aliases):
            return _find_known(known, home, progress)
    if _plain(name) and (own := _in_folders(f"{name}.gguf", home)):
        return own
    if _names_a_repository(name):
        return _from_hub(name, name)
    raise _unknown(name)


def installed(home: Path) -> list[Installed]:
    """The weights at hand, best first: those of the catalogue, then other GGUF files in ``<home>/models``."""
    found = [
        Installed(name=k.name, path=_ready(k, home), size=k.size, licence=k.licence, about=k.about)
        for k in KNOWN
        if _ready(k, home) or _parts(k)
    ]
    ours = {k.file for k in KNOWN}
    for file in (file for folder in _folders(home) for file in sorted(folder.glob("*.gguf"))):
        if file.name not in ours:
            size = file.stat().st_size
            found.append(Installed(name=file.stem, path=file, size=size, licence="", about="your own file"))
    return found


def _find_default(home: Path, progress: Progress | None) -> Path:
    for known in KNOWN:
        if _ready(known, home) or _parts(known):
            return _find_known(known, home, progress)
    ways = "; ".join(f"{k.command} ({k.name}, {_amount(k.size)})" for k in KNOWN)
    raise ModelUnavailable(f"no weights are installed; run one of: {ways}", model=f"local/{DEFAULT}")


def _find_known(known: Packaged, home: Path, progress: Progress | None) -> Path:
    ready = _ready(known, home)
    if ready is None:
        parts = _parts(known)
        if parts is None:
            raise ModelUnavailable(
                f"the weights of local/{known.name} are not installed ({_amount(known.size)}); "
                f"run: {known.command}",
                model=f"local/{known.name}",
            )
        ready = _assemble(known, parts, home, progress)
    _verify(known, ready, home)
    return ready


def _folders(home: Path) -> tuple[Path, ...]:
    """Where whole files lie: the folder that rebut writes to, then the user's cache."""
    import platformdirs

    return (home / "models", Path(platformdirs.user_cache_dir("rebut", appauthor=False)) / "models")


def _in_folders(file: str, home: Path) -> Path | None:
    return next((folder / file for folder in _folders(home) if (folder / file).is_file()), None)


def _ready(known: Packaged, home: Path) -> Path | None:
    """The whole file, in the folder of models or where its only part lies."""
    whole = _in_folders(known.file, home)
    if whole is not None:
        return whole
    parts = _parts(known) if len(known.parts) == 1 else None
    return parts[0] if parts else None


def _parts(known: Packaged) -> list[Path] | None:
    """The parts in order, or None when one of them is not installed."""
    found = [_file_of(distribution, known.pattern) for distribution in known.parts]
    parts = [part for part in found if part is not None]
    return parts if len(parts) == len(known.parts) else None


def _file_of(distribution: str, pattern: str) -> Path | None:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    located = (Path(str(file.locate())) for file in files if file.match(pattern))
    return next((path for path in located if path.is_file()), None)


def _assemble(known: Packaged, parts: Sequence[Path], home: Path, progress: Progress | None) -> Path:
    """Put the parts together under a temporary name, check them, and give the file its name."""
    folder = home / "models"
    target = folder / known.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{known.file}.lock"):
            if target.is_file():  # another process was quicker
                return target
            _need_room(known, folder)
            _join(known, parts, target, progress)
    except OSError as bad:
        why = "the disk is full" if bad.errno == errno.ENOSPC else (bad.strerror or str(bad))
        raise ModelUnavailable(f"cannot put {target} together: {why}", model=f"local/{known.name}") from None
    _stamp(known, target, home)
    return target


def _join(known: Packaged, parts: Sequence[Path], target: Path, progress: Progress | None) -> None:
    sha, done = hashlib.sha256(), 0
    with NamedTemporaryFile(dir=target.parent, prefix=f".{known.file}.", delete=False) as out:
        try:
            for block in _blocks(parts):
                out.write(block)
                sha.update(block)
                done += len(block)
                if progress is not None:
                    progress(done, known.size)
            out.flush()
            os.fsync(out.fileno())
            if sha.hexdigest() != known.sha256:
                raise _damaged(known, f"the parts of {known.group} do not add up to the published file")
            out.close()
            os.replace(out.name, target)
        except BaseException:
            out.close()
            with suppress(OSError):
                os.unlink(out.name)
            raise


def _blocks(parts: Sequence[Path]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _need_room(known: Packaged, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < known.size + _SPARE:
        raise ModelUnavailable(
            f"local/{known.name} needs {_amount(known.size + _SPARE)} in {folder}, "
            f"which has {_amount(free)} left",
            model=f"local/{known.name}",
        )


@contextmanager
def _alone(lock: Path) -> Generator[None]:
    """One process at a time; where the system has no such locks, the atomic rename alone must do."""
    with lock.open("a") as file:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _verify(known: Packaged, path: Path, home: Path) -> None:
    """Check the file against its published hash, once for each state of the file.

    Raises:
        ModelUnavailable: it is another file, or damaged.
    """
    if _stamped(known, path, home):
        return
    if path.stat().st_size != known.size:
        raise _damaged(known, f"{path} has {path.stat().st_size} bytes instead of {known.size}")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != known.sha256:
            raise _damaged(known, f"{path} does not have the published sha256")
    _stamp(known, path, home)


def _damaged(known: Packaged, what: str) -> ModelUnavailable:
    remedy = f"delete it, then run: {known.command} --reinstall"
    return ModelUnavailable(f"damaged weights: {what}; {remedy}", model=f"local/{known.name}")


def _state(known: Packaged, path: Path) -> dict[str, object]:
    stat = path.stat()
    return {"path": str(path), "size": stat.st_size, "mtime": stat.st_mtime_ns, "sha256": known.sha256}


def _stamped(known: Packaged, path: Path, home: Path) -> bool:
    try:
        stamp = json.loads((home / "models" / f".{known.file}.checked").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(stamp == _state(known, path))


def _stamp(known: Packaged, path: Path, home: Path) -> None:
    folder = home / "models"
    with suppress(OSError):  # a folder that cannot be written to: the file is hashed again next time
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{known.file}.checked.{os.getpid()}"
        fresh.write_text(json.dumps(_state(known, path)), encoding="utf-8")
        os.replace(fresh, folder / f".{known.file}.checked")


def _plain(name: str) -> bool:
    return name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def _names_a_repository(name: str) -> bool:
    parts = name.split("/")
    wanted = (2, 3) if name.endswith(".gguf") else (2,)
    return len(parts) in wanted and all(map(_plain, parts)) and not name.startswith((".", "~"))


def _from_hub(place: str, name: str) -> Path:
    from .hub import fetch

    if not _names_a_repository(place):
        raise ModelUnavailable(
            f"not a place on the Hugging Face hub: {place!r} (expected: owner/repo or owner/repo/file.gguf)",
            model=f"local/{name}",
        )
    owner, repo, *file = place.split("/")
    return fetch(f"{owner}/{repo}", file[0] if file else None, model=f"local/{name}")


def _unknown(name: str) -> ModelUnavailable:
    if name.endswith(".gguf"):
        return ModelUnavailable(f"no such file: {name!r}", model=f"local/{name}")
    names = [DEFAULT, *(k.name for k in KNOWN)]
    return ModelUnavailable(f"unknown local model: {name!r}{suggest(name, names)}", model=f"local/{name}")


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
