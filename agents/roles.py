"""Roles: data files with prompts, found by name in the user's folders first and in the library last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebut.errors import WorkflowError, suggest

from ..models.wire import Message
from .forms import Form
from .frontmatter import FrontMatter, parse
from .pictures import pictures, shown
from .returns import Returns

if TYPE_CHECKING:
    from .templates import MessageTemplate

LIBRARY = Path(__file__).parent / "library"
DEFAULT = "default"
BOUND = frozenset({"question", "params", "agent", "visit", "index", "answer_format", "reply_format"})
"""Names that every template may use; what else a template needs, its workflow gives."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which a role is asked: its settings and its prompt.

    Attributes:
        needs: names that the workflow must bind, beside those in `BOUND`.
        wants: names that it may bind.
    """

    role: str
    name: str
    head: FrontMatter
    template: MessageTemplate

    @property
    def returns(self) -> Returns | Form:
        """Which record a reply becomes."""
        return self.head.returns

    @property
    def about(self) -> str:
        """One sentence on what the mode does."""
        return self.head.about

    @property
    def answer_required(self) -> bool:
        """Whether a reply without an answer is asked again."""
        return self.head.answer == "required"

    @property
    def sees(self) -> str:
        """The fact that holds the pictures of its prompt; empty where it shows none."""
        return self.head.sees

    @property
    def temperature(self) -> float | None:
        """Default sampling temperature."""
        return self.head.temperature

    @property
    def top_p(self) -> float | None:
        """Default nucleus."""
        return self.head.top_p

    @property
    def max_tokens(self) -> int | None:
        """Default limit of a reply, in tokens."""
        return self.head.max_tokens

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end a reply."""
        return self.head.stop

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of which one is given, where the workflow names no others."""
        return self.head.labels

    @property
    def needs(self) -> frozenset[str]:
        """Names that the workflow must bind."""
        measured = self.returns.facts if isinstance(self.returns, Form) else frozenset[str]()
        wanted = frozenset({"labels"} if self.labels else ())
        seen = frozenset({self.sees} if self.sees else ())
        return (self.template.needs | measured | seen) - BOUND - wanted

    @property
    def wants(self) -> frozenset[str]:
        """Names that the workflow may bind."""
        labels = frozenset({"labels"} if self.returns == "label" else ())
        return (self.template.wants | labels) - BOUND

    def render(self, facts: Mapping[str, Any]) -> tuple[Message, ...]:
        """The chat messages; a last one of the assistant is a prefill.

        Raises:
            WorkflowError: with file and line: a name is not bound, or an operation failed.
            InputError: what should be a picture is none.
        """
        said = self.template.render(facts)
        return shown(said, pictures(facts.get(self.sees), self.sees)) if self.sees else said


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its name, and the names of its modes."""

    name: str
    modes: tuple[str, ...]
    book: RoleBook

    def mode(self, name: str | None = None) -> Mode:
        """A mode by its name; ``default`` where none is given.

        Raises:
            WorkflowError: there is no such mode, or its file is broken (with file and line).
        """
        return self.book.mode(self.name, name)


class RoleBook:
    """All roles: `folders` first, in order, then the library; one file ``<role>/<mode>.j2`` per mode.

    A file is read once in the life of a book, so a run keeps the prompts that it began with.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = (*folders, LIBRARY)
        self._sources: dict[tuple[str, str], tuple[str, str]] = {}
        self._modes: dict[tuple[str, str | None], Mode] = {}

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, str]) -> RoleBook:
        """The book that holds just what `snapshot` kept."""
        book = cls()
        book._folders = ()
        for key, source in snapshot.items():
            role, _, mode = key.partition("/")
            book._sources[role, mode] = (source, f"{key}.j2")
        return book

    def snapshot(self, uses: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The source of each (role, mode) used, by ``role/mode``.

        Raises:
            WorkflowError: there is no such role or mode.
        """
        return {f"{role}/{mode}": self._source(role, mode)[0] for role, mode in sorted(set(uses))}

    def names(self) -> tuple[str, ...]:
        """All roles, in the order of the alphabet."""
        return tuple(sorted({role for role, _ in self._files()}))

    def role(self, name: str) -> Role:
        """A role by its name.

        Raises:
            WorkflowError: there is no such role.
        """
        modes = tuple(sorted(mode for role, mode in self._files() if role == name))
        if not modes:
            raise WorkflowError(f"unknown role: {name!r}{suggest(name, self.names())}")
        return Role(name, modes, self)

    def mode(self, role: str, mode: str | None = None) -> Mode:
        """A mode of a role; ``default`` where none is named.

        Raises:
            WorkflowError: there is no such role or mode, or its file is broken (with file and line).
        """
        found = self._modes.get((role, mode))
        if found is None:
            name = mode or DEFAULT
            found = self._modes[role, mode] = _mode(role, name, *self._source(role, name))
        return found

    def _files(self) -> dict[tuple[str, str], Path | None]:
        found: dict[tuple[str, str], Path | None] = {}
        for folder in reversed(self._folders):
            found |= _shipped() if folder == LIBRARY else _listed(folder)
        return found | {key: found.get(key) for key in self._sources}

    def _source(self, role: str, mode: str) -> tuple[str, str]:
        """Text of the mode's file, and what to call the file in messages."""
        if (role, mode) not in self._sources:
            path = self._files().get((role, mode))
            if path is None:
                modes = self.role(role).modes
                raise WorkflowError(f"unknown mode of role {role!r}: {mode!r}{suggest(mode, modes)}")
            try:
                self._sources[role, mode] = (path.read_text("utf-8"), str(path))
            except (OSError, UnicodeDecodeError) as error:
                raise WorkflowError(f"{path}: cannot be read: {error}") from error
        return self._sources[role, mode]


def _listed(folder: Path) -> dict[tuple[str, str], Path]:
    """The files of a folder of roles, by role and mode."""
    return {(path.parent.name, path.stem): path for path in folder.glob("*/*.j2")}


@lru_cache(maxsize=1)
def _shipped() -> Mapping[tuple[str, str], Path]:
    """The files of the library, which do not change while it is used."""
    return _listed(LIBRARY)


@lru_cache(maxsize=512)
def _mode(role: str, name: str, source: str, file: str) -> Mode:
    from .templates import compiled

    head, body = parse(source, file)
    return Mode(role, name, head, compiled(body, file))
