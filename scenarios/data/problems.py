"""What is wrong with data, row by row: the first problems in full, the rest counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from rebut.errors import InputError

SHOWN = 10
"""Problems that are told in full; the rest is counted."""


class ItemsInvalid(InputError):
    """Rows of a data file do not fit; the text names rows and fields."""


@dataclass(slots=True)
class Problems:
    """What is wrong, and what is doubtful.

    Attributes:
        name: of the file that is being read.
        columns: that it has, where its rows do not show all of them.
    """

    name: str
    columns: tuple[str, ...] = ()
    found: list[str] = field(default_factory=list)
    count: int = 0
    doubts: list[str] = field(default_factory=list)
    doubted: int = 0

    def add(self, row: int, message: str, name: str | None = None) -> None:
        """Note what keeps a row from being an item; `name` of the file where it is another."""
        self.count += 1
        if len(self.found) < SHOWN:
            self.found.append(f"{name or self.name}:{row}: {message}")

    def doubt(self, row: int, message: str) -> None:
        """Note what is possible, and seldom meant."""
        self.doubted += 1
        if len(self.doubts) < SHOWN:
            self.doubts.append(f"{self.name}:{row}: {message}")

    def raise_if_any(self) -> None:
        """
        Raises:
            ItemsInvalid: there are problems.
        """
        if self.count:
            raise ItemsInvalid("\n".join([*self.found, *_more(self.count, len(self.found))]))

    @property
    def warnings(self) -> list[str]:
        """The doubts, as they are told."""
        return [*self.doubts, *_more(self.doubted, len(self.doubts))]


def _more(count: int, shown: int) -> list[str]:
    return [f"and {count - shown} more"] if count > shown else []
