"""What the rules of selection take where a file says nothing, and which keys mean something to them."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("beam", "particles")
"""Rules that go level by level; `dfs` and `best` go node by node; all others walk down from the root."""
WALKS = ("uct", "puct", "rain", "rest", "priority")


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values of `c`, `keep`, `iterations`, `prior` and `backup`; None where the rule has no use for one."""

    c: float | None = None
    keep: int | None = None
    iterations: int | None = None
    prior: str = "none"
    backup: str = "none"


DEFAULTS: dict[str, Defaults] = {
    "beam": Defaults(keep=3),
    "particles": Defaults(keep=4),
    "dfs": Defaults(iterations=50),
    "best": Defaults(iterations=50),
    "uct": Defaults(c=1.41, iterations=20, backup="mean"),
    "puct": Defaults(c=1.25, iterations=20, backup="mean"),
    "rain": Defaults(c=2.0, iterations=50, prior="probability", backup="mean"),
    "rest": Defaults(c=0.7, iterations=20, backup="children"),
    "priority": Defaults(iterations=20, backup="mean"),
}

USED_BY: dict[str, tuple[str, ...]] = {
    "keep": (*LEVELS, "dfs"),
    "merge": ("beam", "dfs", "best", *WALKS),
    "threshold": ("beam", "dfs", "best"),
    "iterations": ("dfs", "best", *WALKS),
    "wave": ("best", *WALKS),
    "c": ("uct", "puct", "rain", "rest"),
    "unvisited": ("rest",),
    "priority": ("priority",),
    "prior": ("puct", "rain", "priority"),
    **dict.fromkeys(("backup", "share", "widen", "evaluate", "commit"), WALKS),
}
"""Keys that mean something under some rules of selection only."""

JOINTS = {"step": "\n", "continue": "", "whole": ""}


def joint_of(unit: str, until: tuple[str, ...]) -> str:
    """Text between units where a file names none: back ends leave out the text at which a reply ends."""
    return until[0] if unit == "continue" and until else JOINTS[unit]
