"""Workflow files: found by name or path, read, checked, and handed over as a `WorkflowSpec`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rebut.errors import InputError, WorkflowError, suggest

from . import checks
from .callees import DEEPEST, resolve
from .diagnostics import Diagnostic, Problems, WorkflowInvalid, ordered
from .draft import Draft, Roles, draft
from .source import LARGEST, read
from .spec import WorkflowSpec

LIBRARY = Path(__file__).parent / "library"

_SUFFIXES = (".yaml", ".yml")
_LISTED = 10


def names() -> list[str]:
    """The workflows of the library."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(ref: str | Path) -> Path:
    """The file of a workflow: a path, or a name in the library.

    Raises:
        InputError: there is no such file or name.
    """
    path = Path(ref)
    named = isinstance(ref, str) and path.name == ref and path.suffix not in _SUFFIXES
    if named and _is_file(LIBRARY / f"{ref}.yaml"):
        return LIBRARY / f"{ref}.yaml"
    if _is_file(path):
        return path
    if named:
        raise InputError(f"unknown workflow: {ref!r}{_meant(path) or suggest(str(ref), names())}")
    raise InputError(f"no such workflow file: {str(ref)!r}{_meant(path)}")


def _meant(path: Path) -> str:
    """A ``did you mean`` clause where a workflow file of nearly that name is there; empty where none is."""
    bare = path.with_suffix("") if path.suffix in _SUFFIXES else path
    for suffix in _SUFFIXES if path.name else ():
        if _is_file(near := bare.with_name(bare.name + suffix)):
            return f" (did you mean {_typed(near)!r}?)"
    with suppress(OSError):
        folder = path if path.is_dir() else path.parent
        files = sorted(_typed(file) for file in folder.iterdir() if file.suffix in _SUFFIXES)
        close = files if folder is path else get_close_matches(_typed(path), files, n=1, cutoff=0.8)
        return suggest(_typed(path), close[:_LISTED])
    return ""


def _typed(path: Path) -> str:
    """A path as it has to be typed: a bare name would be one of the library."""
    return f"{os.curdir}{os.sep}{path}" if path.parent == Path() else str(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long for a name, or in a folder that is closed to us
        return False


def load(ref: str | Path, *, roles: Roles | None = None) -> WorkflowSpec:
    """Load a workflow from the library or a file.

    Raises:
        InputError: there is no such workflow, or its file cannot be read.
        WorkflowInvalid: the file has mistakes; all are listed with line and column.
    """
    path = find(ref)
    return loads(_text(path), str(path), roles=roles)


def loads(
    text: str,
    path: str = "<string>",
    *,
    roles: Roles | None = None,
    callees: Mapping[str, Any] | None = None,
) -> WorkflowSpec:
    """Load a workflow from YAML text; `path` is what messages call it.

    Args:
        callees: the workflows that it calls, where a run has kept them: by what the text calls each, its
            `source`, `path`, and `callees` of its own. None looks for them in the library and in files.

    Raises:
        WorkflowInvalid: the text has mistakes; all are listed with line and column.
    """
    return _loaded(text, path, roles, _Callees(path, roles) if callees is None else _Kept(callees, roles))


def _loaded(text: str, path: str, roles: Roles | None, callees: _Callees | _Kept) -> WorkflowSpec:
    found, problems = _checked(text, path, roles, callees)
    if found is None or problems.errors:
        raise WorkflowInvalid(ordered(problems.found), path)
    return found.spec


def check(ref: str | Path, *, roles: Roles | None = None) -> list[Diagnostic]:
    """All problems of a workflow, errors and warnings, in the order of the file.

    Raises:
        InputError: there is no such workflow, or its file cannot be read.
    """
    path = find(ref)
    return checks_of(_text(path), str(path), roles=roles)


def checks_of(text: str, path: str = "<string>", *, roles: Roles | None = None) -> list[Diagnostic]:
    """All problems of a workflow's text, errors and warnings, in the order of the text."""
    return ordered(_checked(text, path, roles, _Callees(path, roles))[1].found)


class _Callees:
    """Reads the workflows that a file calls, from the library or beside it; each file once."""

    def __init__(
        self,
        path: str,
        roles: Roles | None,
        above: tuple[Path, ...] = (),
        read: dict[Path, WorkflowSpec] | None = None,
    ) -> None:
        self._folder, self._roles = Path(path).parent, roles
        self._above = (*above, Path(path).resolve())
        self._read: dict[Path, WorkflowSpec] = {} if read is None else read

    def __call__(self, ref: str) -> WorkflowSpec:
        named = Path(ref).name == ref and Path(ref).suffix not in _SUFFIXES
        path = LIBRARY / f"{ref}.yaml" if named else self._folder / ref
        here = path.resolve()
        if here in self._above:
            circle = [*self._above[self._above.index(here) :], here]
            raise WorkflowError(f"workflows call each other: {' -> '.join(p.stem for p in circle)}")
        if len(self._above) >= DEEPEST:
            raise WorkflowError(f"too many workflows within each other (limit: {DEEPEST})")
        if named and not _is_file(path):
            hint = suggest(ref, names())
            raise InputError(f"unknown workflow: {ref!r}{hint if 'mean' in hint else ' (or write a path)'}")
        if here not in self._read:
            text = _text(find(path))
            within = _Callees(str(path), self._roles, self._above, self._read)
            self._read[here] = _loaded(text, str(path), self._roles, within)
        return self._read[here]


class _Kept:
    """Reads the workflows that a run has kept."""

    def __init__(self, kept: Mapping[str, Any], roles: Roles | None) -> None:
        self._kept, self._roles = kept, roles

    def __call__(self, ref: str) -> WorkflowSpec:
        if ref not in self._kept:
            raise InputError(f"the run kept no workflow {ref!r}")
        one = self._kept[ref]
        return _loaded(one["source"], one["path"], self._roles, _Kept(one["callees"], self._roles))


def _checked(
    text: str, path: str, roles: Roles | None, callees: _Callees | _Kept
) -> tuple[Draft | None, Problems]:
    text = text.removeprefix("\ufeff")
    problems = Problems(path, text)
    piece = read(text, problems)
    found = draft(piece, problems, path, text, roles) if piece is not None else None
    if found is not None:
        resolve(found, callees)
        checks.run(found)
    return found, problems


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > 4 * LARGEST:
            raise InputError(f"workflow file too large: {str(path)!r} (limit: {LARGEST} characters)")
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"workflow file is not UTF-8: {str(path)!r} (byte {error.start})") from error
    except OSError as error:
        raise InputError(f"workflow file cannot be read: {str(path)!r} ({error.strerror})") from error
