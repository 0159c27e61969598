"""Writes the pages of docs/workflows from the files of the library.

python docs/build.py
"""

from __future__ import annotations

from pathlib import Path

import rebut
from rebut.cli.pages import index, page
from rebut.graphs.loader import names

FOLDER = Path(__file__).parent / "workflows"


def pages() -> dict[str, str]:
    """Name of each file and its text."""
    workflows = [rebut.load(name) for name in names()]
    return {"README.md": index(workflows)} | {f"{w.name}.md": page(w) for w in workflows}


def main() -> None:
    """Write what is new, and remove what is no longer there."""
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
