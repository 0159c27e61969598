"""What the tests of workflows share: the folder's helpers, and a small book of roles, so that the checks of
files do not hang on the library's prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from rebut.errors import WorkflowError, suggest


@dataclass(frozen=True)
class FakeMode:
    """What the checks ask of a mode."""

    returns: str
    needs: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()


class FakeBook:
    """Roles by name and mode."""

    modes: ClassVar[dict[str, dict[str, FakeMode]]] = {
        "solver": {"default": FakeMode("text"), "steps": FakeMode("text")},
        "rewriter": {"default": FakeMode("text", frozenset({"last"}))},
        "listener": {"default": FakeMode("text", wants=frozenset({"heard"}))},
        "reviewer": {"default": FakeMode("critique", frozenset({"draft"}))},
        "refiner": {"default": FakeMode("text", frozenset({"draft", "critique"}))},
        "debater": {"default": FakeMode("text", frozenset({"stance"}), frozenset({"arguments"}))},
        "judge": {
            "default": FakeMode("verdict", frozenset({"arguments"})),
            "settle": FakeMode("verdict", frozenset({"arguments"})),
        },
        "scorer": {"default": FakeMode("score", frozenset({"item"}))},
        "checker": {"default": FakeMode("label", wants=frozenset({"labels"}))},
    }

    def names(self) -> list[str]:
        return sorted(self.modes)

    def mode(self, role: str, mode: str | None = None) -> FakeMode:
        if role not in self.modes:
            raise WorkflowError(f"unknown role: {role!r}")
        modes = self.modes[role]
        name = mode or "default"
        if name not in modes:
            raise WorkflowError(f"unknown mode of role {role!r}: {name!r}{suggest(name, list(modes))}")
        return modes[name]


@pytest.fixture
def book() -> FakeBook:
    return FakeBook()
