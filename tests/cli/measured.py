"""A scenario of three items and a script that has two of them right."""

from __future__ import annotations

from pathlib import Path

SCRIPT = """
rules:
  - {when: What is 5, say: "Answer: 7"}
  - {say: "Answer: 42"}
"""
SPEC = """
name: mine
data: {file: d.csv}
kind: number
workflows: [solve, self-consistency]
models: scripted/s.yaml
"""
DATA = "id,question,answer\na,What is 5 + 2?,7\nb,What is 6 * 7?,42\nc,What is 50 - 1?,49\n"


def write(folder: Path) -> Path:
    """Put scenario, script and data into a folder."""
    for name, text in (("s.yaml", SCRIPT), ("mine.yaml", SPEC), ("d.csv", DATA)):
        (folder / name).write_text(text)
    return folder
