"""Workflow files: found by name or path, read, checked, and handed over as a `WorkflowSpec`."""

from __future__ import annotations

from pathlib import Path

from rebut.errors import InputError, suggest

from . import checks
from .diagnostics import Diagnostic, Problems, WorkflowInvalid, ordered
from .draft import Draft, Roles, draft
from .source import LARGEST, read
from .spec import WorkflowSpec

LIBRARY = Path(__file__).parent / "library"


def names() -> list[str]:
    """The workflows of the library."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(ref: str | Path) -> Path:
    """The file of a workflow: a path, or a name in the library.

    Raises:
        InputError: there is no such file or name.
    """
    path = Path(ref)
    named = isinstance(ref, str) and path.name == ref and path.suffix not in (".yaml", ".yml")
    if named and (LIBRARY / f"{ref}.yaml").is_file():
        return LIBRARY / f"{ref}.yaml"
    if path.is_file():
        return path
    if named:
        raise InputError(f"unknown workflow: {ref!r}{suggest(str(ref), names())}")
    raise InputError(f"no such workflow file: {str(ref)!r}")


def load(ref: str | Path, *, roles: Roles | None = None) -> WorkflowSpec:
    """Load a workflow from the library or a file.

    Raises:
        InputError: there is no such workflow, or its file cannot be read.
        WorkflowInvalid: the file has mistakes; all are listed with line and column.
    """
    path = find(ref)
    return loads(_text(path), str(path), roles=roles)


def loads(text: str, path: str = "<string>", *, roles: Roles | None = None) -> WorkflowSpec:
    """Load a workflow from YAML text; `path` is what messages call it.

    Raises:
        WorkflowInvalid: the text has mistakes; all are listed with line and column.
    """
    found, problems = _checked(text, path, roles)
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
    return ordered(_checked(text, path, roles)[1].found)


def _checked(text: str, path: str, roles: Roles | None) -> tuple[Draft | None, Problems]:
    text = text.removeprefix("\ufeff")
    problems = Problems(path, text)
    piece = read(text, problems)
    found = draft(piece, problems, path, text, roles) if piece is not None else None
    if found is not None:
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
