"""Roles as data files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rebut.agents.roles import BOUND, LIBRARY, RoleBook
from rebut.errors import WorkflowError

MINE = """---
about: Mine.
temperature: 0.1
---
{% message "user" %}mine: {{ question }}{{ mood }}{% endmessage %}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, "solver/default", MINE)


def write(folder: Path, name: str, source: str) -> Path:
    path = folder / f"{name}.j2"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
    return folder


def test_the_library_holds_the_roles_of_the_methods() -> None:
    assert {"debater", "judge", "refiner", "reviewer", "scorer", "solver", "step_scorer"} <= set(
        RoleBook().names()
    )


def test_every_mode_of_the_library_compiles_and_says_what_it_is_about() -> None:
    book = RoleBook()
    modes = [book.mode(role, mode) for role in book.names() for mode in book.role(role).modes]
    assert len(modes) == len(list(LIBRARY.glob("*/*.j2")))
    assert all(mode.about.endswith(".") and not mode.needs & BOUND for mode in modes)


def test_every_role_of_the_library_has_a_default_mode() -> None:
    book = RoleBook()
    assert all("default" in book.role(name).modes for name in book.names())


def test_a_users_folder_goes_before_the_library(folder: Path) -> None:
    book = RoleBook([folder])
    assert book.mode("solver").about == "Mine."
    assert book.mode("solver").temperature == 0.1
    assert {"default", "steps"} <= set(book.role("solver").modes)


def test_the_first_of_two_folders_wins(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", "solver/default", MINE.replace("Mine.", "Other."))
    assert RoleBook([other, folder]).mode("solver").about == "Other."


def test_needs_are_what_the_workflow_must_give(folder: Path) -> None:
    assert RoleBook([folder]).role("solver").mode().needs == {"mood"}
    assert RoleBook().mode("debater").needs == {"side", "opponent", "level", "arguments"}


def test_an_unknown_role_or_mode_is_refused_with_what_there_is() -> None:
    with pytest.raises(WorkflowError, match=r"unknown role: 'slover' \(did you mean 'solver'\?\)"):
        RoleBook().role("slover")
    with pytest.raises(
        WorkflowError, match=r"unknown mode of role 'judge': 'setle' \(did you mean 'settle'\?\)"
    ):
        RoleBook().mode("judge", "setle")
    with pytest.raises(WorkflowError, match=r"unknown role: '\.\./judge'"):
        RoleBook().mode("../judge")


def test_a_broken_role_file_is_refused_with_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, "poet/default", '---\nabout: x\n---\n{% message "user" %}\n{{ a b }}\n{% endmessage %}')
    with pytest.raises(WorkflowError, match=r"poet/default\.j2:5: "):
        RoleBook([tmp_path]).mode("poet")


def test_a_failing_prompt_names_the_line_of_the_file(folder: Path) -> None:
    mode = RoleBook([folder]).mode("solver")
    with pytest.raises(WorkflowError, match=r"^solver/default\.j2:5: 'mood' is undefined") as wrong:
        mode.render({"question": "?"})
    assert wrong.value.file == str(folder / "solver" / "default.j2")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "poet").mkdir()
    (tmp_path / "poet" / "default.j2").write_bytes(b"---\nabout: \xff\n---\n")
    with pytest.raises(WorkflowError, match=r"poet/default\.j2: cannot be read"):
        RoleBook([tmp_path]).mode("poet")


def test_a_resumed_run_uses_the_prompts_that_it_began_with(folder: Path) -> None:
    kept = RoleBook([folder]).snapshot([("solver", "default"), ("judge", "settle"), ("solver", "default")])
    assert list(kept) == ["judge/settle", "solver/default"]
    write(folder, "solver/default", MINE.replace("mine:", "changed:"))
    book = RoleBook.from_snapshot(kept)
    (message,) = book.mode("solver").render({"question": "?", "mood": "!"})
    assert message.content == "mine: ?!"
    assert book.snapshot([("judge", "settle")]) == {"judge/settle": kept["judge/settle"]}
    assert book.names() == ("judge", "solver")
    with pytest.raises(WorkflowError, match="unknown role: 'scorer'"):
        book.role("scorer")


def test_a_book_reads_a_file_once(folder: Path) -> None:
    book = RoleBook([folder])
    before = book.mode("solver")
    write(folder, "solver/default", MINE.replace("Mine.", "Changed."))
    assert book.mode("solver") is before
    assert RoleBook([folder]).mode("solver").about == "Changed."


def test_naming_roles_does_not_import_the_template_engine() -> None:
    code = "import sys, rebut.agents.roles as r; r.RoleBook().names(); print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "False"
